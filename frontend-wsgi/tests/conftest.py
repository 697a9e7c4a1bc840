"""Servers to test, and a client that sends octets as they are."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import pytest

APPS = pathlib.Path(__file__).parent / "apps"
COMMAND = [sys.executable, "-m", "thimble_wsgi"]


class Running:
    """The command, while it runs."""

    def __init__(self, arguments, folder=APPS, **variables):
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **variables}
        self.log = open(os.memfd_create("log"), "w+b")
        self.process = subprocess.Popen(
            [*COMMAND, *arguments, "--port", "0"], cwd=folder, env=environment,
            stdout=subprocess.PIPE, stderr=self.log,
        )  # fmt: skip
        line = self.process.stdout.readline().decode()
        match = re.search(r" at http://.*:(\d+)/$", line)
        assert match, self.errors()
        self.port = int(match[1])

    def errors(self):
        """What it wrote to standard error."""
        return os.pread(self.log.fileno(), 1 << 24, 0).decode()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def send(self, octets):
        """All that the server replies to these octets, until it closes the connection."""
        with self.connect() as client:
            client.sendall(octets)
            return received(client)

    def get(self, target, *fields, method="GET", content=b"", version="1.1"):
        """The reply to a request."""
        lines = [f"{method} {target} HTTP/{version}", "Host: test", "Connection: close", *fields]
        if content:
            lines.append(f"Content-Length: {len(content)}")
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        return Reply(self.send(head + content))

    def stop(self, number=signal.SIGTERM, seconds=20):
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def resident(self):
        """Octets of memory that it had at most."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) * 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


def received(client):
    pieces = []
    try:
        while piece := client.recv(1 << 16):
            pieces.append(piece)
    except ConnectionResetError:
        pieces.append(RESET)
    return b"".join(pieces)


RESET = b"<reset>"
"""Stands at the end of what was received before the connection was reset."""


class Reply:
    """A reply, taken apart."""

    def __init__(self, octets):
        self.octets = octets
        head, _, self.raw = octets.partition(b"\r\n\r\n")
        self.line, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(self.line.split(" ")[1])
        self.fields = [tuple(line.split(": ", 1)) for line in lines]
        self.was_reset = octets.endswith(RESET)

    def field(self, name):
        found = self.all(name)
        assert len(found) <= 1, found
        return found[0] if found else None

    def all(self, name):
        return [value for other, value in self.fields if other.lower() == name.lower()]

    @property
    def content(self):
        """The content without its transfer coding. A chunked one has to be whole."""
        if self.field("Transfer-Encoding") != "chunked":
            return self.raw
        pieces, at = [], 0
        while True:
            end = self.raw.index(b"\r\n", at)
            start, length = end + 2, int(self.raw[at:end], 16)
            at = start + length + 2
            assert self.raw[start + length:at] == b"\r\n"
            if length == 0:
                assert at == len(self.raw)
                return b"".join(pieces)
            pieces.append(self.raw[start:start + length])

    @property
    def text(self):
        return self.content.decode()


@pytest.fixture(scope="session")
def bare():
    """The bare applications."""
    with Running(["bare:app"]) as running:
        yield running


@pytest.fixture
def run():
    """Runs the command with some arguments; it is ended with the test."""
    started = []

    def start(*arguments, **options):
        started.append(Running(arguments, **options))
        return started[-1]

    yield start
    for running in started:
        running.__exit__()
