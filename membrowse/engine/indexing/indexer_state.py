"""The indexer's state: one immutable record, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from membrowse.engine import clock
from membrowse.engine.indexing.folder_comparison import Comparison
from membrowse.index.change_plan import NoteChange
from membrowse.wire.engine import IndexChange, Pending, Progress
from membrowse.wire.notes import NoteState


@dataclass(frozen=True, slots=True)
class UnindexedNote:
    """A note whose current content is not indexed, and why."""

    size: int
    mtime_ns: int
    state: NoteState
    """`FAILED`, or `SKIPPED` if its content is not text."""
    reason: str
    ctime_ns: int = 0
    inode: int = 0


@dataclass(frozen=True, slots=True)
class IndexerState:
    """What the indexer knows and does."""

    comparison: Comparison = field(default_factory=lambda: Comparison(found={}))
    unindexed: Mapping[str, UnindexedNote] = field(default_factory=dict)
    pending: Pending = Pending()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    progress: Progress | None = Progress(phase="scanning")
    last_change: IndexChange | None = None
    last_check: str = ""
    precision: str = ""
    paused: bool = False
    stale: str = ""
    problem: str = ""
    records: tuple[str, ...] = ()
    """How the records of a store are read."""
    vectorless: int = 0
    """Chunks that never get a vector, because the store has none for them."""
    roots: Mapping[str, str] = field(default_factory=dict)
    """Why roots of a collection are not indexed now, by name; their part of the index is kept."""
    started: int = 0
    """Requests whose work has started, counted like `Indexer.requested`."""
    checked: bool = False
    """Whether the folder was compared with the index at least once."""
    reading: bool = True
    """Whether the first pass over the folder (or the one after a rebuild) has not ended yet."""
    unread: bool = False
    """Whether it is a store that was never read."""

    @property
    def not_indexed(self) -> int:
        """How many files are ignored, skipped or failed."""
        found = self.comparison.found
        notes = (path for path in self.unindexed if path in found and found[path].excluded is None)
        return self.comparison.excluded.total() + sum(1 for _ in notes)

    @property
    def busy(self) -> bool:
        return self.progress is not None or not self.checked


def index_change(changes: Sequence[NoteChange]) -> IndexChange:
    """What `changes`, which were just indexed, changed."""
    return IndexChange(
        at=clock.now(),
        path=changes[0].path if len(changes) == 1 else "",
        notes=len(changes),
        chunks=sum(len(change.chunks) for change in changes),
    )
