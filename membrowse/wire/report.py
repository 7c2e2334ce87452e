"""A report: one search with everything needed to understand it and to repeat it."""

from __future__ import annotations

import msgspec

from membrowse.wire.diagnosis import DiagnosisReport
from membrowse.wire.explanation import Explanation
from membrowse.wire.overrides import Value
from membrowse.wire.search import Filters, SearchResponse

SCHEMA = 1
"""Version of the file. Keys may be added; none changes its meaning."""
KIND = "membrowse report"
DEPTH = 20
"""Hits of each ranking in a report."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting in force."""

    value: Value | tuple[str, ...] | dict[str, object]
    source: str
    """`default`, `file`, `environment`, `saved` (a saved configuration) or `engine`."""


class ReportedNote(msgspec.Struct, frozen=True, kw_only=True):
    """A note that has a hit in the report."""

    path: str
    sha256: str
    """Of the file when the report was made; empty if it could not be read."""
    size: int
    """Bytes."""
    state: str
    indexed_at: str


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """Versions of what ran."""

    membrowse: str
    engine: str
    """The engine's own version."""
    python: str
    platform: str
    libraries: dict[str, str]


class ReportedIndex(msgspec.Struct, frozen=True, kw_only=True):
    """The index, as far as the response does not describe it."""

    recipe: dict[str, str]
    encoder: str
    precision: str
    encoded: int
    stale: str = ""
    problem: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse report` writes and `membrowse rerun` reads."""

    schema: int = SCHEMA
    kind: str = KIND
    made_at: str
    redacted: bool = False
    program: Program
    query_sha256: str
    """Of the query in UTF-8: identifies the query of a redacted report."""
    settings: dict[str, Setting]
    indexed: ReportedIndex
    response: SearchResponse = msgspec.field(name="recall")
    """With the first `DEPTH` hits of each ranking."""
    filters: Filters = Filters()
    """Of the request, beside those in the query."""
    explanation: Explanation | None = None
    diagnosis: DiagnosisReport | None = msgspec.field(default=None, name="why")
    notes: tuple[ReportedNote, ...] = ()
