"""Bare applications, one for each first segment of the path."""

import gzip
import io
import json
import os
import sys
import tempfile
import threading
import time

HELLO = b"Hello, World!"
TEXT = [("Content-Type", "text/plain")]

closed = []
"""The names of iterables that were closed, in their order."""


class Blocks:
    """An iterable that tells when it is closed."""

    def __init__(self, name, blocks, error=None):
        self.name, self.blocks, self.error = name, iter(blocks), error

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return next(self.blocks)
        except StopIteration:
            if self.error is not None:
                raise self.error from None
            raise

    def close(self):
        closed.append(self.name)


def app(environ, start_response):
    name = environ["PATH_INFO"].split("/")[1]
    return globals()[name or "hello"](environ, start_response)


def hello(environ, start_response):
    start_response("200 OK", TEXT)
    return [HELLO]


def environ_of(environ, start_response):
    """The environ: its strings as they are, and the types of other values."""
    start_response("200 OK", [("Content-Type", "application/json")])
    shown = {key: value if isinstance(value, (str, bool)) else repr(value) for key, value in environ.items()}
    shown["types"] = sorted({type(environ).__name__} | {type(key).__name__ for key in environ})
    return [json.dumps(shown).encode()]


def closed_so_far(environ, start_response):
    start_response("200 OK", TEXT)
    return [" ".join(closed).encode()]


# The content of the request.


def echo(environ, start_response):
    content = environ["wsgi.input"].read()
    start_response("200 OK", [*TEXT, ("X-Length", environ.get("CONTENT_LENGTH", "none"))])
    return [content]


def reads(environ, start_response):
    """What each call reads, as `?read5,readline,readline3,readlines,next,list` asks."""
    source, results = environ["wsgi.input"], []
    for call in environ["QUERY_STRING"].split(","):
        if call == "next":
            results.append(next(source, None))
        elif call == "list":
            results.append(list(source))
        else:
            name = call.rstrip("-0123456789")
            size = call[len(name):]
            results.append(getattr(source, name)(*([int(size)] if size else [])))
    start_response("200 OK", TEXT)
    return [repr(results).encode()]


def count(environ, start_response):
    """Octets of content, and of how much memory the process had at most."""
    total = 0
    while block := environ["wsgi.input"].read(65536):
        total += len(block)
    start_response("200 OK", TEXT)
    return [str(total).encode()]


def reply_first(environ, start_response):
    """Sends before it reads."""
    start_response("200 OK", TEXT)
    yield b"got:"
    yield from environ["wsgi.input"]


