"""Reads a foreign log of any format: lines to recalls, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from membrowse.recall_log.formats.claude_code import ClaudeCode
from membrowse.recall_log.formats.codex import Codex
from membrowse.recall_log.formats.gbrain import Gbrain
from membrowse.recall_log.formats.generic import Generic
from membrowse.recall_log.formats.openclaw import OpenClaw
from membrowse.recall_log.formats.telemetry import Telemetry
from membrowse.recall_log.formats.values import BadRecord, Record
from membrowse.wire.recalls import Recall

AUTO = "auto"
LINE_BYTES = 16 << 20
"""Longer lines are left out."""
_OWN_QUESTIONS = "__dreaming_"
"""Questions that begin so are the memory's own, not the agent's."""
_UNDECIDED = 200
"""Lines that wait until the format is known."""


class Reader(Protocol):
    """Turns the records of one log into recalls."""

    def recalls(self, record: Record) -> Iterator[Recall]: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A format by its name: how it is recognised and read."""

    matches: Callable[[Record], bool]
    reader: Callable[[str, tuple[str, ...]], Reader]
    """From the agent's name (empty: the log's own) and the roots' paths."""


FORMATS: dict[str, Format] = {
    OpenClaw.name: Format(OpenClaw.matches, lambda agent, _: OpenClaw(agent)),
    ClaudeCode.name: Format(ClaudeCode.matches, ClaudeCode),
    Codex.name: Format(Codex.matches, Codex),
    Gbrain.name: Format(Gbrain.matches, lambda agent, _: Gbrain(agent)),
    Telemetry.name: Format(Telemetry.matches, lambda agent, _: Telemetry(agent)),
    Generic.name: Format(Generic.matches, lambda agent, _: Generic(agent)),
}
"""In the order in which `auto` tries them."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was left out."""

    number: int
    reason: str


@dataclass(slots=True, kw_only=True)
class ForeignLog:
    """One log, fed line by line; may go on when the log grows."""

    folders: tuple[str, ...]
    """The roots of the memory, as real paths."""
    format: str = AUTO
    """Of `FORMATS`, or `auto`."""
    agent: str = ""
    """Instead of the log's own name."""
    lines: int = 0
    bad: int = 0
    own: int = 0
    """Questions that the memory asked itself."""
    _reader: Reader | None = field(default=None, init=False)
    _waiting: list[tuple[int, Record]] = field(default_factory=list, init=False)

    @property
    def known(self) -> bool:
        """Whether the format is known."""
        return self._reader is not None

    def feed(self, line: bytes) -> Iterator[Recall | BadLine]:
        """What is in the next line, or lines; nothing, while the format is not known."""
        self.lines += 1 + line.count(b"\n")
        if not line.strip():
            return
        try:
            record = decoded(line)
        except BadRecord as error:
            yield self._bad(self.lines, str(error))
            return
        for each in record if isinstance(record, list) else [record]:
            if isinstance(each, dict):
                yield from self._record(self.lines, each)
            else:
                yield self._bad(self.lines, "not a JSON object")

    def too_long(self) -> BadLine:
        """Count a line that is longer than `LINE_BYTES`."""
        self.lines += 1
        return self._bad(self.lines, f"longer than {LINE_BYTES >> 20} MB")

    def too_large(self) -> BadLine:
        """Count a recall that is too large to be kept."""
        return self._bad(self.lines, "a recall with too much text")

    def _record(self, number: int, record: Record) -> Iterator[Recall | BadLine]:
        if self._reader is None:
            self._waiting.append((number, record))
            name = self.format if self.format != AUTO else _format_of(record)
            if not name:
                del self._waiting[:-_UNDECIDED]
                return
            self.format = name
            self._reader = FORMATS[name].reader(self.agent, self.folders)
            waiting, self._waiting = self._waiting, []
        else:
            waiting = [(number, record)]
        for place, each in waiting:
            yield from self._recalls(self._reader, place, each)

    def _recalls(self, reader: Reader, number: int, record: Record) -> Iterator[Recall | BadLine]:
        try:
            for recall in reader.recalls(record):
                if recall.source and recall.query.startswith(_OWN_QUESTIONS):
                    self.own += 1
                else:
                    yield recall
        except BadRecord as error:
            yield self._bad(number, str(error))

    def _bad(self, number: int, reason: str) -> BadLine:
        self.bad += 1
        return BadLine(number, reason)


def _format_of(record: Record) -> str:
    return next((name for name, each in FORMATS.items() if each.matches(record)), "")


def decoded(line: bytes) -> Any:
    """The JSON of a line, also with `NaN`. Raises `BadRecord`."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        problem = str(error)
    try:
        return json.loads(line.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        raise BadRecord(f"not JSON: {problem}") from None
