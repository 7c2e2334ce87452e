"""The lines of a log, in bounded memory, also while it grows."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.recall_log.foreign_log import LINE_BYTES

_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")


class LogLines:
    """Assembles lines from blocks of bytes.

    A JSON document that is indented over several lines, as OpenTelemetry's console exporter writes
    spans, is one line.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._dropping = False
        self._document: list[bytes] = []
        """The lines so far of an indented document."""
        self._bytes = 0

    @property
    def rest(self) -> bytes:
        """The beginning of a line that has no end yet."""
        return b"\n".join([*self._document, bytes(self._rest)])

    def feed(self, block: bytes) -> Iterator[bytes | None]:
        """The lines that end in `block`; None for one that is longer than `LINE_BYTES`."""
        *ended, rest = block.split(b"\n")
        for line in ended:
            self._rest += line
            too_long = self._dropping or len(self._rest) > LINE_BYTES
            yield from self._assembled(None if too_long else bytes(self._rest))
            self._rest.clear()
            self._dropping = False
        self._rest += rest
        if len(self._rest) > LINE_BYTES:
            self._rest.clear()
            self._dropping = True

    def _assembled(self, line: bytes | None) -> Iterator[bytes | None]:
        """`line`, unless it belongs to an indented document; its last line gives all of it."""
        if line is not None and (self._document or line.rstrip() in _OPENING):
            self._document.append(line)
            self._bytes += len(line)
            if len(self._document) == 1 or line[:1].isspace():
                if self._bytes <= LINE_BYTES:
                    return
            elif line.rstrip() in _CLOSING:
                self._document = [b"\n".join(self._document)]
            line = self._document.pop()
        yield from self._document
        self._document, self._bytes = [], 0
        yield line
