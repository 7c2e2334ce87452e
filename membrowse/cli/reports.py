"""A report: one recall, with all that is needed to understand it and to run it again."""

from __future__ import annotations

import msgspec

from membrowse.findings.diagnosis import Why
from membrowse.findings.explanation import Explanation
from membrowse.findings.tuning import Value
from membrowse.recall import Recall

SCHEMA = 1
"""Version of the file. Keys may be added; none changes its meaning."""
KIND = "membrowse report"
DEPTH = 20
"""Hits of each ranking that a report holds."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting in force."""

    value: Value | tuple[str, ...]
    source: str
    """`default`, `file`, `environment`, or `saved` for a saved configuration."""


class InvolvedNote(msgspec.Struct, frozen=True, kw_only=True):
    """A note that has a hit in the report."""

    path: str
    sha256: str
    """Of the file's bytes when the report was made; empty where it could not be read."""
    size: int
    """Bytes."""
    state: str
    indexed_at: str


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What ran."""

    membrowse: str
    engine: str
    """The engine's own version."""
    python: str
    platform: str
    libraries: dict[str, str]


class Indexed(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine told of its index beyond the recall."""

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
    """Of the query in UTF-8: tells whether the query that is given to a redacted report is its."""
    settings: dict[str, Setting]
    indexed: Indexed
    recall: Recall
    """With the first `DEPTH` hits of each ranking."""
    explanation: Explanation | None = None
    why: Why | None = None
    notes: tuple[InvolvedNote, ...] = ()
