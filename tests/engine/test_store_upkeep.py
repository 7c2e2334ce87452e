"""Chroma is opened when the engine has nothing better to do, and the stores are checked daily."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from membrowse.engine.indexing import store_upkeep
from membrowse.engine.indexing.store_upkeep import StoreUpkeep
from membrowse.engine.priority import QueryTraffic
from membrowse.index.index import Index
from membrowse.wire.health import Discrepancy
from tests.waiting import DEADLINE_SECONDS


class Opened:
    """An index that only records that Chroma was opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.generation = SimpleNamespace(number=1)
        self.last_check = 0.0

    def trim_history(self) -> None:
        pass

    def open_chroma(self, wanted: Callable[[], bool]) -> None:
        self.opened.set()


def test_chroma_is_opened_once_it_may_begin() -> None:
    index = Opened()
    upkeep = StoreUpkeep(cast(Index, index), lambda: False, QueryTraffic(), lambda: None)
    upkeep.start()
    assert not index.opened.is_set()
    upkeep.begin()
    assert index.opened.wait(DEADLINE_SECONDS)
    upkeep.stop()


def test_an_engine_that_stops_before_does_not_open_it() -> None:
    index = Opened()
    upkeep = StoreUpkeep(cast(Index, index), lambda: False, QueryTraffic(), lambda: None)
    upkeep.stop()
    upkeep.start()
    for thread in threading.enumerate():
        if thread.name == "upkeep":
            thread.join(DEADLINE_SECONDS)
    assert not index.opened.is_set()


class Differing:
    """An index with one damaged and one missing entry, of which the latter may stay."""

    def __init__(self, last_check: float, *, repairable: bool) -> None:
        self.generation = SimpleNamespace(number=1, chunks=["a", "b"])
        self.hnsw_problem = ""
        self.last_check = last_check
        self._left = [] if repairable else [_found("keyword", "missing")]
        self._found = [_found("manifest", "damaged"), _found("keyword", "missing")]

    def trim_history(self) -> None:
        pass

    def open_chroma(self, wanted: Callable[[], bool]) -> None:
        pass

    def fill_chroma(self, wanted: Callable[[], bool]) -> None:
        pass

    def check(self) -> list[Discrepancy]:
        self.last_check = time.time()
        return list(self._found)

    def repair(self) -> None:
        self._found = self._left


def _found(store: str, kind: str) -> Discrepancy:
    return Discrepancy(store=store, kind=kind, count=1)


@pytest.mark.parametrize("days", [-1.5, 400.0], ids=["a day ago", "by a wrong clock"])
@pytest.mark.parametrize("repairable", [True, False])
def test_the_daily_check_repairs_and_reports(
    days: float, repairable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("_OPEN_AFTER_SECONDS", "_FILL_SECONDS", "_RENEW_SECONDS"):
        monkeypatch.setattr(store_upkeep, pause, 0.01)
    checked = threading.Event()
    index = Differing(time.time() + days * 86400, repairable=repairable)
    upkeep = StoreUpkeep(cast(Index, index), lambda: True, QueryTraffic(), checked.set)
    upkeep.start()
    upkeep.begin()
    assert checked.wait(DEADLINE_SECONDS)
    upkeep.stop()
    found = upkeep.self_check
    assert found is not None and found.checked == 2
    assert found.repaired == ({"manifest": 1, "keyword": 1} if repairable else {"manifest": 1})
    assert found.unrepaired == ({} if repairable else {"keyword": 1})


def test_a_failure_that_lasts_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for pause in ("_OPEN_AFTER_SECONDS", "_FILL_SECONDS"):
        monkeypatch.setattr(store_upkeep, pause, 0.001)
    tries = 0
    tried = threading.Event()

    def fill_chroma(_: Callable[[], bool]) -> None:
        nonlocal tries
        tries += 1
        if tries > 5:
            tried.set()
        if tries != 4:
            raise OSError("no room")

    index = Differing(time.time(), repairable=True)
    monkeypatch.setattr(index, "fill_chroma", fill_chroma)
    upkeep = StoreUpkeep(cast(Index, index), lambda: True, QueryTraffic(), lambda: None)
    upkeep.start()
    upkeep.begin()
    assert tried.wait(DEADLINE_SECONDS)
    upkeep.stop()
    failures = [record for record in caplog.records if "could not be filled" in record.message]
    assert len(failures) == 2, "once before it succeeded, once after"
