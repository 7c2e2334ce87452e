"""The indexer's thread, on a folder and without an engine around it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from membrowse.engine.indexing.indexer import Indexer
from membrowse.engine.indexing.vectoriser import Vectoriser
from membrowse.roots import Roots
from membrowse.settings import Settings
from tests.index import factories
from tests.index.factories import RECIPE
from tests.standin.encoder import StubModels
from tests.waiting import until


def test_vectors_that_cannot_be_stored_at_the_end_leave_no_watch(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Vectoriser) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Vectoriser, "cancel", full)
    models = StubModels(folder, Settings(), lambda: None)
    with closing(factories.opened(tmp_path / "index")) as index:
        indexer = Indexer(Roots.of_folder(folder), Settings(), index, RECIPE, models, lambda: None)
        indexer.start()
        until(lambda: not indexer.state.reading and indexer.watcher().alive)
        indexer.close()
        assert not indexer.watcher().alive
