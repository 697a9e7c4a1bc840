"""Applications of frameworks, with requests as the client."""

import hashlib
import os
import re
import subprocess
import sys

import pytest
import requests

from conftest import APPS, Reply, Running
from test_input import chunked, post


class Site:
    """A running application, as requests sees it."""

    def __init__(self, running):
        self.running = running
        self.session = requests.Session()

    def __getattr__(self, method):
        def ask(path, **options):
            url = f"http://127.0.0.1:{self.running.port}{path}"
            return getattr(self.session, method)(url, timeout=20, **options)

        return ask


def site(name, **variables):
    with Running([name], **variables) as running:
        yield Site(running)


@pytest.fixture(scope="module")
def flask():
    yield from site("flask_app")


def test_flask_session(flask):
    assert flask.get("/me").text == "nobody"
    reply = flask.post("/login", data={"name": "Zo\xeb & co"})
    assert (reply.status_code, reply.text) == (200, "Zo\xeb & co")
    assert flask.get("/me").text == "Zo\xeb & co"


@pytest.mark.parametrize("size", [0, 1, 100_000, 5_000_000])
def test_flask_upload(flask, size):
    content = os.urandom(size)
    reply = flask.post("/upload", files={"file": ("caf\xe9.bin", content)}).json()
    assert reply == {"name": "caf\xe9.bin", "length": size, "sha256": hashlib.sha256(content).hexdigest()}


def test_flask_json_and_chunks(flask):
    assert flask.post("/json", json={"a": [1]}).json() == {"got": {"a": [1]}}
    assert flask.post("/raw", data=iter([b"abc", b"de"])).text == "5"
    assert flask.post("/raw", data=iter([bytes(700_000)] * 3)).text == "2100000"


def test_flask_stream(flask):
    reply = flask.get("/stream?word=a")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.text == "a0\na1\na2\na3\na4\n"


def test_flask_file(flask):
    content = (APPS / "flask_app.py").read_bytes()
    reply = flask.get("/file")
    assert reply.content == content
    assert flask.get("/file", headers={"If-None-Match": reply.headers["ETag"]}).status_code == 304
    part = flask.get("/file", headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, content[3:10])
    assert flask.head("/file").headers["Content-Length"] == str(len(content))


def test_flask_errors(flask):
    assert flask.get("/fails").status_code == 500
    assert "ValueError: as the test asks" in flask.running.errors()
    assert flask.get("/nothing").status_code == 404
    assert flask.put("/").status_code == 405
    assert flask.options("/").headers["Allow"]
    assert flask.head("/").headers["Content-Length"] == "13"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database with Django's tables and a user that may use the admin."""
    variables = {
        "DATABASE": str(tmp_path_factory.mktemp("django") / "db.sqlite3"),
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "DJANGO_SUPERUSER_PASSWORD": "secret",
    }
    for arguments in (["migrate"], ["createsuperuser", "--noinput", "--username=ada", "--email=ada@example.com"]):
        command = [sys.executable, "-m", "django", *arguments, "--pythonpath", str(APPS)]
        subprocess.run(command, env={**os.environ, **variables}, check=True, stdout=subprocess.DEVNULL)
    return variables


@pytest.fixture(scope="module")
def django(database):
    yield from site("mysite.wsgi", **database)


def token(page):
    return re.search(r"csrfmiddlewaretoken\"? value=\"?(\w+)", page)[1]


def test_django_admin(django):
    page = django.get("/admin/", allow_redirects=True)
    assert page.url.endswith("/admin/login/?next=/admin/")
    form = {"username": "ada", "password": "secret", "next": "/admin/", "csrfmiddlewaretoken": token(page.text)}
    page = django.post("/admin/login/", data=form)
    assert (page.status_code, "Log out" in page.text) == (200, True)
    users = django.get("/admin/auth/user/").text
    assert "ada@example.com" in users
    form = {"username": "new", "password1": "Sehr4geheim", "password2": "Sehr4geheim", "usable_password": "true",
            "csrfmiddlewaretoken": token(django.get("/admin/auth/user/add/").text)}  # fmt: skip
    assert "was added successfully" in django.post("/admin/auth/user/add/", data=form).text


