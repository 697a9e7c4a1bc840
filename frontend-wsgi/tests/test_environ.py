"""The environ (PEP 3333, "environ Variables"; RFC 3875 §4.1)."""

import json
from importlib.metadata import version

import pytest


def environ(server, target="/environ_of", *fields, **options):
    reply = server.get(target, *fields, **options)
    assert reply.status == 200, reply.octets
    return json.loads(reply.content)


def test_it_is_a_dict_with_str_as_keys(bare):
    assert environ(bare)["types"] == ["dict", "str"]


def test_the_request_line(bare):
    found = environ(bare, "/environ_of/caf%C3%A9%2Fb/c?q=%20+&r", method="PURGE", version="1.0")
    assert found["REQUEST_METHOD"] == "PURGE"
    assert found["SCRIPT_NAME"] == ""
    assert found["PATH_INFO"] == "/environ_of/caf\xc3\xa9/b/c"
    assert found["QUERY_STRING"] == "q=%20+&r"
    assert found["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_without_a_query_it_is_empty(bare):
    found = environ(bare)
    assert found["QUERY_STRING"] == ""
    assert found["SERVER_PROTOCOL"] == "HTTP/1.1"


@pytest.mark.parametrize(("path", "decoded"), [
    ("/%", None), ("/%ff", "/\xff"), ("/a%00b", "/a\0b"), ("//a//b", "//a//b"), ("/%2e%2e/a", "/../a"),
    ("/a;b=c", "/a;b=c"), ("/%25", "/%"), ("/a+b", "/a+b"),
])  # fmt: skip
def test_paths_are_decoded_once(bare, path, decoded):
    target = "/environ_of" + path
    if decoded is None:
        assert bare.get(target).status == 400
    else:
        assert environ(bare, target)["PATH_INFO"] == "/environ_of" + decoded


def test_head_and_options_show_as_they_are(bare):
    assert environ(bare, method="OPTIONS")["REQUEST_METHOD"] == "OPTIONS"
    head = bare.get("/environ_of", method="HEAD")
    assert int(head.field("Content-Length")) > 0


def test_the_server(bare):
    found = environ(bare)
    assert found["SERVER_NAME"] == "127.0.0.1"
    assert found["SERVER_PORT"] == str(bare.port)
    assert found["SERVER_SOFTWARE"] == f"thimble-wsgi/{version('thimble-wsgi')}"


def test_the_server_on_all_addresses_is_the_one_that_was_reached(run):
    found = environ(run("bare:app", "--bind", "0.0.0.0"))
    assert found["SERVER_NAME"] == "127.0.0.1"


def test_the_client(bare):
    with bare.connect() as client:
        client.sendall(b"GET /environ_of HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        octets = b"".join(iter(lambda: client.recv(65536), b""))
        found = json.loads(octets.partition(b"\r\n\r\n")[2])
        assert (found["REMOTE_ADDR"], found["REMOTE_PORT"]) == ("127.0.0.1", str(client.getsockname()[1]))


def test_wsgi_variables(bare):
    found = environ(bare)
    assert found["wsgi.version"] == "(1, 0)"
    assert found["wsgi.url_scheme"] == "http"
    assert found["wsgi.multithread"] is True
    assert found["wsgi.multiprocess"] is False
    assert found["wsgi.run_once"] is False
    assert found["wsgi.input_terminated"] is True
    assert "FileWrapper" in found["wsgi.file_wrapper"]


def test_one_thread_is_not_multithread(run):
    assert environ(run("bare:app", "--threads", "1"))["wsgi.multithread"] is False


def test_fields(bare):
    found = environ(bare, "/environ_of", "X-A-b: 1", "Accept:", "X-Latin: caf\xe9", "X-Tab: a\tb")
    assert found["HTTP_HOST"] == "test"
    assert found["HTTP_X_A_B"] == "1"
    assert found["HTTP_ACCEPT"] == ""
    assert found["HTTP_X_LATIN"] == "caf\xe9"
    assert found["HTTP_X_TAB"] == "a\tb"


@pytest.mark.parametrize("number", range(3))
def test_repeated_fields_are_joined(bare, number):
    # Whether their names were seen before or not.
    name = f"X-Many-{number}"
    found = environ(bare, "/environ_of", f"{name}: 1", "Accept: a", f"{name.lower()}: 2", "ACCEPT: b", f"{name}: 3")
    assert found[f"HTTP_X_MANY_{number}"] == "1, 2, 3"
    assert found["HTTP_ACCEPT"] == "a, b"


def test_fields_with_names_that_nobody_keeps_are_joined(bare):
    for number in range(600):
        if number % 50 == 0:
            names = [f"X-N{number + add}: 1" for add in range(50)]
            assert environ(bare, "/environ_of", *names)[f"HTTP_X_N{number}"] == "1"
    assert environ(bare, "/environ_of", "X-N599: 1", "x-n599: 2")["HTTP_X_N599"] == "1, 2"


def test_cookies_are_joined_by_a_semicolon(bare):
    assert environ(bare, "/environ_of", "Cookie: a=1", "cookie: b=2")["HTTP_COOKIE"] == "a=1; b=2"


def test_names_that_could_pass_for_others_are_dropped(bare):
    found = environ(bare, "/environ_of", "X_Forwarded_For: 1", "Proxy: http://evil/", "X-Forwarded-For: 2",
                    "Content_Length: 5", "Remote_Addr: 1")  # fmt: skip
    assert found["HTTP_X_FORWARDED_FOR"] == "2"
    assert "HTTP_PROXY" not in found
    assert "CONTENT_LENGTH" not in found
    assert not any("REMOTE_ADDR" in key for key in found if key != "REMOTE_ADDR")


def test_content_type_and_length(bare):
    found = environ(bare, "/environ_of", "Content-Type: a/b", method="POST", content=b"abc")
    assert (found["CONTENT_TYPE"], found["CONTENT_LENGTH"]) == ("a/b", "3")
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & set(found)


def test_without_content_there_is_neither(bare):
    assert not {"CONTENT_TYPE", "CONTENT_LENGTH"} & set(environ(bare))
    assert environ(bare, "/environ_of", "Content-Length: 0")["CONTENT_LENGTH"] == "0"


def test_the_authority_of_the_target_stands_for_host(bare):
    found = environ(bare, "http://other:81/environ_of?a")
    assert (found["HTTP_HOST"], found["PATH_INFO"], found["QUERY_STRING"]) == ("other:81", "/environ_of", "a")


def test_requests_share_nothing(bare):
    assert environ(bare, "/environ_of", "X-Only-Here: 1")["HTTP_X_ONLY_HERE"] == "1"
    assert "HTTP_X_ONLY_HERE" not in environ(bare)


def test_the_current_folder_is_on_the_path(run, tmp_path):
    (tmp_path / "here.py").write_text("from other import app\n")
    (tmp_path / "other.py").write_text("def app(e, s):\n    s('200 OK', [])\n    return [b'here']\n")
    assert run("here", folder=tmp_path).get("/").text == "here"
    assert run("here", "--chdir", str(tmp_path)).get("/").text == "here"
