from collections.abc import Callable, Iterator
from typing import Any, Protocol, final

class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...

@final
class FileWrapper:
    """An iterable of the blocks of a file, which the server sends without reading it where it can."""

    def __new__(cls, filelike: _Readable, block_size: int = 65536, /) -> FileWrapper: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...

@final
class Server:
    def __new__(
        cls,
        descriptor: int,
        *,
        max_conns: int,
        buffer: int,
        mounts: list[tuple[str, str]],
        deadlines: tuple[int, int, int, int],
        access: bool,
        heads: bool,
        tells_local: bool,
        has_gil: bool,
    ) -> Server: ...
    def run(self) -> None: ...
    def work(
        self,
        application: Callable[..., Any],
        base: dict[str, Any],
        report: Callable[[BaseException, dict[str, Any]], None],
        /,
    ) -> None: ...
    def stop(self) -> None: ...
    def retire(self) -> None: ...
    def cut(self) -> None: ...
    def unfinished(self) -> int: ...
