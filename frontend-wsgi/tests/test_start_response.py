"""`start_response`, `write()` and errors (PEP 3333, "The start_response() Callable")."""

import sys

import pytest

sys.path.insert(0, str(__import__("conftest").APPS))
from bare import BAD  # noqa: E402


def test_it_may_be_called_late(bare):
    assert bare.get("/late").text == "Hello, World!"
    reply = bare.get("/empty_first")
    assert (reply.line, reply.text) == ("HTTP/1.1 201 Created", "Hello, World!")


@pytest.mark.parametrize(("path", "words"), [
    ("/never", "start_response was not called"),
    ("/too_late", "start_response was not called"),
    ("/twice", "start_response was called before"),
    ("/write_text", "write() takes bytes, not str"),
    ("/text_block", "yielded str, not bytes"),
    ("/returns_none", "returned NoneType, not an iterable"),
    ("/fails", "ValueError: as the test asks"),
    ("/fails_in_iteration", "ValueError: as the test asks"),
    ("/exits", "SystemExit: as the test asks"),
])  # fmt: skip
def test_errors_before_the_head_are_500_with_a_traceback(run, path, words):
    server = run("bare:app")
    assert server.get(path).line == "HTTP/1.1 500 Internal Server Error"
    errors = server.errors()
    assert f"the application failed on GET '{path}'" in errors
    assert "Traceback" in errors or "not called" in errors or "not" in words
    assert words in errors
    assert server.get("/hello").status == 200


@pytest.mark.parametrize("path", ["/fails_later", "/text_later", "/write_then_fail", "/replaced_too_late"])
def test_errors_after_the_head_cut_the_connection(run, path):
    server = run("bare:app")
    reply = server.get(path)
    assert reply.status == 200
    assert b"0\r\n\r\n" not in reply.raw
    assert "Traceback" in server.errors() or "yielded" in server.errors()


def test_the_error_that_comes_too_late_is_raised_again(run):
    server = run("bare:app")
    reply = server.get("/replaced_too_late")
    assert b"never" not in reply.raw
    assert "ValueError: raised again" in server.errors()


@pytest.mark.parametrize("path", ["/replaced", "/exc_info_first"])
def test_exc_info_replaces_the_head_before_it_is_sent(bare, path):
    reply = bare.get(path)
    assert (reply.line, reply.text) == ("HTTP/1.1 500 Oops", "replaced")
    assert reply.field("X-First") is None
    assert reply.field("Content-Length") == "8"


def test_write(bare):
    reply = bare.get("/written")
    assert reply.text == "one two three"
    assert reply.field("Transfer-Encoding") == "chunked"
    assert bare.get("/written_all").raw == b"abcdef"
    assert bare.get("/written_all", method="HEAD").raw == b""


@pytest.mark.parametrize("what", BAD)
def test_what_is_bad_is_refused(run_bad, what):
    reply = run_bad.get(f"/bad?{what}")
    assert reply.status == 500
    assert b"Evil" not in reply.octets
    errors = run_bad.errors().rpartition("the application failed on")[2]
    assert "TypeError: " in errors or "ValueError: " in errors


@pytest.fixture(scope="module")
def run_bad():
    from conftest import Running

    with Running(["bare:app"]) as running:
        yield running


def test_what_is_refused_can_be_mended(bare):
    assert bare.get("/bad_is_caught").text == "Connection is a hop-by-hop header, which only the server may send"


def test_a_reason_that_is_not_ascii_is_left_out(bare):
    assert bare.get("/latin_reason").line == "HTTP/1.1 404 "


def test_status_and_fields_are_sent_as_they_are(bare):
    reply = bare.get("/fields")
    assert reply.line == "HTTP/1.1 299 Fine"
    assert reply.all("Set-Cookie") == ["a=1", "b=2"]
    assert reply.field("X-Latin") == "caf\xe9"
    assert reply.field("Server") == "mine"
    assert reply.field("Date").endswith("GMT")
