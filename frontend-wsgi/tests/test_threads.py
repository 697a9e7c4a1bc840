"""Threads: of Python, and of clients that wait."""

import threading
import time

from conftest import Reply, received


def at_once(server, target, count):
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(server.get(target).text)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def test_calls_run_at_the_same_time(run):
    server = run("bare:app", "--threads", "4")
    begun = time.monotonic()
    assert at_once(server, "/sleep?1", 4) == ["Hello, World!"] * 4
    # One after the other they would take four seconds.
    assert time.monotonic() - begun < 3


def test_threads_keep_their_locals(run):
    server = run("bare:app", "--threads", "2")
    seen = {}
    for reply in [server.get("/thread").text for _ in range(20)] + at_once(server, "/thread", 20):
        name, ident, count = reply.split()
        assert name.startswith("thimble-wsgi-")
        seen.setdefault(ident, []).append(int(count))
    assert len(seen) <= 2
    for counts in seen.values():
        assert sorted(counts) == list(range(1, len(counts) + 1))


def test_a_call_that_waits_holds_up_neither_files_nor_refusals(run, tmp_path):
    (tmp_path / "file").write_text("file")
    server = run("bare:app", "--threads", "1", "--static", f"/static={tmp_path}")
    with server.connect() as client:
        client.sendall(b"GET /sleep?2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        begun = time.monotonic()
        assert server.get("/static/file").text == "file"
        assert Reply(server.send(b"GET / HTTP/1.1\r\n\r\n")).status == 400
        assert time.monotonic() - begun < 1.5
        assert Reply(received(client)).text == "Hello, World!"


def test_a_call_that_waits_holds_up_no_earlier_reply(run):
    server = run("bare:app")
    with server.connect() as client:
        begun = time.monotonic()
        client.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /sleep?3 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(65536).endswith(b"Hello, World!")
        assert time.monotonic() - begun < 2


def test_idle_clients_take_no_thread(run):
    server = run("bare:app", "--threads", "1", "--quiet")
    clients = []
    for _ in range(300):
        client = server.connect()
        client.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        clients.append(client)
    with open(f"/proc/{server.process.pid}/status") as file:
        assert int(file.read().split("Threads:")[1].split()[0]) < 10
    for client in clients:
        client.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        client.close()
