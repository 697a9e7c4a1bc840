"""The server as a Python object."""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from os import PathLike, fspath
from types import TracebackType
from typing import Any

from ._native import FileWrapper
from ._native import Server as NativeServer

Environ = dict[str, Any]
"""What an application is called with first."""

Application = Callable[..., Iterable[bytes]]
"""A WSGI application: `application(environ, start_response)` (PEP 3333)."""

__all__ = ["Application", "Environ", "Server", "serve"]


class Server:
    """Serves a WSGI application.

    It listens as soon as it is made, and answers once it is started:

    >>> with Server(app, port=0) as server:                     # doctest: +SKIP
    ...     print(server.url)
    ...     server.wait()

    `stop` may be called from any thread.

    Arguments:
        app: the application.
        host: the address to listen on, or the name of one. "0.0.0.0" lets other machines in.
        port: the port to listen on; 0 takes any free one.
        threads: how many calls into the application may run at a time.
        max_conns: how many connections are served at a time; further ones wait.
        buffer: octets of a request's content that are received before the application is called. What is
            longer is received while the application reads it.
        static: folders to serve without the application, by the path that they are served at.
        quiet: whether no access log is written.
        verbose: whether the heads of requests and replies are logged.
        idle_timeout: seconds to wait for the next request on a connection.
        head_timeout: seconds to wait for the whole head of a request.
        content_timeout: seconds to wait for more of a request's content.
        reply_timeout: seconds to wait for a client that has stopped reading a reply.
        multiprocess: whether other processes serve the same application.
        listener: a listening socket to use instead of `host` and `port`.

    Raises:
        OSError: it can't listen there, or a folder can't be opened.
        TypeError: `app` can't be called.
        ValueError: a number is too small.
    """

    def __init__(
        self,
        app: Application,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        threads: int = 4,
        max_conns: int = 1024,
        buffer: int = 1024 * 1024,
        static: Mapping[str, str | PathLike[str]] | None = None,
        quiet: bool = False,
        verbose: bool = False,
        idle_timeout: int = 30,
        head_timeout: int = 20,
        content_timeout: int = 30,
        reply_timeout: int = 75,
        multiprocess: bool = False,
        listener: socket.socket | None = None,
    ) -> None:
        if not callable(app):
            raise TypeError(f"the application is {type(app).__name__}, which can't be called")
        deadlines = (idle_timeout, head_timeout, content_timeout, reply_timeout)
        if min(threads, max_conns, *deadlines) < 1:
            raise ValueError("threads, max_conns and time-outs are at least 1")
        self._app = app
        self._threads = threads
        # The system would take the number modulo 65536.
        if not 0 <= port <= 65535:
            raise ValueError("the port is from 0 to 65535")
        listener = listen(host, port) if listener is None else listener
        try:
            self.host, self.port = listener.getsockname()[:2]
            self.url = url(listener)
            is_any = ipaddress.ip_address(self.host).is_unspecified
            self._native = NativeServer(
                listener.fileno(),
                max_conns=max_conns,
                buffer=buffer,
                mounts=[(path, fspath(folder)) for path, folder in (static or {}).items()],
                deadlines=deadlines,
                access=not quiet,
                heads=verbose,
                tells_local=is_any,
                has_gil=has_gil(),
            )
        finally:
            # The server has a descriptor of its own.
            listener.close()
        self._base: Environ = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SCRIPT_NAME": "",
            "SERVER_NAME": self.host,
            "SERVER_PORT": str(self.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": f"thimble-wsgi/{version('thimble-wsgi')}",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": threads > 1,
            "wsgi.multiprocess": multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
        }
        self._ended = threading.Event()
        self._outcome: BaseException | None = None
        self.workers: list[threading.Thread] = []

    def start(self) -> Server:
        """Answers requests from now on, in threads of its own."""
        work = (self._app, self._base, report)
        for number in range(self._threads):
            name = f"thimble-wsgi-{number + 1}"
            worker = threading.Thread(target=self._native.work, args=work, name=name, daemon=True)
            worker.start()
            self.workers.append(worker)
        threading.Thread(target=self._run, name="thimble-wsgi", daemon=True).start()
        return self

    def _run(self) -> None:
        try:
            self._native.run()
        except BaseException as error:
            self._outcome = error
        finally:
            self._ended.set()

    def stop(self) -> None:
        """Takes no more connections, and ends once the requests under way are answered."""
        self._native.stop()

    def retire(self) -> None:
        """Takes no more connections, and leaves the listener to other processes that have it, too.

        Those that are left get one more reply. It ends once they are gone; `stop` may hasten that.
        """
        self._native.retire()

    def cut(self) -> None:
        """Resets the connections that are left, after `stop`."""
        self._native.cut()

    def unfinished(self) -> int:
        """The number of requests under way."""
        return self._native.unfinished()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the server has ended, or for `timeout` seconds. Returns whether it has.

        Raises:
            OSError: it ended because the system lacked something.
        """
        if not self._ended.wait(timeout):
            return False
        if self._outcome is not None:
            raise self._outcome
        until = time.monotonic() + 1
        for worker in self.workers:
            worker.join(max(0.0, until - time.monotonic()))
        return True

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.wait()


def serve(app: Application, host: str = "127.0.0.1", port: int = 8000, **options: Any) -> None:
    """Serves `app` until Ctrl-C. The arguments are those of `Server`."""
    with Server(app, host, port, **options) as server:
        try:
            server.wait()
        except KeyboardInterrupt:
            pass


def listen(host: str, port: int) -> socket.socket:
    """Listens on the first address of `host` that is free."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    error: OSError | None = None
    for family, kind, protocol, _, address in found:
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
            return listener
        except OSError as failed:
            listener.close()
            error = failed
    raise error or OSError(f"{host} has no address")


def has_gil() -> bool:
    """Whether one thread at a time runs Python: not so in free-threaded builds."""
    is_enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
    return is_enabled is None or is_enabled()


def url(listener: socket.socket) -> str:
    """The URL of what listens there."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def report(error: BaseException, environ: Environ) -> None:
    """Writes what went wrong in the application to `wsgi.errors`."""
    errors = environ["wsgi.errors"]
    asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']!r}"
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    errors.write(f"thimble-wsgi: the application failed on {asked}\n{''.join(lines)}")
    errors.flush()
