"""Chroma is opened when the engine has nothing better to do."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import cast

from membrowse.engine.indexing.store_upkeep import StoreUpkeep
from membrowse.index.index import Index


class Opened:
    """An index that only records that Chroma was opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.generation = SimpleNamespace(number=1)
        self.last_check = 0.0

    def trim_history(self) -> None:
        pass

    def open_chroma(self) -> None:
        self.opened.set()


def test_chroma_is_opened_once_it_may_begin() -> None:
    index = Opened()
    upkeep = StoreUpkeep(cast(Index, index), lambda: False)
    upkeep.start()
    assert not index.opened.is_set()
    upkeep.begin()
    assert index.opened.wait(10)
    upkeep.stop()


def test_an_engine_that_stops_before_does_not_open_it() -> None:
    index = Opened()
    upkeep = StoreUpkeep(cast(Index, index), lambda: False)
    upkeep.stop()
    upkeep.start()
    for thread in threading.enumerate():
        if thread.name == "upkeep":
            thread.join(10)
    assert not index.opened.is_set()
