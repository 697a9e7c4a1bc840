"""Worker processes that share a listener, for `--workers` and `--reload`."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

READY = b"1"
"""What a worker tells once it serves."""
CHANGED = b"2"
"""What a worker tells when a file of the application changed."""
RETIRE = b"3"
"""What a worker is told whose place another one has taken."""
LOOK = 0.5
"""Seconds between two looks at the application's files."""
AGAIN = 1.0
"""Seconds before a worker is replaced that ended as soon as it was started."""


class Worker:
    """A process that serves, and a socket to it, which both sides have until they end."""

    def __init__(self, arguments: list[str], listener: socket.socket) -> None:
        self.control, theirs = socket.socketpair()
        descriptors = [listener.fileno(), theirs.fileno()]
        inherited = [f"--inherited={descriptors[0]},{descriptors[1]}"]
        # In a session of its own, so that Ctrl-C is for the supervisor alone.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "thimble_wsgi", *inherited, *arguments],
            pass_fds=descriptors,
            start_new_session=True,
        )
        theirs.close()
        self.begun = time.monotonic()
        self.is_ready = False
        self.is_stopped = False
        self.replaces: Worker | None = None

    def retire(self) -> None:
        """Has it finish, and answer clients that are connected once more: some are about to ask."""
        self.is_stopped = True
        try:
            self.control.send(RETIRE)
        except OSError:
            # It has ended by itself.
            pass

    def stop(self) -> None:
        """Has it finish, and close what is idle; at once, when called again."""
        self.is_stopped = True
        if self.process.poll() is None:
            self.process.terminate()


class Supervisor:
    """Keeps `count` workers running until a signal comes."""

    def __init__(self, arguments: list[str], listener: socket.socket, count: int) -> None:
        self.arguments, self.listener, self.count = arguments, listener, count
        self.workers: list[Worker] = []
        self.old: list[Worker] = []
        self.signals: list[int] = []
        self.selector = selectors.DefaultSelector()
        self.again = False
        self.end: Callable[[Worker], None] = Worker.retire
        self.is_stopping = False

    def run(self, announce: str) -> int:
        """Serves. Returns the exit code."""
        woken, waking = socket.socketpair()
        for end in (woken, waking):
            end.setblocking(False)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        self.selector.register(woken, selectors.EVENT_READ)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        # One alone: what keeps it from serving is then said once.
        self.start()
        was_ready = False
        while self.workers:
            for key, _ in self.selector.select(AGAIN):
                if isinstance(key.data, Worker):
                    self.hear(key.data)
                else:
                    woken.recv(100)
            while self.signals:
                self.obey(self.signals.pop(0))
            if not (was_ready or self.is_stopping) and all(worker.is_ready for worker in self.workers):
                was_ready = len(self.workers) == self.count
                for _ in range(self.count - len(self.workers)):
                    self.start()
                if was_ready:
                    print(announce, flush=True)
            if not self.keep_up(was_ready):
                return 1
        return 0

    def on_signal(self, number: int, _: FrameType | None) -> None:
        self.signals.append(number)

    def obey(self, number: int) -> None:
        if number == signal.SIGHUP:
            self.reload(Worker.retire)
            return
        self.is_stopping = True
        # Else clients would still be let in, and nobody would answer them.
        self.listener.close()
        for worker in self.workers:
            worker.stop()

    def start(self, replaces: Worker | None = None) -> None:
        worker = Worker(self.arguments, self.listener)
        worker.replaces = replaces
        self.workers.append(worker)
        self.selector.register(worker.control, selectors.EVENT_READ, worker)

    def reload(self, end: Callable[[Worker], None]) -> None:
        """Replaces all workers, one by one, and ends the old ones so; once more, if that is under way."""
        self.end = end
        if self.old or any(worker.replaces for worker in self.workers):
            self.again = True
            return
        self.old = [worker for worker in self.workers if not worker.is_stopped]
        self.replace_next()

    def replace_next(self) -> None:
        if self.is_stopping:
            return
        if self.old:
            self.start(self.old.pop(0))
        elif self.again:
            self.again = False
            self.reload(self.end)

    def hear(self, worker: Worker) -> None:
        told = worker.control.recv(1)
        if told == READY:
            worker.is_ready = True
            if worker.replaces is not None:
                self.end(worker.replaces)
                worker.replaces = None
                self.replace_next()
        elif told == CHANGED:
            # Whoever has changed a page and asks again is not to see the old one.
            self.reload(Worker.stop)
        else:
            self.selector.unregister(worker.control)
            worker.control.close()
            worker.process.wait()

    def keep_up(self, was_ready: bool) -> bool:
        """Replaces workers that ended by themselves. Returns whether that makes sense."""
        for worker in [worker for worker in self.workers if worker.process.poll() is not None]:
            ended_early = not worker.is_ready
            if ended_early and not was_ready and not self.is_stopping:
                for other in self.workers:
                    other.stop()
                return False
            is_replaced = any(other.replaces is worker for other in self.workers)
            if worker.is_stopped or is_replaced or self.is_stopping:
                self.workers.remove(worker)
            elif worker.replaces is not None:
                # What it was to replace goes on.
                self.workers.remove(worker)
                self.old.clear()
                self.replace_next()
            elif time.monotonic() - worker.begun > AGAIN:
                code = worker.process.returncode
                sys.stderr.write(f"thimble-wsgi: a worker ended with {code}, and is replaced\n")
                self.workers.remove(worker)
                self.start()
        return True


class Inherited:
    """A worker's side: the listener, and the socket to the supervisor."""

    def __init__(self, descriptors: str) -> None:
        listener, control = map(int, descriptors.split(","))
        self.listener = socket.socket(fileno=listener)
        self.control = socket.socket(fileno=control)

    def tell(self, what: bytes) -> None:
        try:
            self.control.send(what)
        except OSError:
            # The supervisor is gone, and this process hears of it elsewhere.
            pass

    def obey(self, retire: Callable[[], None], stop: Callable[[], None]) -> None:
        """Calls `retire` when told to, and `stop` when the supervisor has ended."""
        while self.control.recv(1) == RETIRE:
            retire()
        stop()


def watch(inherited: Inherited, seen: dict[str, int]) -> None:
    """Tells the supervisor each time that a file of the application has changed since it was `seen`."""
    while True:
        time.sleep(LOOK)
        now = stamps()
        # A module that is imported late is no change.
        if any(now.get(path) != stamp for path, stamp in seen.items()):
            inherited.tell(CHANGED)
        seen = now


def stamps() -> dict[str, int]:
    """The files of modules that are not installed, and when they were changed."""
    installed = tuple({os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix)})
    found = {}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and not path.startswith(installed):
            try:
                found[path] = os.stat(path).st_mtime_ns
            except OSError:
                found[path] = 0
    return found
