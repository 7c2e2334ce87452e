"""The lines of a log, in bounded memory, also while it grows."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.recall_log.foreign_log import LINE_BYTES


class LogLines:
    """Assembles lines from blocks of bytes."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._dropping = False

    @property
    def rest(self) -> bytes:
        """The beginning of a line that has no end yet."""
        return bytes(self._rest)

    def feed(self, block: bytes) -> Iterator[bytes | None]:
        """The lines that end in `block`; None for one that is longer than `LINE_BYTES`."""
        *ended, rest = block.split(b"\n")
        for line in ended:
            self._rest += line
            too_long = self._dropping or len(self._rest) > LINE_BYTES
            yield None if too_long else bytes(self._rest)
            self._rest.clear()
            self._dropping = False
        self._rest += rest
        if len(self._rest) > LINE_BYTES:
            self._rest.clear()
            self._dropping = True
