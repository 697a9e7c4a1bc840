"""The command: its flags, its messages, and how it is stopped."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import APPS, COMMAND, Reply, received
from test_content import until


def failing(*arguments, folder=APPS):
    """What a command that can't serve says in the end."""
    ended = subprocess.run([*COMMAND, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True, timeout=30)
    assert ended.returncode in (1, 2)
    return ended.stderr.splitlines()


@pytest.mark.parametrize(("name", "text"), [
    ("flask_app", "Hello, World!"), ("flask_app:app", "Hello, World!"), ("flask_app:make()", "Hello, World!"),
    ("flask_app:Watched.app", "Hello, World!"), ("bare:hello", "Hello, World!"),
])  # fmt: skip
def test_names_of_applications(run, name, text):
    assert run(name).get("/").text == text


@pytest.mark.parametrize(("name", "problem"), [
    ("nothing_here", "there is no module 'nothing_here' in "),
    ("bare.nothing", "there is no module 'bare.nothing' in "),
    ("bare:nobody", "the module 'bare' has no 'nobody'"),
    ("bare:TEXT", "'bare:TEXT' is no application: it is of type list, which can't be called"),
    ("bare:HELLO()", "'bare:HELLO()' can't be called: it is of type bytes"),
    ("bare:hello()", "'bare:hello()' fails: TypeError: "),
    ("conftest_none", "there is no module"),
    ("bare.py", "'bare.py' is a file: write bare, as Python imports it"),
    ("./bare.py:app", "'./bare.py' is a file: write bare:app, as Python imports it"),
    ("mysite/wsgi", "'mysite/wsgi' is a file: write wsgi --chdir mysite, as Python imports it"),
    (":app", "':app' names no application: write MODULE, MODULE:CALLABLE or MODULE:FACTORY()"),
    ("bare:make('x')", "'bare:make('x')' names no application: "),
    ("bare:make(", "'bare:make(' names no application: "),
])  # fmt: skip
def test_what_is_no_application(name, problem):
    line = failing(name)[-1]
    assert line.startswith(f"thimble-wsgi: {problem}"), line


def test_modules_that_fail(tmp_path):
    (tmp_path / "broken.py").write_text("import no_such_thing\n")
    (tmp_path / "bad.py").write_text("1 / 0\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "syntax.py").write_text("def (\n")
    assert failing("broken", folder=tmp_path)[-1] == (
        "thimble-wsgi: the module 'broken' needs 'no_such_thing', which is not installed here"
    )
    assert "ZeroDivisionError" in failing("bad", folder=tmp_path)[-1]
    assert "SyntaxError" in failing("syntax", folder=tmp_path)[-1]
    assert failing("empty", folder=tmp_path) == [
        "thimble-wsgi: the module 'empty' has neither 'application' nor 'app': name its application as in "
        "empty:NAME"
    ]


def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = (
            f"thimble-wsgi: port {port} on 127.0.0.1 is in use: choose another with --port, or any free one with "
            "--port 0"
        )
        assert failing("bare", "--port", str(port)) == [expected]
        assert failing("bare", "--workers", "2", "--port", str(port)) == [expected]


@pytest.mark.parametrize("arguments", [
    ("bare", "--threads", "0"), ("bare", "--port", "65536"), ("bare", "--static", "x"), ("bare", "--static", "/x=/no"),
    ("bare", "--buffer", "x"), ("bare", "--no-such-flag"), (), ("bare", "--chdir", "/no/such"),
    ("bare", "--bind", "192.0.2.1"), ("bare", "--bind", "no.such.host.invalid"),
])  # fmt: skip
def test_flags_that_make_no_sense(arguments):
    (line,) = failing(*arguments)
    assert line.startswith("thimble-wsgi: ")


@pytest.mark.parametrize("flags", [("--port", "x"), ("--port", "-1"), ("--threads", "1.5")])
def test_what_is_no_number(flags):
    (line,) = failing("bare", *flags)
    assert "give a number from " in line


def test_ipv6(run):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = run("bare:app", "--bind", "[::1]")
    with socket.create_connection(("::1", server.port)) as client:
        client.sendall(b"GET /environ_of HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert '"REMOTE_ADDR": "::1"' in Reply(received(client)).text


def test_logs(run):
    server = run("bare:app")
    server.get("/hello?a")
    until(lambda: '"GET /hello?a HTTP/1.1" 200 13' in server.errors())
    quiet = run("bare:app", "--quiet")
    quiet.get("/hello")
    verbose = run("bare:app", "--verbose", "--quiet")
    verbose.get("/hello")
    until(lambda: "> HTTP/1.1 200 OK" in verbose.errors())
    assert "< GET /hello HTTP/1.1" in verbose.errors()
    assert quiet.errors() == ""


def test_deadlines(run):
    server = run("bare:app", "--head-timeout", "1", "--idle-timeout", "1")
    with server.connect() as client:
        client.sendall(b"GET / HT")
        assert Reply(received(client)).status == 408
    with server.connect() as client:
        assert received(client) == b""


@pytest.mark.parametrize(("number", "workers"), [
    (signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGHUP, 1), (signal.SIGINT, 2), (signal.SIGTERM, 2),
])  # fmt: skip
def test_a_signal_lets_requests_finish(run, number, workers):
    server = run("bare:app", "--workers", str(workers))
    with server.connect() as client, server.connect() as idle:
        idle.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(1000)
        client.sendall(b"GET /sleep?1 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.3)
        server.process.send_signal(number)
        reply = Reply(received(client))
        assert (reply.text, reply.field("Connection")) == ("Hello, World!", "close")
        assert received(idle) == b""
    assert server.process.wait(20) == 0
    with pytest.raises(OSError):
        server.connect()


@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_is_let_in_while_requests_finish(run, workers):
    server = run("bare:app", "--workers", str(workers))
    with server.connect() as client:
        client.sendall(b"GET /sleep?3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        time.sleep(0.3)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        assert Reply(received(client)).text == "Hello, World!"
    assert server.process.wait(20) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_ends_at_once(run, workers):
    server = run("bare:app", "--workers", str(workers))
    with server.connect() as client:
        client.sendall(b"GET /sleep?60 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.3)
        server.process.send_signal(signal.SIGINT)
        until(lambda: "1 transfer" in server.errors())
        server.process.send_signal(signal.SIGINT)
        server.process.wait(10)


def pids(server, count):
    """The processes that answer, once there are so many."""
    seen = set()
    for _ in range(3000):
        seen.add(int(server.get("/pid").text))
        if len(seen) == count:
            return seen
    raise AssertionError(seen)


def test_workers_are_processes_and_are_replaced(run):
    server = run("bare:app", "--workers", "2", "--quiet")
    assert '"wsgi.multiprocess": true' in server.get("/environ_of").text
    before = pids(server, 2)
    assert server.process.pid not in before
    time.sleep(1.1)
    victim = before.pop()
    os.kill(victim, signal.SIGKILL)
    until(lambda: "is replaced" in server.errors())
    assert victim not in pids(server, 2)
    server.process.kill()
    # Those that are left hear of it.
    until(lambda: not any(os.path.exists(f"/proc/{pid}/task") and "Z" not in state(pid) for pid in before))


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize("workers", [2])
def test_hangup_replaces_workers_and_refuses_nobody(run, workers):
    server = run("bare:app", "--workers", str(workers), "--quiet")
    before = pids(server, workers)
    stop, failures, count = threading.Event(), [], 0

    def ask():
        nonlocal count
        while not stop.is_set():
            try:
                assert server.get("/hello").status == 200
                count += 1
            except Exception as error:
                failures.append(error)

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    try:
        server.process.send_signal(signal.SIGHUP)
        until(lambda: not any(os.path.exists(f"/proc/{pid}/task") and state(pid) != "Z" for pid in before))
    finally:
        stop.set()
        for thread in asking:
            thread.join()
    assert not failures and count > 0
    assert not before & pids(server, workers)


def test_clients_that_are_connected_at_a_hangup_are_answered(run):
    server = run("bare:app", "--workers", "2", "--quiet")
    before = pids(server, 2)
    request = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
    clients = [server.connect() for _ in range(8)]
    for client in clients[::2]:
        client.sendall(request)
        assert client.recv(1000).endswith(b"Hello, World!")
    server.process.send_signal(signal.SIGHUP)
    until(lambda: not before & {int(server.get("/pid").text) for _ in range(8)})
    time.sleep(0.5)
    for client in clients:
        with client:
            client.sendall(request)
            reply = Reply(received(client))
            assert (reply.text, reply.field("Connection")) == ("Hello, World!", "close")
    assert server.stop() == 0


def test_idle_clients_see_no_old_page_after_a_reload(run, tmp_path):
    module = tmp_path / "changing.py"
    module.write_text("def app(e, s):\n    s('200 OK', [])\n    return [b'one']\n")
    server = run("changing", "--reload", folder=tmp_path)
    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(1000).endswith(b"one")
        module.write_text(module.read_text().replace("one", "another"))
        assert received(client) == b""
    assert server.get("/").text == "another"


def test_workers_that_can_not_begin_end_the_command():
    (line,) = failing("nothing_here", "--workers", "2")
    assert line.startswith("thimble-wsgi: there is no module")


def test_reload(run, tmp_path):
    module = tmp_path / "changing.py"
    text = "from helped import WORD\ndef app(e, s):\n    s('200 OK', [])\n    return [WORD]\n"
    module.write_text(text)
    (tmp_path / "helped.py").write_text("WORD = b'one'\n")
    server = run("changing", "--reload", folder=tmp_path)
    assert server.get("/").text == "one"
    # Its time differs, however coarse the clock of files is.
    (tmp_path / "helped.py").write_text("WORD = b'two, and longer'\n")
    os.utime(tmp_path / "helped.py", (1, 1))
    until(lambda: server.get("/").text == "two, and longer")
    module.write_text("def broken(:\n")
    os.utime(module, (2, 2))
    until(lambda: "SyntaxError" in server.errors())
    assert server.get("/").text == "two, and longer"
    module.write_text(text.replace("WORD]", "b'mended']"))
    os.utime(module, (3, 3))
    until(lambda: server.get("/").text == "mended")
    assert server.stop() == 0


def test_version():
    ended = subprocess.run([*COMMAND, "--version"], stdout=subprocess.PIPE, text=True)
    assert ended.stdout.startswith("thimble-wsgi ")
