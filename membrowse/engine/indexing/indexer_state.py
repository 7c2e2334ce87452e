"""What the indexer knows and the service tells: one immutable record, replaced whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from membrowse.engine.indexing.folder_comparison import Comparison
from membrowse.wire.engine import IndexChange, Pending, Progress
from membrowse.wire.notes import NoteState


@dataclass(frozen=True, slots=True)
class UnindexedNote:
    """A note that is not indexed as it is now, and why."""

    size: int
    mtime_ns: int
    state: NoteState
    """`FAILED`, or `SKIPPED` where its content is not a note's."""
    reason: str


@dataclass(frozen=True, slots=True)
class IndexerState:
    """The indexer's work, as of now."""

    comparison: Comparison = field(default_factory=lambda: Comparison(found={}))
    unindexed: Mapping[str, UnindexedNote] = field(default_factory=dict)
    pending: Pending = Pending()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    progress: Progress | None = None
    last_change: IndexChange | None = None
    last_check: str = ""
    precision: str = ""
    paused: bool = False
    stale: str = ""
    problem: str = ""
    started: int = 0
    """Requests whose work has started, counted like `Indexer.requested`."""
    checked: bool = False
    """The folder was compared with the index at least once."""

    @property
    def busy(self) -> bool:
        return self.progress is not None or not self.checked
