"""The iterable that an application returns (PEP 3333, "Handling the Content-Length Header", "Buffering
and Streaming")."""

import time

import pytest

from conftest import Reply, received


def closed(server):
    return server.get("/closed_so_far").text.split()


def until(condition):
    """Waits for what another thread does."""
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize(("path", "content"), [
    ("/hello", b"Hello, World!"), ("/nothing", b""), ("/tuple_of_two", b"one two"),
])  # fmt: skip
def test_content_that_is_there_has_a_length(bare, path, content):
    reply = bare.get(path)
    assert (reply.field("Content-Length"), reply.raw) == (str(len(content)), content)
    assert reply.field("Transfer-Encoding") is None


def test_content_that_is_made_is_chunked(bare):
    reply = bare.get("/generated")
    assert (reply.field("Transfer-Encoding"), reply.field("Content-Length")) == ("chunked", None)
    assert reply.text == "one two"


def test_and_ends_with_the_connection_for_http_1_0(bare):
    reply = bare.get("/generated", version="1.0")
    assert (reply.field("Transfer-Encoding"), reply.field("Connection")) == (None, "close")
    assert reply.raw == b"one two"


@pytest.mark.parametrize("path", ["/step_by_step", "/step_by_write"])
def test_each_block_is_sent_before_the_next_is_made(bare, path):
    with bare.connect() as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        seen = b""
        for number in range(3):
            while b"%d\n\r\n" % number not in seen:
                seen += client.recv(65536)
            assert b"%d\n" % (number + 1) not in seen.partition(b"\r\n\r\n")[2]
            bare.get("/go")
        assert Reply(seen + received(client)).text == "0\n1\n2\n"


@pytest.mark.parametrize(("sizes", "content"), [("6,3,3", 6), ("3,3", 3), ("0", 0), ("0,0,0", 0)])
def test_declared_lengths(bare, sizes, content):
    reply = bare.get("/sized?" + sizes)
    assert reply.field("Content-Length") == str(content)
    assert reply.raw == b"x" * content


@pytest.mark.parametrize("sizes", ["5,3,3", "6,3,3,1", "1,9", "0,1"])
def test_longer_content_is_cut_to_its_length_and_told_to_the_log(run, sizes):
    server = run("bare:app")
    reply = server.get("/sized?" + sizes)
    assert reply.raw == b"x" * int(sizes.split(",")[0])
    until(lambda: "longer than its Content-Length" in server.errors())
    # It can't reach into the next reply.
    request = f"GET /sized?{sizes} HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert Reply(b"HTTP/1.1 " + server.send(request.encode()).split(b"HTTP/1.1 ")[2]).text == "Hello, World!"


def test_shorter_content_is_an_error(run):
    server = run("bare:app")
    reply = server.get("/sized?9,3,3")
    assert (reply.status, reply.field("Content-Length")) == (200, "9")
    assert len(reply.raw.replace(b"<reset>", b"")) <= 6
    assert server.get("/sized?9").status == 500
    assert server.errors().count("shorter than its Content-Length") == 2


@pytest.mark.parametrize(("status", "fields"), [("204", None), ("304", None), ("204,13", None), ("304,13", None),
                                                ("205", "0"), ("205,26", "0")])  # fmt: skip
def test_some_statuses_have_no_content(bare, status, fields):
    reply = bare.get("/status?" + status)
    assert (reply.status, reply.raw) == (int(status[:3]), b"")
    assert (reply.field("Content-Length"), reply.field("Transfer-Encoding")) == (fields, None)
    until(lambda: f"status{status[:3]}" in closed(bare))


def test_head(bare):
    for path, length in [("/hello", "13"), ("/sized?9,9", "9"), ("/sized?9", "9"), ("/nothing", None),
                         ("/generated", None), ("/empty_first", None), ("/written", None)]:  # fmt: skip
        reply = bare.get(path, method="HEAD")
        assert (reply.raw, reply.field("Content-Length")) == (b"", length), path
    assert bare.get("/empty_first", method="HEAD").status == 201
    assert bare.get("/endless", method="HEAD").raw == b""


@pytest.mark.parametrize(("path", "name"), [
    ("/closes", "closes"), ("/fails_later", "fails_later"), ("/fails_in_iteration", "fails_in_iteration"),
    ("/sized?2,1,1", "sized"), ("/sized?1,9,9", "sized"), ("/sized?9,1", "sized"),
])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_close_is_called_once(run_one, path, name, method):
    before = closed(run_one).count(name)
    run_one.get(path, method=method)
    until(lambda: closed(run_one).count(name) > before)
    assert closed(run_one).count(name) == before + 1


@pytest.fixture(scope="module")
def run_one():
    """With one thread, what came before is over."""
    from conftest import Running

    with Running(["bare:app", "--threads", "1"]) as running:
        yield running


@pytest.mark.parametrize("name", ["endless", "endless_by_write"])
def test_close_is_called_when_the_client_leaves(run_one, name):
    with run_one.connect() as client:
        client.sendall(f"GET /{name} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert client.recv(100)
    until(lambda: closed(run_one).count(name) == 1)
    assert "the client is gone" not in run_one.errors()


def test_an_error_in_close_is_told_to_the_log(run):
    server = run("bare:app")
    assert server.get("/fails_in_close").text == "Hello, World!"
    until(lambda: "ValueError: in close" in server.errors())
    assert server.get("/hello").status == 200


@pytest.mark.parametrize("path", ["/large", "/large_in_pieces"])
def test_large_content(run, path):
    server = run("bare:app", "--quiet")
    server.get("/hello")
    before = server.resident()
    for _ in range(3):
        assert len(server.get(path).content) == 20_000_000
    assert server.resident() - before < 32 << 20


def test_blocks_do_not_gather(run):
    server = run("bare:app", "--quiet", "--threads", "1")
    server.get("/hello")
    before = server.resident()
    assert len(server.get("/more_than_memory", version="1.0").raw) == 100_000_000
    assert server.resident() - before < 16 << 20


def test_a_client_that_reads_slowly_takes_no_thread(run):
    server = run("bare:app", "--threads", "1")
    with server.connect() as slow:
        slow.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert slow.recv(100)
        assert server.get("/hello").status == 200
        assert len(received(slow)) > 19_000_000


def test_replies_go_on_over_one_connection(bare):
    requests = [b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in (b"hello", b"generated", b"fails")]
    octets = bare.send(b"".join(requests) + b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert [line[:3] for line in octets.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"500", b"200"]
