"""Pins: queries with the note that they should find, and how they fare."""

from __future__ import annotations

import msgspec


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """A line of `golden.jsonl`. Keys of the line that are not listed here are kept as they are."""

    id: str
    """Unique in its file; made up where the line has none."""
    query: str
    path: str
    """Of the note that should be found."""
    text: str = ""
    """A stretch of the expected chunk; empty: any chunk of the note will do."""
    k: int = 5
    syntax: str = "literal"


class PinResult(msgspec.Struct, frozen=True, kw_only=True):
    """A pin, run over one generation."""

    pin: Pin
    holds: bool
    """The expected chunk is in the first k of the reranked ranking."""
    rank: int | None
    """Reranked; None where the expected text is in no chunk."""
    ranks: dict[str, int | None]
    before: int | None = None
    """Reranked rank in the run before, where it was another generation or configuration."""
    chunk: str = ""
    """The chunk that stands for it, empty where there is none."""
    problem: str = ""
    """Why there is no rank: the text was edited away, the note is not indexed."""
    history: tuple[int | None, ...] = ()
    """Reranked ranks over generations, the newest last (at most 60)."""


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Means over all pins, 0 to 1."""

    recall_at_1: float
    recall_at_5: float
    mrr: float
    """Mean reciprocal rank of the first 10 (0 beyond)."""


class PinRun(msgspec.Struct, frozen=True, kw_only=True):
    """All pins over one generation with one configuration."""

    generation: int
    at: str
    file: str
    """Where the pins are kept."""
    settings_digest: str
    results: tuple[PinResult, ...]
    measures: dict[str, Measures]
    """By ranking: keyword, vector, fused, reranked."""
    problems: tuple[str, ...] = ()
    """Lines of the file that cannot be used, with number and reason."""

    @property
    def total(self) -> int:
        return len(self.results)

    @property
    def holding(self) -> int:
        return sum(result.holds for result in self.results)


class PinsState(msgspec.Struct, frozen=True, kw_only=True):
    """The pins in a line, as part of the engine's state."""

    total: int = 0
    holding: int = 0
    generation: int = 0
    """Of the last run."""
    moved: tuple[str, ...] = ()
    """What the last run moved, most telling first: `ssh port: decisions/ssh.md #9 → #4`."""
    running: bool = False
    problem: str = ""
    """Why the pins could not be read or run, or their history not be kept; empty where all went
    well."""
