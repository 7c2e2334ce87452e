"""Recalls are written on a thread of their own, whose disk may be stuck."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from membrowse.engine.recalls import recorder as recorders
from membrowse.engine.recalls.recorder import RecallRecorder
from membrowse.recall_log.store import FILE, Bounds, RecallStore
from membrowse.wire.recalls import Recall
from membrowse.wire.search import RecallContext, SearchRequest
from tests.waiting import DEADLINE_SECONDS


@pytest.mark.parametrize("room", [10, 1])
def test_a_stuck_disk_does_not_keep_the_recorder_from_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    answers, stuck, freed = iter(range(9)), threading.Event(), threading.Event()

    def search_recall(*_: object) -> Recall:
        return Recall(id=f"r{next(answers)}", at="2026-11-01T00:00:00Z", agent="clara", query="q")

    class StuckStore(RecallStore):
        def add(self, recalls: Sequence[Recall]) -> list[Recall]:
            stuck.set()
            freed.wait(DEADLINE_SECONDS)
            return super().add(recalls)

    monkeypatch.setattr(recorders, "search_recall", search_recall)
    monkeypatch.setattr(recorders, "_WAITING", room)
    recorder = RecallRecorder(StuckStore(tmp_path / FILE, Bounds()), record=True)
    recorder.start()
    request = SearchRequest(text="q", recall=RecallContext(agent="clara"))
    ranked: Any = None
    recorder.answered(request, ranked, ranked)
    assert stuck.wait(DEADLINE_SECONDS)
    recorder.answered(request, ranked, ranked)
    with caplog.at_level(logging.WARNING):
        closing = threading.Thread(target=recorder.close, args=(0.05,))
        closing.start()
        closing.join(DEADLINE_SECONDS / 2)
    waited = closing.is_alive()
    freed.set()
    recorder.close()
    assert not waited and "2 recalls not recorded" in caplog.text