def test_django_csrf(django):
    assert django.post("/form", data={"name": "Zo\xeb"}).status_code == 403
    form = {"name": "Zo\xeb", "csrfmiddlewaretoken": token(django.get("/form").text)}
    assert django.post("/form", data=form).text == "Hello, Zo\xeb!"


def test_django_content(django):
    assert django.post("/posted", data={"a": "1"}).text.startswith("{'a': ['1']} {} 3")
    files = {"file": ("name", bytes(3_000_000))}
    assert django.post("/posted", files=files).text.startswith("{} {'file': 3000000}")
    # Django takes content without a length for none.
    fields = "Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked"
    reply = Reply(django.running.send(post("/posted", *fields) + chunked(b"a=", b"12&b=3")))
    assert reply.text.startswith("{'a': ['12'], 'b': ['3']}")


def test_django_static_stream_and_file(django):
    assert "body" in django.get("/static/admin/css/base.css").text
    assert django.get("/stream").text == "01234"
    assert len(django.get("/file").content) == 1 << 20


def test_django_keeps_its_connections(database):
    with Running(["mysite.wsgi", "--threads", "1"], **database) as running:
        seen = {running.get("/users").text.split()[1] for _ in range(5)}
        assert len(seen) == 1


def test_pyramid():
    for pyramid in site("pyramid_app"):
        assert "<form" in pyramid.get("/form").text
        assert pyramid.post("/form", data={"name": "Zo\xeb"}).text == "Hello, Zo\xeb!"
        content = (APPS / "pyramid_app.py").read_bytes()
        assert pyramid.get("/static/pyramid_app.py").content == content
        assert pyramid.get("/static/nothing").status_code == 404


def test_bottle():
    for bottle in site("bottle_app"):
        assert bottle.post("/form", data={"name": "Zo\xeb"}).text == "Hello, Zo\xeb!"
        assert bottle.get("/file").content == (APPS / "bottle_app.py").read_bytes()
        fields = "Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked"
        reply = Reply(bottle.running.send(post("/form", *fields) + chunked(b"name=", b"Ada")))
        assert reply.text == "Hello, Ada!"


def test_httpbin():
    for httpbin in site("httpbin:app"):
        assert httpbin.get("/get?a=1").json()["args"] == {"a": "1"}
        assert httpbin.post("/post", data={"a": "1"}).json()["form"] == {"a": "1"}
        assert httpbin.put("/put", data=b"x" * 2_000_000).json()["data"] == "x" * 2_000_000
        assert httpbin.post("/post", data=iter([b"a", b"bc"])).json()["data"] == "abc"
        assert len(httpbin.get("/stream/20").text.splitlines()) == 20
        assert len(httpbin.get("/bytes/50000").content) == 50_000
        assert httpbin.get("/redirect/3").json()["url"].endswith("/get")
        assert httpbin.get("/cookies/set/a/b").json() == {"cookies": {"a": "b"}}
        assert httpbin.get("/basic-auth/a/b", auth=("a", "b")).json()["authenticated"] is True
        assert httpbin.get("/range/1000", headers={"Range": "bytes=10-19"}).status_code == 206
        for status in (200, 204, 304, 404, 418, 503):
            assert httpbin.get(f"/status/{status}").status_code == status
        assert httpbin.get("/gzip").json()["gzipped"] is True
        assert len(httpbin.get("/drip?numbytes=5&duration=0.2").content) == 5
        assert httpbin.get("/etag/a", headers={"If-None-Match": "a"}).status_code == 304
        assert "Traceback" not in httpbin.running.errors()


@pytest.mark.parametrize("threads", [1, 4])
def test_wsgiref_has_nothing_to_say(run, threads):
    server = run("validated:app", "--threads", str(threads), "--quiet")
    for path in ("/hello", "/late", "/generated", "/tuple_of_two", "/written", "/replaced", "/closes", "/file?file",
                 "/file?memory", "/status?204", "/environ_of?a=b", "/reads?readline,list"):  # fmt: skip
        assert server.get(path).status == {"/replaced": 500, "/status?204": 204}.get(path, 200), path
    content = b"one\ntwo\nthree"
    assert server.get("/reads?read3,readline,readline9,read9", method="POST", content=content).status == 200
    assert "AssertionError" not in server.errors() and "Warning" not in server.errors(), server.errors()
