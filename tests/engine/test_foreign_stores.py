"""An engine over a real Chroma directory that another program keeps."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest

from membrowse import paths, settings
from membrowse.client import discovery
from membrowse.encoding.encoder import EncoderInput
from membrowse.encoding.model_files import BUNDLED
from membrowse.engine.foreign_store.source import open_store
from membrowse.engine.foreign_store.store_indexer import READING, Reading
from membrowse.engine.sources import open_closed_index
from membrowse.index.generation import IndexedNote
from membrowse.stores.address import parse_address
from membrowse.stores.directory import OpenedStore, keep, opened, opened_store
from membrowse.wire.diagnosis import DiagnosisRequest, Outcome
from membrowse.wire.engine import EngineState, HelloRequest, ReindexRequest
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.health import StoreCheckRequest
from membrowse.wire.notes import Freshness, NoteRequest
from membrowse.wire.search import Target
from tests.conftest import ExportedEncoder
from tests.engine.conftest import ask, eventually, until
from tests.engine.standing import at_home, client_of
from tests.engine.test_doctor import examined
from tests.stores.collections import Row, chroma_collection, snapshot

TEXTS = {
    "ports.md": ("Staging ssh listens on port 2222.", "The bastion forwards it."),
    "food.md": ("The maintainer likes soup on rainy days.", "Bread goes with soup."),
    "cats.md": ("The cat sleeps on the warm keyboard. " * 60,),
}


def read(state: EngineState) -> bool:
    """The store was read, and the encoder compared with its vectors."""
    return state.progress is None and bool(state.watcher.last_check)


@pytest.fixture(scope="module")
def rows(exported_encoder: ExportedEncoder) -> list[Row]:
    encoder = exported_encoder.resident()
    places = [(path, line) for path, texts in TEXTS.items() for line in range(len(texts))]
    texts = [TEXTS[path][line] for path, line in places]
    vectors = encoder.encode([EncoderInput(text, "", text) for text in texts])
    return [
        (f"r{n}", text, {"path": path, "line": 2 * line + 1}, each.vector.tolist())
        for n, (text, (path, line), each) in enumerate(zip(texts, places, vectors, strict=True))
    ]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> Path:
    directory = tmp_path_factory.mktemp("database")
    chroma_collection(directory, "notes", rows)
    return directory


@pytest.fixture(scope="module", autouse=True)
def home(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    with at_home(tmp_path_factory.mktemp("stores"), exported_encoder) as path:
        yield path


@pytest.fixture(scope="module")
def store(home: Path, database: Path) -> Iterator[Path]:
    """The own directory of the collection, which an engine serves."""
    directory = opened(parse_address(f"chroma:{database}#notes"))
    try:
        yield directory
    finally:
        asyncio.run(discovery.stop(directory))


async def test_its_records_are_ranked_by_our_words_and_its_vectors(
    store: Path, database: Path, rows: list[Row], exported_encoder: ExportedEncoder
) -> None:
    before = snapshot(database)
    query = "which port does staging ssh use?"
    async with client_of(store, read) as engine:
        found = await ask(engine, query)
        explained = await engine.ask(
            ExplainRequest(text=query, chunk=found.rankings["vector"].hits[1].chunk)
        )
        why = await engine.ask(DiagnosisRequest(text=query, target=Target(path="cats.md"), k=1))
        lines = await engine.ask(NoteRequest(path="ports.md"))
        checked = await engine.ask(StoreCheckRequest())
        state = await until(engine, read)
    vector = exported_encoder.resident().query(query).vector
    exact = sorted((-float(np.dot(row[3], vector)), row[0]) for row in rows)
    by_id = {row[0]: row for row in rows}
    hits = found.rankings["vector"].hits
    assert [(hit.path, hit.start_line) for hit in hits] == [
        (by_id[each][2]["path"], by_id[each][2]["line"]) for _, each in exact
    ]
    assert [hit.score for hit in hits] == pytest.approx([-score for score, _ in exact], abs=1e-5)
    for name in ("keyword", "fused", "reranked"):
        assert (found.rankings[name].hits[0].path, name) == ("ports.md", name)
    assert found.rankings["reranked"].pool == len(rows)
    assert all(hit.freshness is Freshness.CURRENT for hit in hits)
    assert explained.vector.score == pytest.approx(explained.vector.cosine)
    assert (explained.vector.hnsw_asked, explained.vector.passages) == (0, ())
    assert (checked.discrepancies, checked.stale) == ((), "")
    assert checked.longest_chunk == checked.window  # a longer record is one chunk, too
    assert [step.outcome for step in why.steps[:3]] == [Outcome.PASSES] * 3
    assert lines.lines == (TEXTS["ports.md"][0], "", TEXTS["ports.md"][1])
    assert (state.store, state.encoded) == (f"chroma:{database}#notes", len(rows))
    assert state.records == (
        "collection notes",
        "metadata of general",
        "vectors of 384 dimensions, which its own search compares by l2",
    )
    assert snapshot(database) == before


async def test_a_refresh_finds_what_its_program_wrote(
    store: Path, database: Path, rows: list[Row]
) -> None:
    async with client_of(store, read) as engine:
        generation = (await until(engine, read)).generation
        asked = (await engine.ask(ReindexRequest())).requested
        again = await until(engine, lambda state: state.started >= asked and read(state))
        assert again.generation == generation
        changed = ("r0", "Staging ssh listens on port 41022.", rows[0][2], rows[0][3])
        new = ("new", "A parrot repeats the parrot.", {"path": "bird.md"}, rows[4][3])
        chroma_collection(database, "notes", [changed, new])
        asked = (await engine.ask(ReindexRequest())).requested
        await until(engine, lambda state: state.started >= asked and read(state))
        parrot, port = await ask(engine, "parrot"), await ask(engine, "41022")
    assert parrot.rankings["keyword"].hits[0].path == "bird.md"
    assert port.rankings["keyword"].hits[0].path == "ports.md"
    assert not list((store.parents[1] / "indexes").glob("*/records.sqlite*"))


async def test_a_store_that_cannot_be_read_says_why_and_keeps_its_index(
    store: Path, database: Path
) -> None:
    async with client_of(store, read) as engine:
        away = database.rename(database.with_name("away"))
        try:
            asked = (await engine.ask(ReindexRequest())).requested
            state = await until(engine, lambda state: state.started >= asked and read(state))
            found = await ask(engine, "soup")
            _, checks = await asyncio.to_thread(examined, store)
        finally:
            away.rename(database)
        assert checks["reading"].detail == state.problem
        assert "membrowse index --store" in checks["reading"].remedy
        assert "No such file" in state.problem
        hit = found.rankings["keyword"].hits[0]
        assert (hit.path, hit.freshness) == ("food.md", Freshness.UNREADABLE)
        asked = (await engine.ask(ReindexRequest())).requested
        state = await until(engine, lambda state: state.started >= asked and read(state))
        assert not state.problem


async def test_a_store_that_cannot_be_opened_leaves_nothing_unless_it_was_opened_before(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_ENGINE_IDLE_MINUTES", "0.05")  # a slow client has time
    known = shutil.copytree(database, tmp_path / "known")
    before, wrong, gone = await asyncio.gather(
        _opened_once(f"chroma:{known}#notes", ""),
        _opened_once(f"chroma:{database}#NOPE", "no collection 'NOPE'"),
        _opened_once("chroma+http://127.0.0.1:9#notes", "does not answer"),
    )
    for directory in (wrong, gone):
        assert not directory.exists()
        assert not paths.index_dir(directory).exists()
    known.rename(tmp_path / "away")
    await _opened_once(f"chroma:{known}#notes", "No such file", copies=1)
    assert opened_store(before) is not None
    assert list(paths.index_dir(before).glob("copy-*"))


async def _opened_once(address: str, problem: str, copies: int = 0) -> Path:
    """Open a store, wait for its `problem` and, without a client, for the engine's end."""
    directory = opened(parse_address(address))
    async with client_of(directory, lambda state: state.progress is None) as engine:
        state = await until(engine, lambda state: read(state) or bool(state.problem))
        process = psutil.Process((await engine.ask(HelloRequest())).engine.pid)
        assert problem in state.problem
        assert bool(problem) == bool(state.problem)
        if problem:
            assert len(list(paths.index_dir(directory).glob("copy-*"))) == copies

    async def ended() -> bool:
        return not discovery._process_runs(process.pid)

    await eventually(ended)
    return directory


