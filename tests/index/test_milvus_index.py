"""An index in Milvus Lite ranks like the embedded one, and a kill or an outage loses nothing."""

from __future__ import annotations

import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from membrowse.index.change_plan import NoteChange
from membrowse.index.index import Index
from membrowse.index.journal import DEFAULT_RETENTION
from membrowse.index.keyword_reader import FIELDS
from membrowse.index.milvus import reader, term_weights
from membrowse.index.milvus.connection import TOKEN
from membrowse.index.milvus.index import MilvusIndex
from membrowse.index.milvus.reader import Bm25Constants
from membrowse.index.protocols import SearchIndex
from membrowse.index.store_errors import StoreUnavailable
from membrowse.ranking.explanation.keyword import explain_keyword
from membrowse.ranking.explanation.vector import explain_vector
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.settings import Settings, StoreKind, StoreSettings, VectorIndex, VectorSettings
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, Filters, RankingState
from tests.index.factories import BUDGET, RECIPE, change, encoder_inputs, removal
from tests.standin.encoder import DIMENSION, stub_encoder

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


def opened(directory: Path, uri: str = "", **options: Any) -> MilvusIndex:
    return MilvusIndex(
        directory,
        RECIPE,
        StoreSettings(kind=StoreKind.MILVUS, uri=uri, **options),
        Bm25Constants(1.2, 0.75),
        token_budget=BUDGET,
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
    assert len(left) == 6
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


def test_an_outage_loses_nothing(
    open_index: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    monkeypatch.setenv(TOKEN, "secret-token")
    for name in ("TIMEOUT_SECONDS", "SEARCH_SECONDS"):
        monkeypatch.setattr(f"membrowse.index.milvus.collections.{name}", 3.0)
    monkeypatch.setattr("membrowse.index.milvus.index._REPAIR_SECONDS", 0.1)
    server, database, port = start_server_in_thread(str(tmp_path / "server.db"))
    index = open_index(uri=f"http://127.0.0.1:{port}")
    index.apply(notes(10))
    encoded(index)
    server.stop(0).wait()
    database.close()
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
    server, database, _ = start_server_in_thread(str(tmp_path / "server.db"), port=port)
    try:
        deadline = time.monotonic() + 30
        while index.problem:
            assert time.monotonic() < deadline, index.problem
            time.sleep(0.05)
        assert index.apply([changed]).encoded.all()
        assert ranked(index).rankings[VECTOR].total == 11
        assert index.problem == ""
        assert index.check() == []
        index.close()
    finally:
        server.stop(0).wait()
        database.close()


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
    open_index: Opener, tmp_path: Path
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
    there.close()
    with closing(Index(directory, RECIPE, token_budget=BUDGET, dimension=DIMENSION)) as index:
        assert [chunk.text for chunk in index.generation.chunks] == texts
        assert len(index.unencoded()) == 1
        assert index.check() == []


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
