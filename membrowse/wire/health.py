"""The results of `membrowse doctor`: checks, and which command fixes what is wrong."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.wire.request import Request


class CheckState(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check."""

    name: str
    """`settings`, `folder`, `model`, `inotify`, `disk`, `lock`, `index` or `recipe`."""
    state: CheckState
    detail: str
    remedy: str = ""
    """What to do about it, such as a command; empty if there is nothing to do."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All checks, as `membrowse doctor --json` prints them."""

    healthy: bool
    """No check found a problem; there may be warnings."""
    checks: tuple[Check, ...]


class Discrepancy(msgspec.Struct, frozen=True, kw_only=True):
    """Ids on which a store disagrees with the manifest."""

    store: str
    """`manifest`, `keyword`, `matrix`, `chroma` or `tokens`."""
    kind: str
    """`missing`, `orphaned`, `repeated` or `outdated`."""
    count: int
    example: str = ""
    """One of the ids."""


class StoreCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The stores compared with each other, and the chunks with the encoder's window."""

    generation: int
    notes: int
    chunks: int
    discrepancies: tuple[Discrepancy, ...] = ()
    longest_chunk: int = 0
    """Word pieces of the longest chunk, including context header and special tokens."""
    window: int = 0
    recipe: dict[str, str] = {}
    """Chunker, analyser and encoder that this version uses."""
    stale: str = ""
    """Which of these differ from the index's, or empty."""


class StoreCheckRequest(Request[StoreCheck], frozen=True, kw_only=True):
    """Compare the stores of the index; takes seconds on a large one."""


class EngineHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a running engine does its work, for monitoring; that it answers shows it is alive."""

    ready: bool
    """Searches are answered from an open index."""
    reasons: tuple[str, ...] = ()
    """What is wrong, most important first; none: it is healthy."""


class HealthRequest(Request[EngineHealth], frozen=True, kw_only=True):
    """The engine's health; answered before the index is open."""