async def test_what_the_index_lost_is_read_again_from_an_unchanged_store(
    rows: list[Row], tmp_path: Path
) -> None:
    chroma_collection(tmp_path / "database", "notes", rows)
    directory = opened(parse_address(f"chroma:{tmp_path / 'database'}"))
    whole = await _read_once(directory)
    assert whole.encoded == len(rows)
    for lost in ("manifest.sqlite", "vectors.sqlite"):
        (paths.index_dir(directory) / lost).write_bytes(b"no database at all" * 1000)
        again = await _read_once(directory)
        assert (again.notes.keys(), again.encoded) == (whole.notes.keys(), whole.encoded), lost
        assert again.began_stale, lost
    assert not (await _read_once(directory)).began_stale
    assert not list((paths.index_dir(directory) / "chroma").glob("*/*"))


async def test_the_persons_word_counts_more_than_what_was_compared(
    rows: list[Row], tmp_path: Path
) -> None:
    vectors = [row[3] for row in rows]
    others = [
        (*row[:3], vector) for row, vector in zip(rows, vectors[1:] + vectors[:1], strict=True)
    ]
    chroma_collection(tmp_path / "others", "notes", others)
    address = parse_address(f"chroma:{tmp_path / 'others'}")
    directory = opened(address)
    assert "vectors are not all-MiniLM-L6-v2's" in (await _read_once(directory)).incomparable
    assert "vectors are not" in (await _read_once(directory)).incomparable
    keep(OpenedStore(address=address, encoder="all-MiniLM-L6-v2"))
    assert (await _read_once(directory)).incomparable == ""