def reply_first_then_read(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"got:"
    yield environ["wsgi.input"].read()


def reads_never(environ, start_response):
    start_response("403 Forbidden", TEXT)
    return [b"no"]


# start_response.


def late(environ, start_response):
    start_response("200 OK", TEXT)
    yield HELLO


def empty_first(environ, start_response):
    yield b""
    start_response("201 Created", TEXT)
    yield HELLO


def never(environ, start_response):
    return [HELLO]


def too_late(environ, start_response):
    yield HELLO
    start_response("200 OK", TEXT)


def twice(environ, start_response):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [HELLO]


def replaced(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-First", "1"), ("Content-Length", "99")])
    try:
        raise ValueError("as the test asks")
    except ValueError:
        start_response("500 Oops", TEXT, sys.exc_info())
    return [b"replaced"]


def exc_info_first(environ, start_response):
    try:
        raise ValueError("as the test asks")
    except ValueError:
        start_response("500 Oops", TEXT, exc_info=sys.exc_info())
    return [b"replaced"]


def replaced_too_late(environ, start_response):
    start_response("200 OK", TEXT)
    yield HELLO
    try:
        raise ValueError("raised again")
    except ValueError:
        start_response("500 Oops", TEXT, sys.exc_info())
    yield b"never"


def written(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"one ")
    write(b"")
    write(b"two ")
    return [b"three"]


def written_all(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("Content-Length", "6")])
    write(b"abc")
    write(b"def")
    return []


def write_text(environ, start_response):
    start_response("200 OK", TEXT)("text")
    return []


def write_then_fail(environ, start_response):
    start_response("200 OK", TEXT)(b"some")
    raise ValueError("after write")


BAD = {
    "status_bytes": (b"200 OK", TEXT),
    "status_number": (200, TEXT),
    "status_short": ("200", TEXT),
    "status_words": ("OK 200", TEXT),
    "status_interim": ("100 Continue", TEXT),
    "status_high": ("700 Odd", TEXT),
    "status_line": ("200 OK\r\nX-Evil: 1", TEXT),
    "status_not_latin1": ("200 \u20ac", TEXT),
    "status_nul": ("200 O\0K", TEXT),
    "headers_tuple": ("200 OK", tuple(TEXT)),
    "headers_dict": ("200 OK", dict(TEXT)),
    "headers_iterator": ("200 OK", iter(TEXT)),
    "header_list": ("200 OK", [["Content-Type", "text/plain"]]),
    "header_triple": ("200 OK", [("A", "b", "c")]),
    "name_bytes": ("200 OK", [(b"A", "b")]),
    "value_bytes": ("200 OK", [("A", b"b")]),
    "value_number": ("200 OK", [("Content-Length", 13)]),
    "value_none": ("200 OK", [("A", None)]),
    "name_empty": ("200 OK", [("", "b")]),
    "name_colon": ("200 OK", [("A:", "b")]),
    "name_space": ("200 OK", [("A b", "c")]),
    "name_line": ("200 OK", [("A\r\nB", "c")]),
    "value_cr": ("200 OK", [("A", "b\rX-Evil: 1")]),
    "value_lf": ("200 OK", [("A", "b\nX-Evil: 1")]),
    "value_crlf": ("200 OK", [("A", "b\r\nX-Evil: 1")]),
    "value_nul": ("200 OK", [("A", "b\0")]),
    "value_not_latin1": ("200 OK", [("A", "\u20ac")]),
    "connection": ("200 OK", [("Connection", "close")]),
    "keep_alive": ("200 OK", [("Keep-Alive", "timeout=5")]),
    "transfer_encoding": ("200 OK", [("Transfer-Encoding", "chunked")]),
    "upgrade": ("200 OK", [("upgrade", "websocket")]),
    "te": ("200 OK", [("TE", "trailers")]),
    "trailer": ("200 OK", [("Trailer", "A")]),
    "proxy_authenticate": ("200 OK", [("Proxy-Authenticate", "Basic")]),
    "length_negative": ("200 OK", [("Content-Length", "-1")]),
    "length_words": ("200 OK", [("Content-Length", "many")]),
    "length_plus": ("200 OK", [("Content-Length", "+13")]),
    "length_huge": ("200 OK", [("Content-Length", "99999999999999999999999")]),
    "length_twice": ("200 OK", [("Content-Length", "13"), ("Content-Length", "13")]),
    "type_twice": ("200 OK", [*TEXT, *TEXT]),
}


def bad(environ, start_response):
    start_response(*BAD[environ["QUERY_STRING"]])
    return [HELLO]


def bad_is_caught(environ, start_response):
    """What start_response refuses, the application may still mend."""
    try:
        start_response("200 OK", [("Connection", "close")])
    except ValueError as error:
        start_response("200 OK", TEXT)
        return [str(error).encode()]
    return [b"not refused"]


def fields(environ, start_response):
    start_response("299 Fine", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Latin", "caf\xe9"),
                                ("Server", "mine"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT")])  # fmt: skip
    return [HELLO]


def latin_reason(environ, start_response):
    start_response("404 caf\xe9", TEXT)
    return [HELLO]


# The iterable.


def nothing(environ, start_response):
    start_response("200 OK", TEXT)
    return []


def tuple_of_two(environ, start_response):
    start_response("200 OK", TEXT)
    return (b"one ", b"two")


def generated(environ, start_response):
    start_response("200 OK", TEXT)
    return iter([b"one ", b"", b"two"])


step = threading.Semaphore(0)


def step_by_step(environ, start_response):
    """Yields a block each time that /go is asked for."""
    start_response("200 OK", TEXT)
    for number in range(3):
        yield f"{number}\n".encode()
        step.acquire(timeout=20)


def step_by_write(environ, start_response):
    write = start_response("200 OK", TEXT)
    for number in range(3):
        write(f"{number}\n".encode())
        step.acquire(timeout=20)
    return []


def go(environ, start_response):
    step.release()
    return hello(environ, start_response)


def sized(environ, start_response):
    """Content-Length of the query's first number, and blocks of the others."""
    length, *blocks = map(int, environ["QUERY_STRING"].split(","))
    start_response("200 OK", [*TEXT, ("Content-Length", str(length))])
    return Blocks("sized", [b"x" * block for block in blocks])


def status(environ, start_response):
    code, *rest = environ["QUERY_STRING"].split(",")
    start_response(f"{code} Some Reason", [("Content-Length", rest[0])] if rest else [])
    return Blocks(f"status{code}", [HELLO, HELLO])


def text_block(environ, start_response):
    start_response("200 OK", TEXT)
    return ["text"]


def text_later(environ, start_response):
    start_response("200 OK", TEXT)
    return iter([b"bytes", "text"])


def returns_none(environ, start_response):
    start_response("200 OK", TEXT)


def closes(environ, start_response):
    start_response("200 OK", TEXT)
    return Blocks("closes", [HELLO])


def fails(environ, start_response):
    raise ValueError("as the test asks")


def fails_in_iteration(environ, start_response):
    start_response("200 OK", TEXT)
    return Blocks("fails_in_iteration", [], ValueError("as the test asks"))


def fails_later(environ, start_response):
    start_response("200 OK", TEXT)
    return Blocks("fails_later", [HELLO], ValueError("as the test asks"))


def fails_in_close(environ, start_response):
    start_response("200 OK", TEXT)

    class Failing(Blocks):
        def close(self):
            raise ValueError("in close")

    return Failing("", [HELLO])


def exits(environ, start_response):
    raise SystemExit("as the test asks")


def endless(environ, start_response):
    start_response("200 OK", TEXT)

    def blocks():
        while True:
            yield b"x" * 65536

    return Blocks("endless", blocks())


def endless_by_write(environ, start_response):
    write = start_response("200 OK", TEXT)
    try:
        while True:
            write(b"x" * 65536)
    except OSError:
        closed.append("endless_by_write")
        raise


def large(environ, start_response):
    """20 MB in one block."""
    start_response("200 OK", TEXT)
    return [bytes(20_000_000)]


def large_in_pieces(environ, start_response):
    start_response("200 OK", TEXT)
    return (bytes(10_000) for _ in range(2000))


def more_than_memory(environ, start_response):
    start_response("200 OK", TEXT)
    return (bytes(100_000) for _ in range(1000))


# Files.

FOLDER = tempfile.TemporaryDirectory()
FILE = os.path.join(FOLDER.name, "file")
with open(FILE, "wb") as made:
    made.write(bytes(range(256)) * 4096)
with gzip.open(FILE + ".gz", "wb") as made:
    made.write(HELLO * 1000)


class Told:
    """A file that tells when it is closed."""

    def __init__(self, file):
        self.file = file

    def read(self, size):
        return self.file.read(size)

    def close(self):
        closed.append("told")
        self.file.close()


def file(environ, start_response):
    kind, _, argument = environ["QUERY_STRING"].partition(",")
    wrap = environ["wsgi.file_wrapper"]
    fields = list(TEXT)
    if kind == "length":
        fields.append(("Content-Length", argument))
    start_response("200 OK", fields)
    if kind == "memory":
        return wrap(io.BytesIO(HELLO * 1000), 100)
    if kind == "gzip":
        return wrap(gzip.open(FILE + ".gz"))
    if kind == "buffered_gzip":
        return wrap(io.BufferedReader(gzip.open(FILE + ".gz")))
    if kind == "told":
        return wrap(Told(open(FILE, "rb")))
    if kind == "raw":
        return wrap(open(FILE, "rb", buffering=0), 8192)
    opened = open(FILE, "rb")
    if kind == "read":
        opened.read(int(argument))
    return wrap(opened)


def iterated_file(environ, start_response):
    """What middleware sees of the wrapper."""
    start_response("200 OK", TEXT)
    wrapped = environ["wsgi.file_wrapper"](open(FILE, "rb"), 1000)
    try:
        return [b"%d" % sum(map(len, wrapped))]
    finally:
        wrapped.close()


# Threads.

local = threading.local()


def thread(environ, start_response):
    """How often this thread was here, and which one it is."""
    local.count = getattr(local, "count", 0) + 1
    start_response("200 OK", TEXT)
    return [f"{threading.current_thread().name} {threading.get_ident()} {local.count}".encode()]


def sleep(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    return hello(environ, start_response)


def pid(environ, start_response):
    start_response("200 OK", TEXT)
    return [str(os.getpid()).encode()]
