"""`wsgi.input` (PEP 3333, "Input and Error Streams")."""

import time

import pytest

from conftest import Reply, received


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def post(target, *fields):
    lines = [f"POST {target} HTTP/1.1", "Host: test", "Connection: close", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


LINES = b"one\ntwo\n\nthree"


@pytest.mark.parametrize(("calls", "expected"), [
    ("read", [LINES]),
    ("read-1,read", [LINES, b""]),
    ("read5,read0,read,read5", [LINES[:5], b"", LINES[5:], b""]),
    ("readline,readline2,readline,readline,readline,readline",
     [b"one\n", b"tw", b"o\n", b"\n", b"three", b""]),
    ("readline-1,readline0,readline99", [b"one\n", b"", b"two\n"]),
    ("readlines,readlines", [[b"one\n", b"two\n", b"\n", b"three"], []]),
    ("readlines5,read", [[b"one\n", b"two\n"], b"\nthree"]),
    ("readlines0", [[b"one\n", b"two\n", b"\n", b"three"]]),
    ("next,next,list,next", [b"one\n", b"two\n", [b"\n", b"three"], None]),
    ("read2,readline,list", [b"on", b"e\n", [b"two\n", b"\n", b"three"]]),
])  # fmt: skip
@pytest.mark.parametrize("way", ["length", "chunked", "streamed", "streamed chunks"])
def test_reading(bare, streaming, calls, expected, way):
    server = streaming if "streamed" in way else bare
    target = "/reads?" + calls
    if way in ("length", "streamed"):
        request = post(target, f"Content-Length: {len(LINES)}") + LINES
    else:
        request = post(target, "Transfer-Encoding: chunked") + chunked(LINES[:1], LINES[1:6], LINES[6:])
    assert Reply(server.send(request)).text == repr(expected)


@pytest.fixture(scope="module")
def streaming():
    """A server that hardly buffers any content."""
    from conftest import Running

    with Running(["bare:app", "--buffer", "0"]) as running:
        yield running


def test_reading_ends_without_content(bare):
    assert bare.get("/reads?read,readline,readlines,list,next").text == repr([b"", b"", [], [], None])


def test_nothing_of_the_next_request_is_read(bare):
    one = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    octets = bare.send(one + post("/echo", "Content-Length: 2") + b"de")
    assert octets.count(b"HTTP/1.1 200 OK") == 2
    assert b"\r\n\r\nabcHTTP/1.1" in octets and octets.endswith(b"\r\n\r\nde")


def test_short_chunked_content_has_a_length(bare):
    reply = Reply(bare.send(post("/echo", "Transfer-Encoding: chunked") + chunked(b"abc", b"defg")))
    assert (reply.content, reply.field("X-Length")) == (b"abcdefg", "7")


def test_long_chunked_content_has_none_and_is_whole(bare):
    content = bytes(range(256)) * 8192
    pieces = [content[at:at + 70_000] for at in range(0, len(content), 70_000)]
    reply = Reply(bare.send(post("/echo", "Transfer-Encoding: chunked") + chunked(*pieces)))
    assert (reply.content, reply.field("X-Length")) == (content, "none")


def test_transfer_encoding_is_not_shown(bare):
    request = post("/environ_of", "Transfer-Encoding: chunked") + chunked(b"abc")
    assert "HTTP_TRANSFER_ENCODING" not in Reply(bare.send(request)).text


def test_content_of_any_size_takes_little_memory(run):
    server = run("bare:app", "--quiet")
    server.get("/count", method="POST", content=b"x" * 100_000)
    before = server.resident()
    assert server.get("/count", method="POST", content=bytes(40_000_000)).text == "40000000"
    assert server.resident() - before < 8 << 20


def test_all_of_the_content_is_there_once(run):
    server = run("bare:app", "--quiet")
    server.get("/echo", method="POST", content=b"x" * 100_000)
    before = server.resident()
    content = bytes(range(256)) * 80_000
    assert server.get("/echo", method="POST", content=content).raw == content
    assert server.resident() - before < 32 << 20


def test_content_is_read_as_it_arrives(streaming):
    with streaming.connect() as client:
        client.sendall(post("/reply_first", "Transfer-Encoding: chunked") + b"4\r\nabc\n\r\n")
        seen = b""
        while not seen.endswith(b"4\r\nabc\n\r\n"):
            seen += client.recv(65536)
        client.sendall(b"2\r\nde\r\n0\r\n\r\n")
        assert Reply(seen + received(client)).text == "got:abc\nde"


def test_continue_is_sent_when_the_application_reads(bare):
    with bare.connect() as client:
        client.sendall(post("/echo", "Expect: 100-continue", "Content-Length: 3"))
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert Reply(received(client)).text == "abc"


@pytest.mark.parametrize("length", [3, 100_000_000])
def test_continue_is_not_sent_when_it_does_not(bare, length):
    with bare.connect() as client:
        client.sendall(post("/reads_never", "Expect: 100-continue", f"Content-Length: {length}"))
        reply = Reply(received(client))
        assert (reply.status, reply.field("Connection")) == (403, "close")


@pytest.mark.parametrize("framing", ["Content-Length: 3", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", ["/reply_first", "/reply_first_then_read"])
def test_content_that_was_not_asked_for_in_time_is_an_error(run, path, framing):
    # Not an empty content, and no zeros for what did not come.
    server = run("bare:app")
    with server.connect() as client:
        client.sendall(post(path, "Expect: 100-continue", framing))
        reply = received(client)
    assert reply.count(b"HTTP/1.1") == 1 and b"got:" in reply
    assert not reply.endswith(b"0\r\n\r\n") and b"\0" not in reply
    assert "OSError: the client sends its content after 100 (Continue)" in server.errors()


def test_content_that_nobody_reads_is_no_request(bare):
    evil = b"GET /go HTTP/1.1\r\nHost: a\r\n\r\n"
    request = post("/reads_never", f"Content-Length: {len(evil)}") + evil
    assert bare.send(request).count(b"HTTP/1.1") == 1


def test_a_client_that_leaves_is_an_error_for_the_application(streaming):
    with streaming.connect() as client:
        client.sendall(post("/echo", "Content-Length: 10") + b"abc")
        client.shutdown(1)
        assert Reply(received(client)).status == 400
    assert streaming.get("/hello").status == 200
    assert "Traceback" not in streaming.errors()


def test_malformed_chunks_are_refused(bare, streaming):
    for server in (bare, streaming):
        request = post("/echo", "Transfer-Encoding: chunked") + b"3\r\nabcX\r\n0\r\n\r\n"
        assert Reply(server.send(request)).status == 400


def test_clients_that_send_content_slowly_take_no_thread(run):
    server = run("bare:app", "--threads", "1")
    clients = [server.connect() for _ in range(5)]
    for client in clients:
        client.sendall(post("/echo", "Content-Length: 4") + b"ab")
    # They are being served before this one comes.
    time.sleep(0.1)
    assert server.get("/hello").status == 200
    for client in clients:
        client.sendall(b"cd")
        assert Reply(received(client)).text == "abcd"
        client.close()
