"""Opens Chroma when the indexer is first idle, renews its HNSW index while the engine runs, and
checks the stores once a day."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from membrowse.engine import clock, memory
from membrowse.engine.priority import QueryTraffic
from membrowse.index.protocols import SearchIndex
from membrowse.wire.engine import SelfCheck
from membrowse.wire.health import DAMAGED, Discrepancy

log = logging.getLogger(__name__)

_OPEN_AFTER_SECONDS = 1.0
_FILL_SECONDS = 2.0
"""Time between two checks whether Chroma lacks vectors: a large change leaves it behind."""
_QUIET_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 5.0
"""Each step of filling Chroma waits until queries have been quiet, up to the longest pause."""
_RENEW_SECONDS = 60.0
_CHECK_SECONDS = 24 * 3600.0


class StoreUpkeep:
    """A thread that keeps Chroma up to date and checks the stores while nothing is indexed.

    Without Chroma only HNSW's answer is missing.
    """

    def __init__(
        self,
        index: SearchIndex,
        settled: Callable[[], bool],
        traffic: QueryTraffic,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called after `self_check` has changed."""
        self._index = index
        self._settled = settled
        self._traffic = traffic
        self._changed = changed
        checked_at = index.last_check
        self.self_check = SelfCheck(at=clock.stamp(checked_at)) if checked_at else None
        self._repaired: Counter[str] = Counter()
        self._failing: set[str] = set()
        """What failed the last time it was tried."""
        self._begun = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def begin(self) -> None:
        """Open Chroma soon, unless that has happened: it takes a second of CPU, which the first
        query needs more."""
        self._begun.set()

    def stop(self) -> None:
        """Stop after the current step; does not wait."""
        self._stopping.set()
        self._begun.set()

    def _run(self) -> None:
        self._begun.wait()
        if self._stopping.wait(_OPEN_AFTER_SECONDS):
            return
        renewed = self._index.generation.number
        self._try("old history could not be deleted", self._index.trim_history)
        open_chroma = partial(self._index.open_chroma, self._may_fill)
        self._try("Chroma failed: its HNSW ranks are not shown", open_chroma)
        memory.give_back()  # opening an index and filling Chroma take twice what they keep
        due = time.monotonic() + _RENEW_SECONDS
        while not self._stopping.wait(_FILL_SECONDS):
            fill = partial(self._index.fill_chroma, self._may_fill)
            self._try("Chroma could not be filled", fill)
            if time.monotonic() < due:
                continue
            due = time.monotonic() + _RENEW_SECONDS
            if self._index.generation.number != renewed:
                renewed = self._index.generation.number
                self._try("Chroma could not be compacted", self._index.compact_chroma)
            memory.give_back()  # of queries, too
            if self._index.hnsw_problem:
                self._try("Chroma failed again", open_chroma)
            if _due(self._index.last_check) and self._settled():
                self._try("the stores could not be checked", self._check)
                memory.give_back()

    def _may_fill(self) -> bool:
        """Chroma takes a CPU for minutes after everything was indexed; encoding comes first, and so
        do queries: while Chroma adds vectors, no other thread of the process runs Python."""
        if not self._stopping.is_set():
            self._traffic.give_way(_QUIET_SECONDS, _LONGEST_PAUSE_SECONDS)
        return self._settled() and not self._stopping.is_set()

    def _check(self) -> None:
        """Check every byte, repair what is damaged or differs, and delete old history."""
        self._index.trim_history()
        found, left = self._index.check(), []
        if any(each.kind != DAMAGED for each in found):
            self._index.repair()
            left = self._index.check()
        for each in found:
            log.warning("%s: %d %s %s", each.store, each.count, each.kind, each.example)
        unrepaired = _by_store(left)
        self._repaired += _by_store(found) - unrepaired
        self.self_check = SelfCheck(
            at=clock.now(),
            checked=len(self._index.generation.chunks),
            repaired=dict(self._repaired),
            unrepaired=dict(unrepaired),
        )
        self._changed()

    def _try(self, failure: str, step: Callable[[], object]) -> None:
        """Run `step`, which is repeated; a failure that lasts is logged once."""
        try:
            step()
        except Exception:  # a thread's boundary
            stopping = self._stopping.is_set()  # the stores are closed beneath it
            if not stopping and failure not in self._failing:
                log.exception("%s; `membrowse doctor` checks the stores", failure)
            self._failing.add(failure)
        else:
            self._failing.discard(failure)


def _due(last_check: float) -> bool:
    """Whether a day has passed; a time that is still to come was written by a wrong clock."""
    return not 0 <= time.time() - last_check <= _CHECK_SECONDS


def _by_store(found: Iterable[Discrepancy]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in found:
        counts[each.store] += each.count
    return counts
