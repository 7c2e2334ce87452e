"""When a store is read again. What is read of real stores: `test_foreign_stores.py`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from membrowse.engine.foreign_store.store_encoder import VectorMatch
from membrowse.engine.foreign_store.store_indexer import StoreIndexer
from membrowse.engine.indexing.events import IndexRequested, Paused
from membrowse.index.index import Index
from membrowse.roots import Roots
from membrowse.settings import Settings, StoresSettings
from membrowse.stores.address import StoreAddress, StoreKind
from membrowse.stores.directory import OpenedStore
from membrowse.stores.fields import Fields
from membrowse.stores.messages import Description, Progressed, ReadStore
from membrowse.stores.reader import StoreReader
from membrowse.stores.source import Record, StoreUnreadable
from membrowse.stores.spool import SpoolWriter
from tests.engine.conftest import eventually
from tests.index.factories import BUDGET, RECIPE, vector
from tests.standin.encoder import StubModels

YEAR = 365 * 86_400


class Readings(StoreReader):
    """A store that is written between any two readings; or it fails with `problem`."""

    def __init__(self) -> None:
        super().__init__()
        self.problem = ""
        self.asked: list[ReadStore] = []

    def read(self, work: ReadStore, progress: Callable[[Progressed], None]) -> Description:
        self.asked.append(work)
        if self.problem:
            raise StoreUnreadable(self.problem)
        text = f"reading {len(self.asked)}"
        spool = SpoolWriter(Path(work.directory) / work.spool, Fields())
        spool.add([Record("a.md", text, {}, vector(text).tolist())])
        return Description(
            collection="notes",
            space="cosine",
            model="",
            records=1,
            dimension=spool.finish(),
            preset="",
            fields=Fields(),
            fingerprint=text,
        )


class Followed:
    """An index of `Readings` that are due every `minutes`."""

    def __init__(self, directory: Path, minutes: float) -> None:
        settings = Settings(stores=StoresSettings(refresh_minutes=minutes))
        models = StubModels(directory, settings, lambda: None)
        models.prepare()
        store = OpenedStore(address=StoreAddress(kind=StoreKind.CHROMA, place=str(directory)))
        self.readings = Readings()
        self.index = Index(directory / "index", RECIPE, token_budget=BUDGET, dimension=0)
        self.indexer = StoreIndexer(
            *(store, Roots.of_folder(directory), self.readings, settings),
            *(self.index, RECIPE, models),
            VectorMatch(),
            lambda: None,
        )

    @property
    def texts(self) -> list[str]:
        return [chunk.text for chunk in self.index.generation.chunks]

    @property
    def seconds_left(self) -> float:
        """Until the store is read again."""
        return self.indexer._due - time.monotonic()


Follow = Callable[[float], Followed]


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Follow]:
    with ExitStack() as opened:

        def following(minutes: float) -> Followed:
            followed = Followed(tmp_path, minutes)
            opened.enter_context(closing(followed.index))
            return followed

        yield following


async def test_a_store_is_read_again_by_interval(follow: Follow) -> None:
    followed = follow(0.0005)

    async def read_again() -> bool:
        return "reading 3" in followed.texts or len(followed.readings.asked) > 3

    followed.indexer.start()
    try:
        await eventually(read_again)
    finally:
        followed.indexer.close()
    assert followed.texts == [f"reading {len(followed.readings.asked)}"]
    assert [each.known for each in followed.readings.asked[:3]] == ["", "reading 1", "reading 2"]
    assert followed.indexer.watcher().message == "read again every 0.0005 min"


@pytest.mark.parametrize(
    ("minutes", "problem", "at_least", "at_most"),
    [
        (10.0, "", 500, 600),
        (10.0, "it is gone", 500, 600),
        (0.01, "it is gone", 30, 60),
        (0.0, "", YEAR, float("inf")),
        (0.0, "it is gone", YEAR, float("inf")),
    ],
)
def test_the_interval_is_that_of_the_settings_and_longer_after_a_failure(
    follow: Follow, minutes: float, problem: str, at_least: float, at_most: float
) -> None:
    followed = follow(minutes)
    followed.indexer._handle_safely(IndexRequested())
    followed.readings.problem = problem
    followed.indexer._handle_safely(None)
    assert at_least < followed.seconds_left <= at_most
    assert followed.indexer.state.problem == problem
    assert followed.texts == ["reading 1" if problem else "reading 2"]


def test_a_store_is_not_read_by_interval_while_paused(follow: Follow) -> None:
    followed = follow(10.0)
    followed.indexer._handle_safely(IndexRequested())
    for paused, texts in ((True, ["reading 1"]), (False, ["reading 2"])):
        followed.indexer._handle_safely(Paused(paused))
        followed.indexer._due = 0.0
        followed.indexer._handle_safely(followed.indexer.events.take(followed.indexer._due))
        assert followed.texts == texts
        assert followed.seconds_left > 500
