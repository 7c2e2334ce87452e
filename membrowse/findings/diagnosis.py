"""Why a note is missing from the top of a recall, and what would change that."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.recall import Expected


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What the person expected. At least one of `path`, `chunk` and `text` is given."""

    path: str = ""
    line: int | None = None
    """1-based."""
    chunk: str = ""
    """A chunk's id; its successor stands in for one that was edited away."""
    text: str = ""
    """Words that the chunk should hold, compared without regard to white space and case."""


class Step(StrEnum):
    """The ladder's rungs, in order."""

    FOLDER = "folder"
    INDEXED = "indexed"
    TEXT = "text"
    KEYWORD = "keyword"
    VECTOR = "vector"
    FUSED = "fused"
    RERANKED = "reranked"
    CUT = "cut"


class Outcome(StrEnum):
    HOLDS = "holds"
    """Nothing is wrong here."""
    WEAK = "weak"
    """Not a failure by itself, but worth knowing."""
    FAILS = "fails"
    SKIPPED = "skipped"
    """Not looked at, since an earlier rung fails or it does not apply."""


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    step: Step
    outcome: Outcome
    finding: str
    """One sentence."""
    evidence: tuple[str, ...] = ()
    """Lines: figures, the rule and its file, missing terms, a difference."""
    rank: int | None = None
    """Of the target in this step's ranking."""


class ChangeKind(StrEnum):
    SETTING = "setting"
    QUERY = "query"
    NOTE = "note"


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a note to be replaced by another."""

    path: str
    line: int
    before: str
    after: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was tried, and brings the target into the top k."""

    kind: ChangeKind
    change: str
    """A few words: `fusion.weight 0.5 → 0.62`, `add "bastion" to the query`."""
    rank: int
    """The target's reranked rank with it; no more than k."""
    settings: dict[str, str | float | int | bool] = {}
    """Setting: dotted keys and the values to save (`fusion.weight`)."""
    query: str = ""
    """Query: the query to type."""
    edit: Edit | None = None
    """Note: what to write."""
    pins: int = 0
    """Pins that were run with it."""
    broken: tuple[str, ...] = ()
    """Pins that hold now and would break, by their name."""
    mended: tuple[str, ...] = ()
    """Pins that are broken now and would hold."""

    @property
    def collateral(self) -> str:
        """What it does to the pins, a clause; empty where there are none to run."""
        if not self.pins:
            return ""
        told = f"breaks {len(self.broken)} of {self.pins} pins"
        return f"{told}, mends {len(self.mended)}" if self.mended else told


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "why not this note?"."""

    query: str
    target: Target
    found: Expected
    k: int
    in_top_k: bool
    verdict: str
    """One sentence."""
    rungs: tuple[Rung, ...]
    """All of `Step`, in order; the first that fails carries the verdict."""
    changes: tuple[Change, ...] = ()
    """Those that work, the smallest collateral first, then the smallest change."""
    tried: int = 0
    """Changes that were run to find these."""
    unfinished: str = ""
    """Why not everything was tried (time), or empty."""
    generation: int
    took_ms: float
