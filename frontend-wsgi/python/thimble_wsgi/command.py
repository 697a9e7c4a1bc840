"""The command `thimble-wsgi`."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from importlib.metadata import version
from types import FrameType
from typing import Any, NoReturn

from .server import Application, Server, listen, url
from .supervisor import READY, Inherited, Supervisor, stamps
from .supervisor import watch as watch_files

NAME = "thimble-wsgi"
DRAIN = 30
"""Seconds that requests under way may take once the server was told to stop."""
MOMENT = 0.1
"""Seconds that idle connections take to end at most."""


def main() -> None:
    """Runs the command with the arguments of this process."""
    flags = parse(sys.argv[1:])
    if flags.inherited is None and (flags.workers > 1 or flags.reload):
        listener = bind(flags.bind, flags.port)
        workers = f" with {flags.workers} workers" if flags.workers > 1 else ""
        announce = f"Serving {flags.app}{workers} at {url(listener)}"
        sys.exit(Supervisor(sys.argv[1:], listener, flags.workers).run(announce))
    if flags.chdir is not None:
        try:
            os.chdir(flags.chdir)
        except OSError as error:
            give_up(f"can't change to the folder '{flags.chdir}': {error.strerror}")
    sys.path.insert(0, os.getcwd())
    app = load(flags.app)
    inherited = None if flags.inherited is None else Inherited(flags.inherited)
    listener = bind(flags.bind, flags.port) if inherited is None else inherited.listener
    run(flags, app, listener, inherited)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The flags that `arguments` set."""
    parser = Parser(
        prog=NAME,
        description="Serves a WSGI application.",
        epilog=EXAMPLES.replace("NAME", NAME),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("app", metavar="MODULE[:CALLABLE]",
        help="the application: a callable of a module (without a name, 'application' or 'app'), or "
        "MODULE:make() for what a callable returns")
    add("-p", "--port", type=port, default=8000, help="port to listen on; 0 takes any free one [8000]")
    add("-b", "--bind", metavar="ADDRESS", default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in [127.0.0.1]")
    add("--threads", metavar="N", type=at_least_one, default=4,
        help="most calls into the application at a time [4]")
    add("--workers", metavar="N", type=at_least_one, default=1, help="processes that serve [1]")
    add("--reload", action="store_true", help="begin anew when a module of the application changes")
    add("--inherited", help=argparse.SUPPRESS)
    add("--max-conns", metavar="N", type=at_least_one, default=1024,
        help="most connections to serve at a time; further ones wait [1024]")
    add("--static", metavar="URL=DIR", type=mount, action="append", default=[],
        help="serve the folder DIR at the path URL without the application; give it again for others")
    add("--buffer", metavar="SIZE", type=size, default=1 << 20,
        help="content that is received before the application is called, such as 65536, 64k or 1M; more "
        "is received while the application reads it [1M]")
    add("--chdir", metavar="DIR", help="change to this folder before the application is loaded")
    for name, seconds, what in TIMES:
        add(f"--{name}-timeout", metavar="SECONDS", type=at_least_one, default=seconds,
            help=f"seconds to wait for {what} [{seconds}]")
    add("-q", "--quiet", action="store_true", help="write no access log")
    add("-v", "--verbose", action="store_true", help="log the head of each request and reply")
    add("-V", "--version", action="version", version=f"{NAME} {version(NAME)}")
    return parser.parse_args(arguments)


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        give_up(f"{message} (--help lists all flags)", 2)


TIMES = [
    ("idle", 30, "the next request on a connection"),
    ("head", 20, "the whole head of a request"),
    ("content", 30, "more of a request's content"),
    ("reply", 75, "a client that has stopped reading a reply"),
]

EXAMPLES = """\
examples:
  NAME app                           Serve 'application' or 'app' of app.py at http://127.0.0.1:8000/
  NAME hello:app -p 0                Serve 'app' of hello.py at any free port
  NAME mysite.wsgi                   Serve a Django project
  NAME 'shop:create_app()'           Serve what the function create_app returns
  NAME app --static /static=static   Serve the folder 'static' without the application
  NAME app -b 0.0.0.0                Let other machines in

Ctrl-C lets running requests finish; a second Ctrl-C ends the server at once. With --workers or --reload,
SIGHUP begins anew with each worker, one after the other."""


def port(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("give a number from 0 to 65535")
    return number


def at_least_one(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError("give a number from 1 up")
    return number


def size(text: str) -> int:
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if not number.isdecimal() or unit not in ("", "K", "M", "G"):
        raise argparse.ArgumentTypeError("write it like 65536, 64k or 1M")
    return int(number) << {"": 0, "K": 10, "M": 20, "G": 30}[unit]


def mount(text: str) -> tuple[str, str]:
    path, equals, folder = text.partition("=")
    if not equals or not path.startswith("/") or path.count("/") > 6 or not path.strip("/"):
        raise argparse.ArgumentTypeError("write it like /static=DIR")
    if not os.path.isdir(folder):
        raise argparse.ArgumentTypeError(f"there is no folder '{folder}'")
    return path, os.path.abspath(folder)


def give_up(problem: str, code: int = 1) -> NoReturn:
    """Ends the process. The problem is one line."""
    sys.stderr.write(f"{NAME}: {problem}\n")
    sys.exit(code)


def load(name: str) -> Application:
    """The application that is called `name`."""
    module_name, colon, attribute = name.partition(":")
    if module_name.endswith(".py") or "/" in module_name:
        path, inner = os.path.split(module_name.removesuffix(".py"))
        folder = f" --chdir {path}" if path not in ("", ".") else ""
        give_up(f"'{module_name}' is a file: write {inner}{colon}{attribute}{folder}, as Python imports it")
    factory = attribute.removesuffix("()")
    if not module_name or not all(part.isidentifier() for part in (factory or "app").split(".")):
        give_up(f"'{name}' names no application: write MODULE, MODULE:CALLABLE or MODULE:FACTORY()")
    try:
        module: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and is_part(error.name, module_name):
            give_up(f"there is no module '{error.name}' in {os.getcwd()} or on Python's path: give it "
                    f"as Python imports it, or its folder with --chdir")
        traceback.print_exc()
        give_up(f"the module '{module_name}' needs '{error.name}', which is not installed here")
    except (ImportError, ValueError, TypeError) as error:
        traceback.print_exc()
        give_up(f"the module '{module_name}' can't be imported: {error}")
    except Exception as error:
        traceback.print_exc()
        give_up(f"the module '{module_name}' fails while it is imported: {type(error).__name__}: {error}")
    if not attribute:
        for attribute in ("application", "app"):
            if hasattr(module, attribute):
                break
        else:
            give_up(f"the module '{module_name}' has neither 'application' nor 'app': name its "
                    f"application as in {module_name}:NAME")
    is_factory = attribute.endswith("()")
    found = module
    for part in attribute.removesuffix("()").split("."):
        if not hasattr(found, part):
            give_up(f"the module '{module_name}' has no '{part}'")
        found = getattr(found, part)
    if is_factory:
        if not callable(found):
            give_up(f"'{name}' can't be called: it is of type {type(found).__name__}")
        try:
            found = found()
        except Exception as error:
            traceback.print_exc()
            give_up(f"'{name}' fails: {type(error).__name__}: {error}")
    if not callable(found):
        give_up(f"'{name}' is no application: it is of type {type(found).__name__}, which can't be called")
    app: Application = found
    return app


def is_part(name: str, module_name: str) -> bool:
    """Whether `name` is the module, or a package that it is in."""
    return module_name == name or module_name.startswith(f"{name}.")


def bind(host: str, port: int) -> socket.socket:
    """Listens there."""
    host = host.removeprefix("[").removesuffix("]")
    try:
        return listen(host, port)
    except socket.gaierror:
        give_up(f"can't find an address for '{host}': give --bind an IP address, such as 127.0.0.1")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            give_up(f"port {port} on {host} is in use: choose another with --port, or any free one with "
                    "--port 0")
        if error.errno in (errno.EACCES, errno.EPERM):
            give_up(f"port {port} needs more privileges than you have: choose one from 1024 up with --port")
        if error.errno == errno.EADDRNOTAVAIL:
            give_up(f"{host} is not an address of this machine: give --bind one that is, or 0.0.0.0 for all")
        give_up(f"can't listen on {host}, port {port}: {error.strerror}")


def run(
    flags: argparse.Namespace, app: Application, listener: socket.socket, inherited: Inherited | None
) -> None:
    """Serves until a signal comes, or the supervisor is gone."""
    server = Server(
        app,
        threads=flags.threads,
        max_conns=flags.max_conns,
        buffer=flags.buffer,
        static=dict(flags.static),
        quiet=flags.quiet,
        verbose=flags.verbose,
        idle_timeout=flags.idle_timeout,
        head_timeout=flags.head_timeout,
        content_timeout=flags.content_timeout,
        reply_timeout=flags.reply_timeout,
        multiprocess=flags.workers > 1,
        listener=listener,
    )
    is_stopping = False

    def stop() -> None:
        nonlocal is_stopping
        is_stopping = True
        server.stop()
        threading.Thread(target=watch, args=(server,), daemon=True).start()

    def on_signal(number: int, _: FrameType | None) -> None:
        if is_stopping:
            server.cut()
            time.sleep(MOMENT)
            os._exit(128 + number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # As nohup has it, a process outlives its terminal.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, on_signal)
    server.start()
    if inherited is None:
        print(f"Serving {flags.app} at {server.url}", flush=True)
    else:
        if flags.reload:
            threading.Thread(target=watch_files, args=(inherited, stamps()), daemon=True).start()
        inherited.tell(READY)
        threading.Thread(target=inherited.obey, args=(server.retire, stop), daemon=True).start()
    server.wait()
    sys.stdout.flush()
    sys.stderr.flush()
    # A call into the application that never ends would hold up the interpreter.
    if any(worker.is_alive() for worker in server.workers):
        os._exit(0)


def watch(server: Server) -> None:
    """Says what a stopping server waits for, and doesn't wait for ever."""
    if server.wait(MOMENT):
        return
    say(f"stopping: {transfers(server.unfinished())}, {DRAIN} s at most; Ctrl-C again ends it at once")
    if not server.wait(DRAIN):
        say(f"stopping: {transfers(server.unfinished())} cut")
        server.cut()
        if not server.wait(MOMENT):
            # Calls into the application can't be ended, except with the process.
            os._exit(0)


def say(what: str) -> None:
    sys.stderr.write(f"{NAME}: {what}\n")


def transfers(count: int) -> str:
    return f"{count} {'transfer' if count == 1 else 'transfers'}"
