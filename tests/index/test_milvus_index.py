"""An index in Milvus Lite ranks like the embedded one, and a kill or an outage loses nothing."""

from __future__ import annotations

import io
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from membrowse import paths
from membrowse.encoding.encoder import EncodedText
from membrowse.engine.backup.archive import write_archive
from membrowse.engine.backup.restore import restore
from membrowse.engine.models import Loaded
from membrowse.engine.querying.configuration import ActiveConfiguration
from membrowse.engine.querying.ranked_queries import RankedQueries
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.index.journal import DEFAULT_RETENTION
from membrowse.index.keyword_reader import FIELDS
from membrowse.index.milvus import reader, term_weights
from membrowse.index.milvus.collections import MilvusCollections
from membrowse.index.milvus.connection import TOKEN, Address, MilvusConnection
from membrowse.index.milvus.index import MilvusIndex, _chunk_changes
from membrowse.index.milvus.reader import Bm25Constants
from membrowse.index.protocols import SearchIndex
from membrowse.index.store_errors import StoreUnavailable
from membrowse.ranking.explanation.keyword import explain_keyword
from membrowse.ranking.explanation.vector import explain_vector
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.ranking.spelling import unknown_words
from membrowse.settings import Settings, StoreKind, StoreSettings, VectorIndex, VectorSettings
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, Filters, RankingState
from tests.index.factories import BUDGET, RECIPE, change, encoder_inputs, removal
from tests.milvus_server import (
    failing_milvus,
    milvus_server,
    reserved_port,
    wait_for_milvus,
)
from tests.standin.encoder import DIMENSION, stub_encoder
from tests.waiting import until

pytest.importorskip("pymilvus", reason="the extra membrowse[milvus] is not installed")
pytest.importorskip("milvus_lite", reason="the extra membrowse[milvus] is not installed")

Opener = Callable[..., MilvusIndex]

QUERY = "staging port for ssh"
WORDS = ("staging", "ssh", "port", "backup", "restore", "deploy", "friday", "caddy", "tea")
"""Note n is about words n, n + 1 and so on, so that words and lengths differ."""


def notes(count: int) -> list[NoteChange]:
    return [
        change(
            f"notes/{number:03}.md",
            " ".join(WORDS[(number * step) % len(WORDS)] for step in range(1, 4 + number % 7))
            + f".\nLine {number} says more.",
            title=f"Note {WORDS[number % len(WORDS)]}",
            tags=("even" if number % 2 == 0 else "odd",),
        )
        for number in range(count)
    ]


def opened(
    directory: Path, uri: str = "", token_budget: int = BUDGET, **options: Any
) -> MilvusIndex:
    return MilvusIndex(
        directory,
        RECIPE,
        StoreSettings(kind=StoreKind.MILVUS, uri=uri, **options),
        Bm25Constants(1.2, 0.75),
        token_budget=token_budget,
        dimension=DIMENSION,
        retention=DEFAULT_RETENTION,
    )


def encoded(index: SearchIndex) -> None:
    index.add_vectors(stub_encoder().encode(index.unencoded()), "float32")


def ranked(index: SearchIndex, text: str = QUERY, **options: Any) -> RankedQuery:
    ranker = Ranker(options.pop("settings", Settings()))
    ranked_query = ranker.prepare(index.generation, text, "literal", **options)
    ranker.keyword(ranked_query)
    ranker.vector(ranked_query, stub_encoder())
    ranker.fuse(ranked_query)
    ranker.rerank(ranked_query, index.tokens, stub_encoder())
    return ranked_query


def located(index: SearchIndex, row: int) -> RankedQuery:
    ranker = Ranker(Settings())
    ranked_query = ranker.prepare(index.generation, QUERY, "literal")
    ranker.keyword(ranked_query)
    ranker.vector(ranked_query, stub_encoder())
    ranker.locate(ranked_query, [row])
    ranker.fuse(ranked_query)
    ranker.rerank(ranked_query, index.tokens, stub_encoder())
    return ranked_query


@pytest.fixture
def open_index(tmp_path: Path) -> Iterator[Opener]:
    with ExitStack() as stack:

        def open_one(directory: Path = tmp_path / "index", **options: Any) -> MilvusIndex:
            return stack.enter_context(closing(opened(directory, **options)))

        yield open_one


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    directory = tmp_path_factory.mktemp("embedded") / "index"
    with closing(Index(directory, RECIPE, token_budget=BUDGET, dimension=DIMENSION)) as index:
        index.apply(notes(60))
        encoded(index)
        yield index


