"""Chroma is opened when the engine has nothing better to do."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import cast

from membrowse.engine.indexing.chroma_upkeep import ChromaUpkeep
from membrowse.index.index import Index


class Opened:
    """An index that only records that Chroma was opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.generation = SimpleNamespace(number=1)

    def open_chroma(self) -> None:
        self.opened.set()


def test_chroma_is_opened_once_it_may_begin() -> None:
    index = Opened()
    upkeep = ChromaUpkeep(cast(Index, index))
    upkeep.start()
    assert not index.opened.is_set()
    upkeep.begin()
    assert index.opened.wait(10)
    upkeep.stop()


def test_an_engine_that_stops_before_does_not_open_it() -> None:
    index = Opened()
    upkeep = ChromaUpkeep(cast(Index, index))
    upkeep.stop()
    upkeep.start()
    for thread in threading.enumerate():
        if thread.name == "chroma":
            thread.join(10)
    assert not index.opened.is_set()
