"""Opens Chroma when the indexer is first idle, renews its HNSW index while the engine runs, and
checks the stores once a day."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from membrowse.engine import memory
from membrowse.index.index import Index

log = logging.getLogger(__name__)

_OPEN_AFTER_SECONDS = 1.0
_RENEW_SECONDS = 60.0
_CHECK_SECONDS = 24 * 3600.0


class StoreUpkeep:
    """A thread that keeps Chroma up to date and checks the stores while nothing is indexed.

    Without Chroma only HNSW's answer is missing.
    """

    def __init__(self, index: Index, settled: Callable[[], bool]) -> None:
        self._index = index
        self._settled = settled
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
        self._try("Chroma failed: its HNSW ranks are not shown", self._index.open_chroma)
        while not self._stopping.wait(_RENEW_SECONDS):
            if self._index.generation.number != renewed:
                renewed = self._index.generation.number
                self._try("Chroma could not be compacted", self._index.compact_chroma)
                memory.give_back()
            if time.time() - self._index.last_check > _CHECK_SECONDS and self._settled():
                self._try("the stores could not be checked", self._check)

    def _check(self) -> None:
        """Check every byte, make again what is damaged, and delete old history."""
        self._index.trim_history()
        for found in self._index.check():
            log.warning("%s: %d %s %s", found.store, found.count, found.kind, found.example)

    def _try(self, failure: str, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception:  # a thread's boundary
            if not self._stopping.is_set():  # the stores are closed beneath it
                log.exception("%s", failure)