@pytest.fixture(scope="module")
def milvus(embedded: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusIndex]:
    """The same notes, with the lengths of the embedded index as the means; tests change nothing."""
    means = {field: embedded.generation.keyword.mean_length(field) or 1.0 for field in FIELDS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(term_weights, "MEAN_LENGTHS", means)
        patch.setattr(reader, "MEAN_LENGTHS", means)
        with closing(opened(tmp_path_factory.mktemp("milvus") / "index")) as index:
            index.apply(notes(60))
            encoded(index)
            yield index


@pytest.mark.parametrize("passage_weight", [1.0, 0.4])
def test_it_ranks_like_the_embedded_index(
    embedded: Index, milvus: MilvusIndex, passage_weight: float
) -> None:
    settings = Settings(vector=VectorSettings(passage_weight=passage_weight))
    theirs = ranked(embedded, settings=settings)
    ours = ranked(milvus, settings=settings)
    for name, tolerance in ((KEYWORD, 0.05), (VECTOR, 1e-5)):  # Whoosh rounds lengths
        expected, found = theirs.rankings[name], ours.rankings[name]
        assert found.state is RankingState.READY, found.message
        assert found.complete
        assert np.allclose(found.scores, expected.scores, rtol=tolerance)
        assert sorted(found.order) == sorted(expected.order)
    assert ours.rankings[VECTOR].order.tolist() == theirs.rankings[VECTOR].order.tolist()
    first = [set(each.rankings[RERANKED].order[:5].tolist()) for each in (theirs, ours)]
    assert len(first[0] & first[1]) >= 4
    assert ours.query == theirs.query


def test_filters_count_before_the_first_ranks(embedded: Index, milvus: MilvusIndex) -> None:
    for filters in (Filters(tag="odd"), Filters(path="notes/00*"), Filters(after="2027")):
        theirs, ours = (ranked(each, filters=filters) for each in (embedded, milvus))
        for name in (KEYWORD, VECTOR, FUSED):
            assert sorted(ours.rankings[name].order) == sorted(theirs.rankings[name].order)


def test_an_explanation_sums_to_the_score(milvus: MilvusIndex) -> None:
    ranked_query = ranked(milvus)
    row = int(ranked_query.rankings[KEYWORD].order[3])
    explained = explain_keyword(ranked_query, row, Settings().keyword)
    assert explained.score == pytest.approx(ranked_query.rankings[KEYWORD].scores[row], rel=1e-5)
    nearest = explain_vector(ranked_query, row, Settings())
    assert nearest.passages[0].similarity == pytest.approx(nearest.score, abs=1e-5)


def test_a_rank_beyond_the_list_is_counted(
    embedded: Index, milvus: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ranked(embedded)
    monkeypatch.setattr(reader, "LISTED", 5)
    monkeypatch.setattr(reader, "LISTED_PASSAGES", 5)
    listed = ranked(milvus)
    for name in (KEYWORD, VECTOR, FUSED, RERANKED):
        assert not listed.rankings[name].complete
    for place in (20, 40):
        row = int(expected.rankings[VECTOR].order[place])
        assert listed.rankings[VECTOR].rank_of(row) is None or place < 10
        ranking = located(milvus, row).rankings[VECTOR]
        assert ranking.rank_of(row) == place + 1
        assert not ranking.is_lower_bound(row)
    row = int(expected.rankings[KEYWORD].order[20])
    ranking = located(milvus, row).rankings[KEYWORD]
    assert ranking.rank_of(row) == 21
    assert not ranking.is_lower_bound(row)


def test_a_rank_that_cannot_be_counted_is_a_lower_bound(
    embedded: Index, milvus: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ranked(embedded)
    for name, limit in (("LISTED", 5), ("LISTED_PASSAGES", 5), ("COUNTED", 12)):
        monkeypatch.setattr(reader, name, limit)
    for name in (KEYWORD, VECTOR, FUSED):
        row = int(expected.rankings[name].order[30])
        ranking = located(milvus, row).rankings[name]
        assert ranking.is_lower_bound(row)
        rank = ranking.rank_of(row)
        assert rank is not None
        assert rank <= 31
    certain = ranked(milvus).rankings[KEYWORD]
    for row in certain.order.tolist():
        if not certain.is_lower_bound(row):
            assert certain.rank_of(row) == expected.rankings[KEYWORD].rank_of(row)


def test_an_edit_changes_only_what_it_edits(open_index: Opener) -> None:
    index = open_index()
    index.apply(notes(20))
    encoded(index)
    before = ranked(index, "caddy")
    edited = change("notes/003.md", "caddy listens here", "a second chunk about caddy")
    index.apply([edited, removal("notes/004.md"), change("new.md", "caddy")])
    encoded(index)
    after = ranked(index, "caddy")
    assert {after.chunks[row].path for row in after.rankings[KEYWORD].order.tolist()} >= {
        "notes/003.md",
        "new.md",
    }
    assert "notes/004.md" not in {chunk.path for chunk in after.chunks}
    unchanged = {chunk.id for chunk in before.chunks} & {chunk.id for chunk in after.chunks}
    idf = [each.postings.idf["caddi"] for each in (before, after)]
    for chunk in unchanged:
        old, new = (each.rankings[KEYWORD].scores[each.row_of[chunk]] for each in (before, after))
        assert new == pytest.approx(old * idf[1] / idf[0], rel=1e-4)
    assert index.check() == []


def test_a_renamed_note_is_not_encoded_again(open_index: Opener) -> None:
    index = open_index()
    index.apply([change("old.md", "one", "two")])
    encoded(index)
    generation = index.apply([removal("old.md"), change("new.md", "one", "two")])
    assert generation.encoded.all()
    assert index.check() == []


def test_notes_with_the_same_text_get_its_vectors_together(open_index: Opener) -> None:
    index = open_index()
    index.apply([change("a.md", "one", title="T"), change("b.md", "two", title="T")])
    copy = change("c.md", "one", title="T")
    index.apply([copy], stub_encoder().encode(encoder_inputs(index, copy.chunks)), "float32")
    assert index.generation.encoded.tolist() == [True, False, True]
    assert [text.text for text in index.unencoded()] == ["two"]
    assert index.check() == []


def test_passages_with_the_header_of_before_rank_no_chunk(open_index: Opener) -> None:
    """A chunk keeps its id when its header changes, and may have fewer passages then."""
    index = open_index()
    text, other = change("a.md", "one", header="h1"), change("a.md", "one", header="h2")
    chunk = other.chunks[0]
    assert chunk.id == text.chunks[0].id

    def passages(of: NoteChange, count: int) -> list[EncodedText]:
        (each,) = stub_encoder().encode(encoder_inputs(index, of.chunks))
        return [replace(each, passages=np.repeat(each.vector[None], count, axis=0))]

    index.apply([text], passages(text, 3), "float32")
    index.apply([other])
    assert index.check() == []
    index._collections.write_passages({chunk.id: (chunk.path, np.ones((1, DIMENSION), np.float32))})
    assert ranked(index).rankings[VECTOR].total == 0
    index.add_vectors(passages(other, 2), "float32")
    assert index.check() == [] and ranked(index).rankings[VECTOR].total == 1
    index.apply([text], passages(text, 3), "float32")
    index.apply([other])
    assert len(index._collections.passage_ids()) == 2
    assert index.check() == []


def test_no_query_misses_a_chunk_whose_rows_are_repaired(
    open_index: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index()
    index.apply(notes(5))
    encoded(index)
    index._repair()  # nothing is compared any more after the start
    doubled = index.generation.chunks[0]
    index._collections.write_passages(
        {doubled.id: (doubled.path, np.ones((3, DIMENSION), np.float32))}
    )
    found: list[int] = []

    def with_a_search(call: Callable[..., None]) -> Callable[..., None]:
        def called(*arguments: Any) -> None:
            call(*arguments)
            found.append(ranked(index).rankings[VECTOR].total)

        return called

    for name in ("write_passages", "delete_passages"):
        call = with_a_search(getattr(MilvusCollections, name))
        monkeypatch.setattr(MilvusCollections, name, call)
    index._rewrite(dict.fromkeys(index.generation.row_of, True))
    assert set(found) == {5}
    assert index.check() == []


def test_a_failure_during_a_recovery_is_recovered_from_too(
    open_index: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index()
    changed = change("a.md", "one")
    index.apply([changed])
    index._repair()
    texts = stub_encoder().encode(encoder_inputs(index, changed.chunks))
    load = index._load

    def full_disk(*_: object, **options: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    def load_meanwhile() -> Generation:
        with monkeypatch.context() as patch, pytest.raises(sqlite3.OperationalError):
            patch.setattr(index._local, "store_vectors", full_disk)
            index.add_vectors(texts, "float32")
        return load()

    with index._writing:  # so that the repairs in the background wait
        for loading in (load_meanwhile, full_disk):
            index._failed = False
            monkeypatch.setattr(index, "_load", loading)
            with suppress(sqlite3.OperationalError):
                index._recover()
            assert index._failed
        monkeypatch.setattr(index, "_load", load)
    assert index.add_vectors(texts, "float32").encoded.all()
    assert index.check() == []


def test_a_kill_between_any_two_writes_is_repaired(
    open_index: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies of the directory are what the next process finds; Milvus Lite writes ahead."""
    index = open_index()
    index.apply([change("a.md", "one", "two"), change("b.md", "three")])
    encoded(index)
    left: dict[str, Path] = {}

    def killed(step: str) -> None:
        left[f"{step} {len(left)}"] = tmp_path / f"left-{len(left)}"
        shutil.copytree(index.directory, tmp_path / f"left-{len(left) - 1}")

    monkeypatch.setattr(index, "_fault_point", killed)
    before = {chunk.text for chunk in index.generation.chunks}
    changes = [change("a.md", "one", "zwei"), removal("b.md"), change("c.md", "three")]
    inputs = encoder_inputs(index, [chunk for each in changes for chunk in each.chunks])
    index.apply(changes, stub_encoder().encode(inputs), "float32")
    after = {chunk.text for chunk in index.generation.chunks}
    assert len(left) == 7
    for step, directory in left.items():
        again = open_index(directory)
        assert again.check() == [], step
        texts = {chunk.text for chunk in again.generation.chunks}
        assert texts == (after if step[:9] in ("confirmed", "passages ") else before), step
        again.apply(changes)
        encoded(again)
        assert {chunk.text for chunk in again.generation.chunks} == after
        assert again._counts.df("three") == 1, step
        assert again.check() == [], step


def test_doctor_finds_what_differs(open_index: Opener) -> None:
    index = open_index()
    index.apply([change("a.md", "one", "two"), change("b.md", "three")])
    encoded(index)
    index._repair()  # nothing is compared any more after the start
    lost, doubled = index.generation.chunks[0].id, index.generation.chunks[1]
    index._collections.delete([lost])
    stray = change("stray.md", "stray").chunks[0]
    index._collections.write_chunks([stray], [{7: 1.0}])
    index._collections.write_passages(
        {doubled.id: (doubled.path, np.ones((3, DIMENSION), np.float32))}
    )
    found = {(each.store, each.kind): each.example for each in index.check()}
    assert found == {
        ("milvus", "missing"): lost,
        ("milvus", "orphaned"): stray.id,
        ("milvus vectors", "missing"): lost,
        ("milvus vectors", "orphaned"): doubled.id,
    }
    index.repair()
    assert index.check() == []


def test_a_lost_collection_is_filled_without_encoding(open_index: Opener) -> None:
    index = open_index()
    index.apply(notes(10))
    encoded(index)
    index.close()
    shutil.rmtree(index.directory / "milvus.db")
    again = open_index()
    assert again.unstored == 10
    again._repair()
    assert again.unstored == 0
    assert again.check() == []
    assert again.unencoded() == []
    assert ranked(again).rankings[VECTOR].total == 10


def test_milvus_lite_is_reached_by_its_owner_alone(open_index: Opener) -> None:
    index = open_index()
    index.apply([change("a.md", "one")])
    listening = [
        each for each in psutil.Process().net_connections("inet") if each.status == "LISTEN"
    ]
    assert listening == []
    file, place = index.directory / "milvus.db", index._connection._socket
    assert stat.S_IMODE(file.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700


def test_a_client_that_fails_leaves_milvus_lite_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pymilvus

    connect, attempts = pymilvus.MilvusClient, iter((True, False))

    def slow(**options: Any) -> Any:
        if next(attempts):
            raise TimeoutError("the server is still starting")
        return connect(**options)

    monkeypatch.setattr(pymilvus, "MilvusClient", slow)
    with closing(MilvusConnection(Address(tmp_path / "milvus.db"), tmp_path)) as connection:
        with pytest.raises(StoreUnavailable, match="still starting"):
            connection.call(lambda client: client.list_collections())
        connection.reconnect()
        assert connection.call(lambda client: client.list_collections()) == []


def test_a_server_that_refuses_the_token_is_not_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "user:secret-token")
    with failing_milvus("UNAUTHENTICATED") as (url, _):
        connection = MilvusConnection(Address.of(url, tmp_path), tmp_path)
        reason = rf"refuses \(UNAUTHENTICATED\): is the engine's {TOKEN} right\?$"
        with pytest.raises(StoreUnavailable, match=reason):
            connection.call(lambda client: client.list_collections())
        connection.close()


def test_a_request_that_takes_too_long_is_named_by_its_status(tmp_path: Path) -> None:
    class Late(Exception):
        """As gRPC raises it."""

        def code(self) -> SimpleNamespace:
            return SimpleNamespace(name="DEADLINE_EXCEEDED")

    connection = MilvusConnection(Address.of("http://h:1", tmp_path), tmp_path)
    problem = connection._failed(Late("<_InactiveRpcError of RPC that terminated with: …"))
    assert str(problem) == "Milvus at h:1 does not answer (DEADLINE_EXCEEDED); trying again"


def test_a_directory_with_other_files_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "note.md").touch()
    tmp_path.chmod(0o755)
    connection = MilvusConnection(Address.of(str(tmp_path), tmp_path), tmp_path)
    with pytest.raises(StoreUnavailable, match="has files of something else"):
        connection.call(lambda client: client.list_collections())
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert [each.name for each in tmp_path.iterdir()] == ["note.md"]


@pytest.fixture
def port() -> Iterator[int]:
    """Where a server may start again and again."""
    with reserved_port() as port:
        yield port


def test_an_outage_loses_nothing(
    open_index: Opener, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "secret-token")
    monkeypatch.setattr("membrowse.index.milvus.index._REPAIR_SECONDS", 0.1)
    wait_for_milvus(monkeypatch, 15.0)
    with milvus_server(tmp_path / "server.db", port):
        index = open_index(uri=f"http://127.0.0.1:{port}")
        index.apply(notes(10))
        encoded(index)
    wait_for_milvus(monkeypatch, 3.0)
    changed = change("new.md", "what is written during an outage")
    with pytest.raises(StoreUnavailable, match=f"Milvus at 127.0.0.1:{port} does not answer"):
        index.apply([changed], stub_encoder().encode(encoder_inputs(index, changed.chunks)))
    ranked_query = ranked(index)
    for name in (KEYWORD, VECTOR):
        ranking = ranked_query.rankings[name]
        assert ranking.state is RankingState.FAILED
        assert "does not answer" in ranking.message
        assert "secret-token" not in ranking.message
    assert len(index.generation.chunks) == 10
    announced: list[str] = []
    index.listen(lambda: announced.append(index.problem))
    wait_for_milvus(monkeypatch, 15.0)
    with milvus_server(tmp_path / "server.db", port):
        until(lambda: announced[-1:] == [""], "the end of the outage")
        assert index.generation.number > ranked_query.generation_number  # to rank it anew
        assert index.apply([changed]).encoded.all()
        until(lambda: not index.unstored, "the rows that were to be written")
        assert ranked(index).rankings[VECTOR].total == 11
        assert index.problem == ""
        assert index.check() == []
        index.close()


def test_an_approximate_index_makes_ranks_lower_bounds(open_index: Opener) -> None:
    index = open_index(vector_index=VectorIndex.HNSW)
    index.apply(notes(10))
    encoded(index)
    ranked_query = ranked(index)
    vector, fused = ranked_query.rankings[VECTOR], ranked_query.rankings[FUSED]
    assert vector.total == 10
    assert all(vector.is_lower_bound(row) for row in vector.order.tolist())
    weight = Settings().fusion.weight  # a chunk that was missed contains no word of the query
    for row in fused.order.tolist():
        assert fused.is_lower_bound(row) == (fused.scores[row] <= weight + 1e-5)
    keyword = ranked_query.rankings[KEYWORD]
    assert not any(keyword.is_lower_bound(row) for row in keyword.order.tolist())


def test_an_index_moves_to_milvus_and_back_without_encoding(
    open_index: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "index"
    with closing(Index(directory, RECIPE, token_budget=BUDGET, dimension=DIMENSION)) as index:
        index.apply(notes(10))
        encoded(index)
    there = open_index()
    assert there.check() == [] and there.generation.encoded.all()
    there.apply([change("new.md", "written in milvus"), removal("notes/004.md")])
    texts = [chunk.text for chunk in there.generation.chunks]
    assert there.check() == []
    with monkeypatch.context() as outage:

        def unavailable(*_: object) -> None:
            raise StoreUnavailable("an outage")

        outage.setattr(MilvusCollections, "write_passages", unavailable)
        with pytest.raises(StoreUnavailable):
            encoded(there)
        there.close()
    with closing(Index(directory, RECIPE, token_budget=BUDGET, dimension=DIMENSION)) as index:
        assert [chunk.text for chunk in index.generation.chunks] == texts
        assert index.generation.encoded.all()
        assert index.check() == []
    back = open_index()
    assert back.check() == [] and back.generation.encoded.all()
    assert ranked(back).rankings[VECTOR].total == 10


def test_another_kind_of_index_is_filled_from_the_stored_vectors(open_index: Opener) -> None:
    index = open_index()
    index.apply(notes(5))
    encoded(index)
    old = index._collections.names["passages"]
    index.close()
    again = open_index(vector_index=VectorIndex.HNSW)
    assert again.check() == [] and again.unencoded() == []
    assert ranked(again).rankings[VECTOR].total == 5
    listed = again._connection.call(lambda client: client.list_collections())
    assert old not in listed and len(listed) == 2


def test_a_rebuild_begins_with_new_collections(open_index: Opener) -> None:
    index = open_index()
    index.apply(notes(5))
    encoded(index)
    old = set(index._collections.names.values())
    index.clear(RECIPE)
    assert index.check() == [] and len(index.generation.chunks) == 0
    assert index.apply(notes(3)).encoded.all()
    assert index.check() == []
    listed = set(index._connection.call(lambda client: client.list_collections()))
    assert len(listed) == 2 and not listed & old


def files_with(directory: Path, word: str) -> set[str]:
    """The entries of `directory` with `word` in a file."""
    files = (file for file in directory.rglob("*") if file.is_file())
    found = [file for file in files if word.encode() in file.read_bytes()]
    return {file.relative_to(directory).parts[0].partition("-")[0] for file in found}


def test_purge_leaves_no_byte_of_deleted_text(open_index: Opener) -> None:
    index = open_index()
    index.apply([*notes(5), change("secret.md", "zanzibar"), change("open.md", "plain")])
    encoded(index)
    index.apply([removal("secret.md")])
    index._collections.settle()
    assert files_with(index.directory, "zanzibar") >= {"terms.sqlite", "milvus.db"}
    earlier = index.generation
    assert index.purge(lambda _: True) > 0
    assert index.generation.number > earlier.number, "kept rankings would name dropped collections"
    index._connection.connections += 1
    assert earlier.best_chunks is not None
    with pytest.raises(StoreUnavailable, match="written anew"):
        earlier.best_chunks.nearest(stub_encoder().query(QUERY).vector, None)
    assert index.problem == ""
    assert len(index._connection.call(lambda client: client.list_collections())) == 2
    assert files_with(index.directory, "zanzibar") == set()
    assert ranked(index, "plain").rankings[KEYWORD].total == 1
    assert ranked(index).rankings[VECTOR].total == 6
    index.apply([change("open.md", "plainer")])
    assert index.check() == []
    index.close()
    assert files_with(index.directory, "zanzibar") == set()


def garble(database: Path) -> None:
    """Overwrite the pages of an open database, as a failing disk does."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:
        size = database.stat().st_size
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


@pytest.mark.parametrize(
    ("store", "statement"),
    [
        ("manifest", "UPDATE notes SET record = 'x' WHERE path = 'notes/003.md'"),
        ("manifest", ""),
        ("terms", "UPDATE terms SET chunks = 40 WHERE term = 'caddi'"),
        ("terms", ""),
        ("vectors", "UPDATE vectors SET scales = zeroblob(4) WHERE rowid = 3"),
        ("vectors", ""),
        ("tokens", "UPDATE entries SET tokens = 1 WHERE key = (SELECT max(key) FROM entries)"),
    ],
)
def test_damage_is_found_and_repaired_while_the_index_is_open(
    open_index: Opener, store: str, statement: str
) -> None:
    index = open_index()
    index.apply(notes(10))
    encoded(index)
    index._repair()  # nothing is compared any more after the start, which would find it, too
    before = index.generation
    expected = ranked(index, "caddy").rankings[KEYWORD].scores.tolist()
    database = index.directory / f"{store}.sqlite"
    if statement:
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute(statement).rowcount == 1
            connection.commit()
    else:
        garble(database)
    found = index.check()
    assert [(each.store, each.kind) for each in found] == [(store, "damaged")]
    assert index.last_check > 0
    encoded(index)
    assert index.check() == []
    assert index.generation.notes == before.notes
    assert index.generation.encoded.all()
    assert ranked(index, "caddy").rankings[KEYWORD].scores.tolist() == expected
    index.apply([change("new.md", "caddy")])
    index.close()
    again = open_index()
    assert again.check() == []
    assert again.generation.notes.keys() == before.notes.keys() | {"new.md"}


def test_keyword_fails_while_words_are_counted_again_and_is_ranked_anew(
    open_index: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index()
    index.apply(notes(10))
    encoded(index)
    index._repair()
    models: Any = SimpleNamespace(basis="", pieces=None, encoder=stub_encoder(), cross=None)
    models.loaded = Loaded(RankingState.READY, "", models.encoder)
    queries = RankedQueries(ActiveConfiguration(Settings()), index, models)
    query = partial(queries.of, "caddy tea", "literal", Ranker(Settings()))
    before, going_on = query(), threading.Event()
    assert query() is before

    def slowly(*generations: Generation) -> Iterator[Any]:
        assert going_on.wait(60)
        yield from _chunk_changes(*generations)

    monkeypatch.setattr("membrowse.index.milvus.index._chunk_changes", slowly)
    garble(index.directory / "terms.sqlite")
    assert index._counts.check() == 1
    meanwhile = ranked(index, "caddy tea")
    keyword, vector = meanwhile.rankings[KEYWORD], meanwhile.rankings[VECTOR]
    assert (keyword.state, keyword.total) == (RankingState.FAILED, 0)
    assert "counted again" in keyword.message
    assert (vector.state, vector.total) == (RankingState.READY, 10)
    assert meanwhile.query.partial and [term.df for term in meanwhile.query.terms] == [0, 0]
    assert "counted again" in index.problem
    with pytest.raises(StoreUnavailable, match="counted again"):
        unknown_words(meanwhile.parsed, index.generation.keyword)
    shutil.copytree(index.directory, tmp_path / "killed")
    again_counting = open_index(tmp_path / "killed")
    assert (again_counting._doubtful, again_counting._any_doubtful) == ({}, False)
    queries._kept.clear()
    with pytest.raises(StoreUnavailable, match="counted again"):
        query()
    announced: list[str] = []
    index.listen(lambda: announced.append(index.problem))
    going_on.set()
    index._repair()
    assert announced[-1] == ""
    again = query()
    assert index.problem == ""
    assert again.generation_number == before.generation_number + 1
    assert again.rankings[KEYWORD].scores.tolist() == before.rankings[KEYWORD].scores.tolist()
    assert again.query == before.query


def test_a_restored_backup_replaces_what_milvus_has(
    open_index: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state before has as many chunks, with other ids, or other words under the same ids."""
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "folder"
    folder.mkdir()
    directory = paths.index_dir(folder)
    index = open_index(directory)
    index.apply([change("a.md", "one", title="Caddy"), change("b.md", "two")])
    encoded(index)
    number = index.generation.number
    backup = io.BytesIO()
    with monkeypatch.context() as earlier_version:
        earlier_version.setattr("membrowse.engine.backup.archive.TERMS", "")
        write_archive(folder, backup, with_vectors=True)
    index.apply([change("a.md", "one", title="Tea"), change("b.md", "three")])
    encoded(index)
    index.close()
    backup.seek(0)
    restored = restore(backup, folder, force=True)
    assert "index/terms.sqlite" in restored.content.files
    assert "index/terms.sqlite" not in {*restored.restored, *restored.kept}
    again = open_index(directory)
    again._repair()
    assert again.generation.number == number + 1  # its words are counted again
    for word, count in (("caddy", 1), ("tea", 0), ("two", 1), ("three", 0)):
        assert ranked(again, word).rankings[KEYWORD].total == count, word
    assert again.check() == []


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_changes_and_vectors_do_not_wait_for_a_long_repair(
    open_index: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index()
    index.apply(notes(30))
    encoded(index)
    index.close()
    shutil.rmtree(index.directory / "milvus.db")
    listed, going_on = threading.Event(), threading.Event()
    chunk_ids = MilvusCollections.chunk_ids

    def slowly(collections: MilvusCollections) -> list[str]:
        found = chunk_ids(collections)
        listed.set()
        assert going_on.wait(60)
        return found

    monkeypatch.setattr(MilvusCollections, "chunk_ids", slowly)
    monkeypatch.setattr("membrowse.index.milvus.index._REPAIRED_AT_ONCE", 4)
    again = open_index()
    assert listed.wait(60)

    def change_notes() -> None:
        again.apply([change("new.md", "written meanwhile"), removal("notes/003.md")])
        again.apply([change("notes/004.md", "changed meanwhile")])
        encoded(again)

    saving = in_background(change_notes)
    saving.join(30)
    assert not saving.is_alive(), "a save waits for the comparison"
    going_on.set()
    assert again.check() == []
    assert again.generation.encoded.all()
    assert ranked(again, "meanwhile").rankings[KEYWORD].total == 2

    texts = stub_encoder().encode(encoder_inputs(again, change("x.md", "not yet").chunks))
    with again._writing:  # a long change
        storing = in_background(lambda: again.add_vectors(texts, "float32"))
        until(lambda: again.vectors.has([text.key for text in texts]), "durable vectors")
    storing.join()


def test_a_repair_that_is_cut_off_goes_on_at_the_next_start(
    open_index: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index()
    index.apply(notes(30))
    encoded(index)
    index.close()
    shutil.rmtree(index.directory / "milvus.db")
    write_passages, begun = MilvusCollections.write_passages, threading.Event()
    batches: list[int] = []

    def killed(collections: MilvusCollections, vectors: Any) -> None:
        """A kill between the rows of a batch and its passages, and a stop in the same batch."""
        batches.append(len(vectors))
        if len(batches) == 3:
            shutil.copytree(index.directory, tmp_path / "killed")
            begun.set()
            assert again._closing.wait(60)
        write_passages(collections, vectors)

    with monkeypatch.context() as patch:
        patch.setattr(MilvusCollections, "write_passages", killed)
        patch.setattr("membrowse.index.milvus.index._REPAIRED_AT_ONCE", 1)
        again = open_index()
        assert begun.wait(60)
        again.close()
        assert batches == [1, 1, 1]
    for directory in (tmp_path / "killed", index.directory):
        last = open_index(directory)
        assert last.check() == []
        assert ranked(last).rankings[VECTOR].total == 30


def test_a_stop_does_not_wait_for_a_server_that_hangs(
    open_index: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from milvus_lite.adapter.grpc import server as lite

    saved, hanging, ended = threading.Event(), threading.Event(), threading.Event()
    upsert = lite.MilvusServicer.Upsert

    def hang(*request: Any) -> Any:
        if saved.is_set():
            hanging.set()
            ended.wait(60)
        return upsert(*request)

    monkeypatch.setattr(lite.MilvusServicer, "Upsert", hang)
    problems: list[str] = []

    def save() -> None:
        try:
            index.apply([change("b.md", "two")])
        except StoreUnavailable as error:
            problems.append(str(error))

    with milvus_server(tmp_path / "server.db") as port:
        try:
            index = open_index(uri=f"http://127.0.0.1:{port}")
            index.apply([change("a.md", "one")])
            saved.set()
            monkeypatch.setattr("membrowse.index.milvus.index._CLOSE_SECONDS", 0.2)
            saving = in_background(save)
            assert hanging.wait(60)
            index.close()
            saving.join(30)
        finally:
            ended.set()
    assert problems and "closed" in problems[0]


def test_encoding_fills_the_budget_of_token_vectors_and_evicts_none(open_index: Opener) -> None:
    index = open_index(token_budget=20_000)
    index.apply(notes(60))
    texts = stub_encoder().encode(index.unencoded())
    for first in range(0, 60, 20):
        index.add_vectors(texts[first : first + 20], "float32")
    kept = index.tokens.keys()
    assert sum(text.bytes for text in texts) > 2 * index.tokens.budget
    assert kept == {text.key for text in texts[: len(kept)]}
    assert index.check() == []
