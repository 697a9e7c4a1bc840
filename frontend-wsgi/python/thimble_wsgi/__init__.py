"""WSGI applications on Thimble, an HTTP/1.1 server in Rust.

>>> from thimble_wsgi import serve
>>> serve(app, port=8000)                                       # doctest: +SKIP

`Server` is the same in parts: it can run in the background, and be stopped from another thread.
"""

from ._native import FileWrapper
from .server import Server, serve

__all__ = ["FileWrapper", "Server", "serve"]
