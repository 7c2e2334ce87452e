"""The last replay of the log: what has arrived of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from membrowse.tui.model.engine_view import Basis
from membrowse.wire.recalls import ReplayedRecall, ReplayProgress, ReplayRequest, ReplaySummary


@dataclass(slots=True)
class Replay:
    """The questions replayed so far; those whose answer differs most come first."""

    request: ReplayRequest | None = None
    """None: nothing was replayed yet."""
    basis: Basis | None = None
    """What the engine ranked by when the replay began."""
    total: int = 0
    recalls: Sequence[ReplayedRecall] = ()
    summary: ReplaySummary | None = None
    """None: the replay has not ended."""
    _done: list[ReplayedRecall] = field(default_factory=list)

    def answers(self, request: ReplayRequest, basis: Basis | None) -> bool:
        """Whether this is the finished replay of `request`."""
        same = (self.request, self.basis) == (request, basis)
        return same and self.summary is not None

    def begin(self, request: ReplayRequest, basis: Basis | None) -> None:
        """Forget what has arrived: `request` is replayed now."""
        self.request, self.basis = request, basis
        self.total, self.recalls, self.summary, self._done = 0, (), None, []

    def receive(self, progress: ReplayProgress) -> None:
        """Take a part of the replay."""
        self.total, self.summary = progress.total, progress.summary
        self._done += progress.recalls
        self.recalls = sorted(self._done, key=lambda each: (each.overlap, each.same_top))