async def test_a_store_that_names_the_bundled_encoder_is_searched_with_it(
    rows: list[Row], tmp_path: Path
) -> None:
    chroma_collection(tmp_path / "database", "notes", rows)
    directory = opened(parse_address(f"chroma:{tmp_path / 'database'}"))
    await _read_once(directory)
    file = paths.index_dir(directory) / READING
    read = msgspec.json.decode(file.read_bytes(), type=Reading)
    assert read.description is not None
    assert read.description.model == BUNDLED
    other = settings.load(tmp_path / "none", {"MEMBROWSE_ENCODER_MODEL": str(tmp_path)})
    compared = {"model": str(tmp_path), "configured": str(tmp_path)}
    for verdict, model in (
        (compared | {"incomparable": "by its vectors"}, BUNDLED),
        (compared | {"model": BUNDLED, "incomparable": ""}, BUNDLED),
        (compared | {"incomparable": ""}, str(tmp_path)),
        ({"configured": "another", "incomparable": "by its vectors"}, str(tmp_path)),
    ):
        file.write_bytes(msgspec.json.encode(msgspec.structs.replace(read, **verdict)))
        index, models = open_closed_index(directory, other)
        index.close()
        assert models.name == model


@dataclass(frozen=True)
class _Read:
    """The index of a store, after it was read."""

    notes: dict[str, IndexedNote]
    encoded: int
    began_stale: str
    incomparable: str
    """Why queries cannot be compared with its vectors."""


async def _read_once(directory: Path) -> _Read:
    """Open the index of a store without an engine, read the store, check the index, close it."""
    store = opened_store(directory)
    assert store is not None
    ours = settings.load(paths.config_file())
    source = open_store(directory, store, ours, lambda: None, lambda: None)
    index, models, began_stale = source.index, source.models, source.index.stale
    models.start()
    try:
        await eventually(partial(_holds, lambda: models.encoder is not None))
        source.indexer.start()
        await eventually(partial(_holds, lambda: source.indexer.state.last_check))
        assert index.check() == []
        notes, encoded = dict(index.generation.notes), int(index.generation.encoded.sum())
        return _Read(notes, encoded, began_stale, models.message)
    finally:
        source.indexer.close()
        models.close()
        index.close()


async def _holds(condition: Callable[[], object]) -> bool:
    return bool(condition())
