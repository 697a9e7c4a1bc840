"""The package as a library."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
import thimble_wsgi
from thimble_wsgi import Server, serve

from conftest import APPS


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


def get(server, path="/a"):
    with urllib.request.urlopen(server.url + path[1:], timeout=20) as reply:
        return reply.read()


def test_a_server_in_the_background():
    with Server(app, port=0, quiet=True) as server:
        assert server.port != 0 and server.url == f"http://127.0.0.1:{server.port}/"
        assert get(server) == b"/a"
        assert not server.wait(0.05)
    assert server.wait(0)
    with pytest.raises(OSError):
        get(server)


def test_it_is_stopped_by_another_thread():
    server = Server(app, port=0, quiet=True, threads=1).start()
    threading.Timer(0.2, server.stop).start()
    assert server.wait(20)
    assert not any(worker.is_alive() for worker in server.workers)


def test_two_servers_at_once():
    with Server(app, port=0, quiet=True) as one, Server(app, port=0, quiet=True) as other:
        assert get(one) == get(other) == b"/a"


def test_a_listener_that_is_there():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with Server(app, listener=listener, quiet=True) as server:
        assert server.port == port and get(server) == b"/a"


@pytest.mark.parametrize(("arguments", "error"), [
    ({"app": 1}, TypeError), ({"threads": 0}, ValueError), ({"max_conns": 0}, ValueError),
    ({"idle_timeout": 0}, ValueError), ({"port": 99_999}, ValueError), ({"port": -1}, ValueError),
    ({"host": "192.0.2.1"}, OSError),
    ({"static": {"/static": "/no/such/folder"}}, OSError),
])  # fmt: skip
def test_what_makes_no_sense(arguments, error):
    with pytest.raises(error):
        Server(**{"app": app, "port": 0, **arguments})


def test_static_folders(tmp_path):
    (tmp_path / "file").write_text("file")
    with Server(app, port=0, quiet=True, static={"/static": tmp_path}) as server:
        assert get(server, "/static/file") == b"file"


def test_serve_ends_by_ctrl_c():
    threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
    begun = time.monotonic()
    serve(app, port=0, quiet=True)
    assert time.monotonic() - begun < 15


def test_types():
    package = os.path.dirname(thimble_wsgi.__file__)
    assert os.path.exists(os.path.join(package, "py.typed"))
    checked = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--no-incremental", "-p", "thimble_wsgi"],
                             cwd=APPS.parent, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_everything_public_says_what_it_is():
    for name in thimble_wsgi.__all__:
        assert getattr(thimble_wsgi, name).__doc__
    for name, member in vars(Server).items():
        assert name.startswith("_") or member.__doc__, name
