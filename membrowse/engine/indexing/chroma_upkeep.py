"""Opens Chroma when the indexer is first idle, and renews its HNSW index while the engine runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from membrowse.engine import memory
from membrowse.index.index import Index

log = logging.getLogger(__name__)

_RENEW_SECONDS = 60.0


class ChromaUpkeep:
    """A thread that keeps Chroma up to date; without Chroma only HNSW's answer is missing."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._begun = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chroma", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def begin(self) -> None:
        """Open Chroma, which takes a second of CPU, unless that has happened."""
        self._begun.set()

    def stop(self) -> None:
        """Stop after the current step; does not wait."""
        self._stopping.set()
        self._begun.set()

    def _run(self) -> None:
        self._begun.wait()
        if self._stopping.is_set():
            return
        renewed = self._index.generation.number
        self._try(self._index.open_chroma)
        while not self._stopping.wait(_RENEW_SECONDS):
            if self._index.generation.number != renewed:
                renewed = self._index.generation.number
                self._try(self._index.compact_chroma)
                memory.give_back()

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception:  # a thread's boundary
            log.exception("Chroma failed: its HNSW ranks are not shown")
