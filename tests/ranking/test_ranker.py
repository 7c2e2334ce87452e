"""All rankings of a query over a real index; none fails the others."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.settings import Settings
from membrowse.wire.search import FUSED, KEYWORD, RANKINGS, RERANKED, VECTOR, RankingState
from tests.index.factories import change
from tests.ranking import sample_notes

QUESTION = "Which port does staging's ssh use?"


@pytest.fixture
def rank_query(index: Index, encoder: ResidentEncoder) -> sample_notes.RankQuery:
    return sample_notes.RankQuery(index, encoder)


def test_every_ranking_ranks_all_its_chunks(rank_query: sample_notes.RankQuery) -> None:
    ranked_query = rank_query(QUESTION)
    chunks = len(ranked_query.chunks)
    assert set(ranked_query.rankings) == set(RANKINGS)
    for name, ranking in ranked_query.rankings.items():
        assert ranking.state is RankingState.READY, ranking.message
        assert ranking.ranks[ranking.order].tolist() == list(range(1, ranking.total + 1))
        assert ranking.total == (3 if name == KEYWORD else chunks)
        assert ranking.took_ms > 0
    assert sample_notes.paths(ranked_query, RERANKED)[0].startswith("logs/")
    reranked = ranked_query.rankings[RERANKED]
    assert (reranked.pool, reranked.cached) == (chunks, chunks)


def test_the_query_record_shows_terms_and_pieces(rank_query: sample_notes.RankQuery) -> None:
    query = rank_query(QUESTION).query
    assert [term.term for term in query.terms] == ["port", "stage", "ssh", "use"]
    assert {term.term: term.df for term in query.terms}["ssh"] == 2
    assert query.dropped == ("which", "does")
    assert query.encoded == QUESTION
    assert query.pieces > 5
    assert query.unknown == 0.0


def test_equal_texts_score_equally_and_rank_by_path(
    rank_query: sample_notes.RankQuery,
) -> None:
    ranked_query = rank_query("how long are backups kept?")
    rows = [
        row for row, chunk in enumerate(ranked_query.chunks) if chunk.text == sample_notes.BACKUP
    ]
    first, second = rows
    vector = ranked_query.rankings[VECTOR]
    assert vector.scores[first] == vector.scores[second]
    assert vector.ranks[second] == vector.ranks[first] + 1


def test_the_order_is_the_same_under_concurrency(
    rank_query: sample_notes.RankQuery,
) -> None:
    alone = {name: found.order.tolist() for name, found in rank_query(QUESTION).rankings.items()}
    texts = [QUESTION, "tea with milk", QUESTION, "备份", QUESTION] * 3
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(rank_query, texts))
    for text, ranked_query in zip(texts, together, strict=True):
        if text == QUESTION:
            assert alone == {n: found.order.tolist() for n, found in ranked_query.rankings.items()}


def test_an_unknown_language_is_left_to_keyword(
    rank_query: sample_notes.RankQuery,
) -> None:
    ranked_query = rank_query("备份什么时候运行？")
    assert ranked_query.query.unknown > 0.3
    assert "% unknown to the encoder" in ranked_query.rankings[VECTOR].message
    assert ranked_query.known_share == pytest.approx(1 - ranked_query.query.unknown)
    for name in (KEYWORD, FUSED, RERANKED):
        assert sample_notes.paths(ranked_query, name)[0] == "中文.md"


@pytest.mark.parametrize(
    "typed", ["staging path:logs", "staging path:logs/*.md", "staging -path:runbooks -path:people"]
)
def test_filters_apply_to_every_ranking(rank_query: sample_notes.RankQuery, typed: str) -> None:
    ranked_query = rank_query(f"{typed} -path:中文", "operators")
    assert ranked_query.query.filters
    for name in RANKINGS:
        found = sample_notes.paths(ranked_query, name)
        assert found
        assert all(path.startswith("logs/") for path in found)


def test_operators_constrain_only_keyword(rank_query: sample_notes.RankQuery) -> None:
    ranked_query = rank_query('"staging now" -bastion', "operators")
    assert sample_notes.paths(ranked_query, KEYWORD) == ["logs/2026-03-02.md"]
    assert ranked_query.rankings[VECTOR].total == len(ranked_query.chunks)
    assert ranked_query.query.encoded == "staging now"
    assert ranked_query.query.required == ('"staging now"', "-bastion")


@pytest.mark.parametrize("text", ["", "  ", "?! --", "path:logs", "-deploy"])
def test_a_query_without_words_is_answered(rank_query: sample_notes.RankQuery, text: str) -> None:
    ranked_query = rank_query(text, "operators")
    assert ranked_query.rankings[KEYWORD].total == 0
    assert ranked_query.rankings[KEYWORD].message
    assert ranked_query.rankings[FUSED].total == int(np.count_nonzero(ranked_query.scope))


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ("path:md path:nowhere", "no note passes the filter path:nowhere"),
        ("root:nope", "no note passes the filter root:nope (there are "),
        ("path:runbooks path:logs", "no note passes all filters"),
    ],
)
def test_no_note_passes_the_filters(
    rank_query: sample_notes.RankQuery, filters: str, message: str
) -> None:
    ranked_query = rank_query(f"staging {filters}", "operators")
    for name in RANKINGS:
        assert ranked_query.rankings[name].total == 0
        assert ranked_query.rankings[name].message.startswith(message)


@pytest.mark.parametrize(
    "state", [RankingState.LOADING, RankingState.FAILED, RankingState.OFF, RankingState.STALE]
)
def test_without_an_encoder_only_keyword_ranks(index: Index, state: RankingState) -> None:
    ranker = Ranker(Settings())
    ranked_query = ranker.prepare(index.generation, QUESTION, "literal")
    ranker.keyword(ranked_query)
    ranker.vector(ranked_query, None, state, "the model is missing: reinstall")
    ranker.fuse(ranked_query)
    assert ranker.gather(ranked_query, index.tokens) == 0
    ranker.rerank(ranked_query, index.tokens, None)
    keyword, vector, fused, reranked = (ranked_query.rankings[name] for name in RANKINGS)
    assert keyword.state is RankingState.READY
    assert (vector.total, vector.state) == (0, state)
    for ranking in (vector, fused, reranked):
        assert ranking.state is state
        assert "the model is missing: reinstall" in ranking.message
    assert fused.order[: keyword.total].tolist() == keyword.order.tolist()
    assert fused.total == len(ranked_query.chunks)
    assert reranked.order.tolist() == fused.order.tolist()
    assert "not reranked" in reranked.message


def test_a_failing_stage_does_not_affect_others(
    rank_query: sample_notes.RankQuery, generation: Generation, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = replace(generation.vectors, blocks=())
    ranked_query = rank_query(QUESTION, generation=replace(generation, vectors=damaged))
    assert ranked_query.rankings[VECTOR].state is RankingState.FAILED
    assert "failed" in ranked_query.rankings[VECTOR].message
    assert "the vector ranking failed" in caplog.text
    assert ranked_query.rankings[KEYWORD].total == 3
    assert ranked_query.rankings[FUSED].total == len(ranked_query.chunks)
    assert RERANKED in ranked_query.rankings


def test_missing_vectors_are_reported_and_not_encoded(
    tmp_path: Path, encoder: ResidentEncoder
) -> None:
    index = sample_notes.opened(tmp_path / "index")
    try:
        index.apply([change("a.md", "the port of staging", "tea"), change("b.md", "a port")])
        index.add_vectors(encoder.encode(index.unencoded()[:1]), "float32")
        ranked_query = sample_notes.RankQuery(index, encoder)("staging port")
        vector, reranked = ranked_query.rankings[VECTOR], ranked_query.rankings[RERANKED]
        assert (vector.state, vector.total) == (RankingState.INDEXING, 1)
        assert vector.message == "1 of 3 chunks encoded"
        assert ranked_query.rankings[FUSED].total == 3
        assert reranked.state is RankingState.INDEXING
        assert "2 of the best 3 are not encoded yet" in reranked.message
        assert index.tokens.count == 1
        scores = ranked_query.rankings[FUSED].scores
        best = int(scores.argmax())
        assert ranked_query.rankings[KEYWORD].order[0] == best == reranked.order[0]
    finally:
        index.close()


def test_missing_token_vectors_are_encoded_on_demand_and_stored(
    tmp_path: Path, encoder: ResidentEncoder
) -> None:
    index = sample_notes.opened(tmp_path / "index")
    try:
        index.apply(sample_notes.NOTES)
        index.add_vectors(encoder.encode(index.unencoded()), "float32")
        whole = sample_notes.RankQuery(index, encoder)(QUESTION)
        keys = sorted(set(index.generation.keys))
        index.tokens.delete(keys[:4])
        ranker = Ranker(Settings())
        ranked_query = ranker.prepare(index.generation, QUESTION, "literal")
        ranker.keyword(ranked_query)
        ranker.vector(ranked_query, encoder)
        ranker.fuse(ranked_query)
        assert ranker.gather(ranked_query, index.tokens) == 4
        waiting = ranked_query.rankings[RERANKED]
        assert waiting.state is RankingState.LOADING
        assert f"{waiting.cached}/{waiting.pool} cached" in waiting.message
        assert waiting.order.tolist() == ranked_query.rankings[FUSED].order.tolist()
        ranker.rerank(ranked_query, index.tokens, encoder)
        done = ranked_query.rankings[RERANKED]
        assert (done.state, done.cached) == (RankingState.READY, waiting.cached)
        assert done.order.tolist() == whole.rankings[RERANKED].order.tolist()
        assert index.tokens.has(keys) == set(keys)
    finally:
        index.close()


def test_what_cannot_be_encoded_fails_the_reranked_ranking_alone(
    tmp_path: Path, encoder: ResidentEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = sample_notes.opened(tmp_path / "index")
    try:
        index.apply(sample_notes.NOTES)
        index.add_vectors(encoder.encode(index.unencoded()), "float32")
        index.tokens.delete(index.tokens.keys())
        ranker = Ranker(Settings())
        ranked_query = ranker.prepare(index.generation, QUESTION, "literal")
        ranker.keyword(ranked_query)
        ranker.vector(ranked_query, encoder)
        ranker.fuse(ranked_query)
        assert ranker.gather(ranked_query, index.tokens) > 0
        monkeypatch.setattr(encoder, "encode", lambda items: items[0].nothing)
        assert ranker.encode_some(ranked_query, index.tokens, encoder) == 0
        assert ranked_query.rankings[RERANKED].state is RankingState.FAILED
        monkeypatch.undo()
        ranker.rerank(ranked_query, index.tokens, encoder)
        assert ranked_query.rankings[RERANKED].state is RankingState.READY
        assert ranked_query.rankings[RERANKED].took_ms > 0
        monkeypatch.setattr(encoder, "encode", lambda items: items[0].nothing)
        assert ranker.encode_some(ranked_query, index.tokens, encoder) == 0
        assert ranked_query.rankings[RERANKED].state is RankingState.READY
    finally:
        index.close()


def test_an_empty_index_is_answered(tmp_path: Path, encoder: ResidentEncoder) -> None:
    index = sample_notes.opened(tmp_path / "index")
    try:
        ranked_query = sample_notes.RankQuery(index, encoder)(QUESTION)
        for name in RANKINGS:
            assert ranked_query.rankings[name].total == 0
            assert "nothing is indexed" in ranked_query.rankings[name].message
    finally:
        index.close()


def test_beyond_the_pool_the_fused_order_remains(rank_query: sample_notes.RankQuery) -> None:
    ranked_query = rank_query(QUESTION, settings=settings(rerank={"pool": 3}))
    fused, reranked = ranked_query.rankings[FUSED], ranked_query.rankings[RERANKED]
    assert reranked.pool == 3
    assert set(reranked.order[:3].tolist()) == set(fused.order[:3].tolist())
    assert reranked.order[3:].tolist() == fused.order[3:].tolist()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"method": "none"}, "switched off"),
        ({"method": "cross-encoder"}, "`rerank.model` must name one"),
    ],
)
def test_a_ranking_that_is_not_reranked_has_a_reason(
    rank_query: sample_notes.RankQuery, chosen: dict[str, str], message: str
) -> None:
    ranked_query = rank_query(QUESTION, settings=settings(rerank=chosen))
    reranked = ranked_query.rankings[RERANKED]
    assert message in reranked.message
    assert reranked.order.tolist() == ranked_query.rankings[FUSED].order.tolist()


@pytest.mark.parametrize("method", ["convex", "rrf"])
@pytest.mark.parametrize(("weight", "alone"), [(0.0, KEYWORD), (1.0, VECTOR)])
def test_a_weight_of_0_or_1_leaves_one_ranking(
    rank_query: sample_notes.RankQuery, method: str, weight: float, alone: str
) -> None:
    chosen = settings(fusion={"method": method, "weight": weight})
    ranked_query = rank_query("staging port", settings=chosen)
    expected = ranked_query.rankings[alone]
    assert ranked_query.rankings[FUSED].order[: expected.total].tolist() == expected.order.tolist()


def test_chunks_that_hnsw_misses_are_recorded(
    rank_query: sample_notes.RankQuery, index: Index
) -> None:
    ranked_query = rank_query(QUESTION)
    ranker = Ranker(Settings())

    def forgetful(vector: object, n: int) -> list[str]:
        cosines = ranked_query.generation.vectors.cosines(np.asarray(vector))
        nearest = np.argsort(-cosines, kind="stable")[:n]
        return [ranked_query.chunks[row].id for row in nearest.tolist()[1:]]

    assert ranker.approximate(ranked_query, lambda vector, n: None) is None
    ranker.set_approximate(ranked_query, ranker.approximate(ranked_query, forgetful))
    approximate = ranked_query.rankings[VECTOR].approximate
    assert approximate is not None
    assert approximate.asked == len(ranked_query.chunks)
    assert len(approximate.missed) == 1


def test_a_finished_ranked_query_releases_the_index(
    rank_query: sample_notes.RankQuery,
) -> None:
    ranked_query: RankedQuery = rank_query(QUESTION)
    ranked_query.finish()
    assert ranked_query.open_generation is None and ranked_query.open_postings is None
    with pytest.raises(RuntimeError):
        _ = ranked_query.generation


def settings(**sections: Mapping[str, object]) -> Settings:
    return msgspec.convert(sections, Settings)
