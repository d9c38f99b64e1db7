"""The binary stream below one of the standard text streams, wrapped: what it does not change is the inner one's."""

from __future__ import annotations

import io
from typing import Any, cast


class Wrapped(io.BufferedIOBase):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def closed(self) -> bool:
        return cast(bool, self._inner.closed)

    @property
    def raw(self) -> Any:
        return getattr(self._inner, "raw", self._inner)

    @property
    def name(self) -> Any:
        return self._inner.name

    @property
    def mode(self) -> Any:
        return self._inner.mode

    def flush(self) -> None:
        self._inner.flush()

    def close(self) -> None:
        self._inner.close()

    def detach(self) -> Any:
        return self._inner.detach()

    def fileno(self) -> int:
        return cast(int, self._inner.fileno())

    def isatty(self) -> bool:
        return cast(bool, self._inner.isatty())

    def seekable(self) -> bool:
        return cast(bool, self._inner.seekable())

    def tell(self) -> int:
        return cast(int, self._inner.tell())


class Kept:
    """What went through a stream, as long as it is not too much."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self.length = 0

    def add(self, data: bytes) -> None:
        self.length += len(data)
        if self.length <= self._max_bytes:
            self._parts.append(data)
        else:
            self._parts.clear()

    @property
    def whole(self) -> bytes | None:
        """All of it; None if it was too much to keep."""
        return b"".join(self._parts) if self.length <= self._max_bytes else None
