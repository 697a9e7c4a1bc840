"""`wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling"), and `--static`."""

import shutil
import subprocess

import pytest

from test_content import closed, until

FILE = bytes(range(256)) * 4096


@pytest.mark.parametrize(("query", "content"), [
    ("file", FILE), ("raw", FILE), ("read,1000", FILE[1000:]), ("memory", b"Hello, World!" * 1000),
    ("gzip", b"Hello, World!" * 1000), ("buffered_gzip", b"Hello, World!" * 1000), ("told", FILE),
    ("length,1000", FILE[:1000]), ("length,0", b""),
])  # fmt: skip
def test_files_are_sent(bare, query, content):
    reply = bare.get("/file?" + query)
    assert (reply.status, reply.content) == (200, content)
    assert bare.get("/file?" + query, method="HEAD").raw == b""


@pytest.mark.parametrize("query", ["file", "raw", "read,1000"])
def test_real_files_have_a_length(bare, query):
    assert bare.get("/file?" + query).field("Content-Length") is not None


def test_a_file_that_is_too_short_is_an_error(bare):
    assert bare.get(f"/file?length,{len(FILE) + 1}").status == 500


def test_the_file_is_closed(run):
    server = run("bare:app")
    server.get("/file?told")
    until(lambda: closed(server) == ["told"])


def test_the_wrapper_is_an_iterable_of_blocks(bare):
    assert bare.get("/iterated_file").text == str(len(FILE))


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_real_files_go_by_sendfile(run, tmp_path):
    server = run("bare:app")
    out = tmp_path / "calls"
    command = ["strace", "-f", "-q", "-e", "trace=sendfile", "-o", str(out), "-p", str(server.process.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        until(lambda: "TracerPid:\t0" not in status(server))
        assert len(server.get("/file?file").content) == len(FILE)
        until(lambda: "sendfile(" in out.read_text())
    finally:
        tracer.terminate()
        tracer.wait()


def status(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return file.read()


def test_folders_are_served_without_the_application(run, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.css").write_text("body {}")
    (tmp_path / "index.html").write_text("index")
    (tmp_path.parent / "secret").write_text("secret")
    server = run("bare:fails", "--static", f"/static={tmp_path}")
    reply = server.get("/static/a/b.css")
    assert (reply.status, reply.text) == (200, "body {}")
    assert reply.field("Content-Type").startswith("text/css")
    etag = reply.field("ETag")
    if etag:
        assert server.get("/static/a/b.css", f"If-None-Match: {etag}").status == 304
    assert server.get("/static/a/b.css", "Range: bytes=0-3").text == "body"
    assert server.get("/static/").text == "index"
    assert server.get("/static/nothing").status == 404
    assert server.get("/static/a").field("Location") is not None
    for path in ("/static/..%2fsecret", "/static/%2e%2e/secret", "/static/../secret"):
        assert server.get(path).status in (400, 404)
    assert server.get("/static/a/b.css", method="POST").status == 405
    assert "the application failed" not in server.errors()
    assert server.get("/staticx").status == 500
    assert server.get("/static").status == 500
