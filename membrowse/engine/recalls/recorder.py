"""Records recalls on a thread of its own, so that no answer waits for the log."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from membrowse import sqlite
from membrowse.counts import counted
from membrowse.engine.recalls.feed import RecallFeed
from membrowse.engine.recalls.search_recall import now, search_recall
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.recall_log.store import RecallStore
from membrowse.wire.recalls import Recall
from membrowse.wire.search import SearchRequest, SearchResponse

log = logging.getLogger(__name__)

_WAITING = 1000
"""Recalls that wait to be written, at most: a disk that does not answer costs no memory."""
_WRITE_SECONDS = 0.1
"""Delay of writing a recall: its answer is sent first, and more recalls may come."""
_SETTLE_SECONDS = 1.0
_CLOSE_SECONDS = 10.0
_TRIM_SECONDS = 3600.0
_AGENTS_COUNTED = 20
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class _Answer:
    request: SearchRequest
    response: SearchResponse
    ranked_query: RankedQuery
    at: str

    def recall(self) -> Recall | None:
        context = self.request.recall
        if context is None:
            return None
        return search_recall(self.request, context, self.response, self.ranked_query, self.at)


class RecallRecorder:
    """Writes recalls to `store` and publishes them. Thread-safe."""

    def __init__(self, store: RecallStore, *, record: bool) -> None:
        self.store = store
        self.feed = RecallFeed()
        self.counts: Counter[tuple[str, str]] = Counter()
        """Recorded since the engine started, by agent and outcome."""
        self.problem = ""
        """Why recalls are lost at the moment, or empty."""
        self.lost = 0
        """Recalls that could not be recorded since the engine started."""
        self._record = record
        self._waiting: queue.Queue[_Answer | None] = queue.Queue(_WAITING)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, name="recalls", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def answered(
        self, request: SearchRequest, response: SearchResponse, ranked_query: RankedQuery
    ) -> None:
        """Record a search, if an agent asked for it; returns at once."""
        if request.recall is None or not self._record:
            return
        try:
            self._waiting.put_nowait(_Answer(request, response, ranked_query, now()))
        except queue.Full:
            self._lost(1, "the disk does not keep up")

    def add(self, recalls: Sequence[Recall]) -> list[Recall]:
        """Add imported recalls, and return those that are new. Raises `sqlite3.Error`."""
        added = self.store.add(recalls)
        self.feed.publish(added)
        return added

    def settle(self) -> None:
        """Wait until the recalls of all answers so far are in the store; not for a stuck disk."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(
                lambda: not self._waiting.unfinished_tasks, _SETTLE_SECONDS
            )

    def close(self, seconds: float = _CLOSE_SECONDS) -> None:
        """Write what waits, and close the store.

        A store whose disk does not answer within `seconds` stays open.
        """
        if self._thread.is_alive():
            self._ended.set()
            deadline = time.monotonic() + seconds
            try:
                self._waiting.put(None, timeout=seconds)
                told = 1
            except queue.Full:
                told = 0
            self._thread.join(max(0.0, deadline - time.monotonic()))
            if self._thread.is_alive():
                unwritten = self._waiting.unfinished_tasks - told
                log.warning(
                    "the disk does not answer: %s not recorded", counted(unwritten, "recall")
                )
                return
        self.store.close()

    def _write(self) -> None:
        while True:
            try:
                answers = [self._waiting.get(timeout=_TRIM_SECONDS)]
            except queue.Empty:
                self._trim()
                continue
            if None not in answers:
                self._ended.wait(_WRITE_SECONDS)
            while not self._waiting.empty():
                answers.append(self._waiting.get())
            self._put([answer for answer in answers if answer is not None])
            for _ in answers:
                self._waiting.task_done()
            if None in answers:
                return

    def _put(self, answers: Sequence[_Answer]) -> None:
        if not answers:
            return
        try:
            recalls = [recall for answer in answers if (recall := answer.recall()) is not None]
            self.store.add(recalls)
        except Exception as error:  # the thread's boundary: later recalls may succeed
            self._lost(len(answers), sqlite.reason(error))
            return
        if self.problem:
            log.info("recalls are recorded again; %d lost", self.lost)
            self.problem = ""
        for recall in recalls:
            self._count(recall)
        self.feed.publish(recalls)

    def _count(self, recall: Recall) -> None:
        """Count a recall; agents beyond the first few are one, so that no client adds labels."""
        known = {agent for agent, _ in self.counts}
        named = recall.agent in known or len(known) < _AGENTS_COUNTED
        self.counts[recall.agent if named else _OTHER, recall.outcome.value] += 1

    def _trim(self) -> None:
        try:
            self.store.trim()
        except sqlite3.Error as error:  # tried again
            log.warning("the recall log cannot be trimmed: %s", sqlite.reason(error))

    def _lost(self, count: int, reason: str) -> None:
        self.lost += count
        if not self.problem:
            log.warning("recalls are not recorded: %s", reason)
        self.problem = f"recalls are not recorded: {reason}"
