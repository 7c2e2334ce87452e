"""All rankings of a query over a real index, and that none fails the others."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from membrowse.encoding.resident import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.pipeline import Ranker
from membrowse.recall import FUSED, KEYWORD, RANKINGS, RERANKED, VECTOR, RankingState
from membrowse.settings import Settings
from tests.index.making import change
from tests.ranking import notes

QUESTION = "Which port does staging's ssh use?"


@pytest.fixture
def evaluate(index: Index, encoder: ResidentEncoder) -> notes.Evaluate:
    return notes.Evaluate(index, encoder)


def test_every_ranking_ranks_exactly_to_the_end(evaluate: notes.Evaluate) -> None:
    evaluation = evaluate(QUESTION)
    chunks = len(evaluation.chunks)
    assert set(evaluation.rankings) == set(RANKINGS)
    for name, ranking in evaluation.rankings.items():
        assert ranking.state is RankingState.READY, ranking.message
        assert ranking.ranks[ranking.order].tolist() == list(range(1, ranking.total + 1))
        assert ranking.total == (3 if name == KEYWORD else chunks)
        assert ranking.took_ms > 0
    assert notes.paths(evaluation, RERANKED)[0].startswith("logs/")
    reranked = evaluation.rankings[RERANKED]
    assert (reranked.pool, reranked.cached) == (chunks, chunks)


def test_what_was_made_of_the_query_is_told(evaluate: notes.Evaluate) -> None:
    query = evaluate(QUESTION).query
    assert [term.term for term in query.terms] == ["port", "stage", "ssh", "use"]
    assert {term.term: term.df for term in query.terms}["ssh"] == 2
    assert query.dropped == ("which", "does")
    assert query.encoded == QUESTION
    assert query.pieces > 5
    assert query.unknown == 0.0


def test_equal_texts_score_equal_and_stand_in_the_order_of_their_paths(
    evaluate: notes.Evaluate,
) -> None:
    evaluation = evaluate("how long are backups kept?")
    twins = [row for row, chunk in enumerate(evaluation.chunks) if chunk.text == notes.BACKUP]
    first, second = twins
    vector = evaluation.rankings[VECTOR]
    assert vector.scores[first] == vector.scores[second]
    assert vector.ranks[second] == vector.ranks[first] + 1


def test_the_same_question_gets_the_same_order_alone_and_beside_others(
    evaluate: notes.Evaluate,
) -> None:
    alone = {name: found.order.tolist() for name, found in evaluate(QUESTION).rankings.items()}
    texts = [QUESTION, "tea with milk", QUESTION, "备份", QUESTION] * 3
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(evaluate, texts))
    for text, evaluation in zip(texts, together, strict=True):
        if text == QUESTION:
            assert alone == {n: found.order.tolist() for n, found in evaluation.rankings.items()}


def test_a_language_that_the_encoder_does_not_know_is_left_to_keyword(
    evaluate: notes.Evaluate,
) -> None:
    evaluation = evaluate("备份什么时候运行？")
    assert evaluation.query.unknown > 0.3
    assert "% unknown to the encoder" in evaluation.rankings[VECTOR].message.replace(" %", "%")
    assert evaluation.known == pytest.approx(1 - evaluation.query.unknown)
    for name in (KEYWORD, FUSED, RERANKED):
        assert notes.paths(evaluation, name)[0] == "中文.md"


@pytest.mark.parametrize(
    "typed", ["staging path:logs", "staging path:logs/*.md", "staging -path:runbooks -path:people"]
)
def test_filters_scope_every_ranking(evaluate: notes.Evaluate, typed: str) -> None:
    evaluation = evaluate(f"{typed} -path:中文", "operators")
    assert evaluation.query.filters
    for name in RANKINGS:
        found = notes.paths(evaluation, name)
        assert found
        assert all(path.startswith("logs/") for path in found)


def test_operators_constrain_keyword_alone(evaluate: notes.Evaluate) -> None:
    evaluation = evaluate('"staging now" -bastion', "operators")
    assert notes.paths(evaluation, KEYWORD) == ["logs/2026-03-02.md"]
    assert evaluation.rankings[VECTOR].total == len(evaluation.chunks)
    assert evaluation.query.encoded == "staging now"
    assert evaluation.query.required == ('"staging now"', "-bastion")


@pytest.mark.parametrize("text", ["", "  ", "?! --", "path:logs", "-deploy"])
def test_a_query_without_words_is_answered(evaluate: notes.Evaluate, text: str) -> None:
    evaluation = evaluate(text, "operators")
    assert evaluation.rankings[KEYWORD].total == 0
    assert evaluation.rankings[KEYWORD].message
    assert evaluation.rankings[FUSED].total == int(np.count_nonzero(evaluation.scope))


def test_no_note_passes_the_filters(evaluate: notes.Evaluate) -> None:
    evaluation = evaluate("staging path:nowhere", "operators")
    for name in RANKINGS:
        assert evaluation.rankings[name].total == 0
        assert "filters" in evaluation.rankings[name].message


@pytest.mark.parametrize(
    "state", [RankingState.LOADING, RankingState.FAILED, RankingState.OFF, RankingState.STALE]
)
def test_without_an_encoder_keyword_answers_and_the_others_say_why(
    index: Index, state: RankingState
) -> None:
    ranker = Ranker(Settings())
    evaluation = ranker.analyse(index.generation, QUESTION, "literal")
    ranker.keyword(evaluation)
    ranker.vector(evaluation, None, state, "the model is missing: reinstall")
    ranker.fuse(evaluation)
    assert ranker.gather(evaluation, index.tokens) == 0
    ranker.rerank(evaluation, index.tokens, None)
    keyword, vector, fused, reranked = (evaluation.rankings[name] for name in RANKINGS)
    assert keyword.state is RankingState.READY
    assert (vector.total, vector.state) == (0, state)
    for ranking in (vector, fused, reranked):
        assert ranking.state is state
        assert "the model is missing: reinstall" in ranking.message
    assert fused.order[: keyword.total].tolist() == keyword.order.tolist()
    assert fused.total == len(evaluation.chunks)
    assert reranked.order.tolist() == fused.order.tolist()
    assert "not reranked" in reranked.message


def test_a_stage_that_breaks_leaves_the_others_alone(
    evaluate: notes.Evaluate, generation: Generation, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = replace(generation.vectors, passages=np.zeros((3, 1), np.float32))
    evaluation = evaluate(QUESTION, generation=replace(generation, vectors=damaged))
    assert evaluation.rankings[VECTOR].state is RankingState.FAILED
    assert "failed" in evaluation.rankings[VECTOR].message
    assert "the vector ranking failed" in caplog.text
    assert evaluation.rankings[KEYWORD].total == 3
    assert evaluation.rankings[FUSED].total == len(evaluation.chunks)
    assert RERANKED in evaluation.rankings


def test_while_vectors_are_missing_it_says_so_and_encodes_none_for_the_query(
    tmp_path: Path, encoder: ResidentEncoder
) -> None:
    index = notes.opened(tmp_path / "index", encoder)
    try:
        index.apply([change("a.md", "the port of staging", "tea"), change("b.md", "a port")])
        index.add_vectors(encoder.encode(index.unencoded()[:1]), "float32")
        evaluation = notes.Evaluate(index, encoder)("staging port")
        vector, reranked = evaluation.rankings[VECTOR], evaluation.rankings[RERANKED]
        assert (vector.state, vector.total) == (RankingState.INDEXING, 1)
        assert vector.message == "1 of 3 chunks encoded"
        assert evaluation.rankings[FUSED].total == 3
        assert reranked.state is RankingState.INDEXING
        assert "2 of the best 3 are not encoded yet" in reranked.message
        assert index.tokens.count == 1
    finally:
        index.close()


def test_missing_token_vectors_are_encoded_on_demand_and_stored(
    tmp_path: Path, encoder: ResidentEncoder
) -> None:
    index = notes.opened(tmp_path / "index", encoder)
    try:
        index.apply(notes.NOTES)
        index.add_vectors(encoder.encode(index.unencoded()), "float32")
        whole = notes.Evaluate(index, encoder)(QUESTION)
        keys = sorted(set(index.generation.keys))
        index.tokens.delete(keys[:4])
        ranker = Ranker(Settings())
        evaluation = ranker.analyse(index.generation, QUESTION, "literal")
        ranker.keyword(evaluation)
        ranker.vector(evaluation, encoder)
        ranker.fuse(evaluation)
        assert ranker.gather(evaluation, index.tokens) == 4
        waiting = evaluation.rankings[RERANKED]
        assert waiting.state is RankingState.LOADING
        assert f"{waiting.cached}/{waiting.pool} cached" in waiting.message
        assert waiting.order.tolist() == evaluation.rankings[FUSED].order.tolist()
        ranker.rerank(evaluation, index.tokens, encoder)
        done = evaluation.rankings[RERANKED]
        assert (done.state, done.cached) == (RankingState.READY, waiting.cached)
        assert done.order.tolist() == whole.rankings[RERANKED].order.tolist()
        assert index.tokens.has(keys) == set(keys)
    finally:
        index.close()


def test_an_empty_index_is_answered(tmp_path: Path, encoder: ResidentEncoder) -> None:
    index = notes.opened(tmp_path / "index", encoder)
    try:
        evaluation = notes.Evaluate(index, encoder)(QUESTION)
        for name in RANKINGS:
            assert evaluation.rankings[name].total == 0
            assert "nothing is indexed" in evaluation.rankings[name].message
    finally:
        index.close()


def test_beyond_the_pool_the_fused_order_goes_on(evaluate: notes.Evaluate) -> None:
    evaluation = evaluate(QUESTION, settings=settings(rerank={"pool": 3}))
    fused, reranked = evaluation.rankings[FUSED], evaluation.rankings[RERANKED]
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
def test_what_is_not_reranked_says_why(
    evaluate: notes.Evaluate, chosen: dict[str, str], message: str
) -> None:
    evaluation = evaluate(QUESTION, settings=settings(rerank=chosen))
    reranked = evaluation.rankings[RERANKED]
    assert message in reranked.message
    assert reranked.order.tolist() == evaluation.rankings[FUSED].order.tolist()


@pytest.mark.parametrize("method", ["convex", "rrf"])
@pytest.mark.parametrize(("weight", "alone"), [(0.0, KEYWORD), (1.0, VECTOR)])
def test_a_weight_of_0_or_1_leaves_one_ranking(
    evaluate: notes.Evaluate, method: str, weight: float, alone: str
) -> None:
    chosen = settings(fusion={"method": method, "weight": weight})
    evaluation = evaluate("staging port", settings=chosen)
    expected = evaluation.rankings[alone]
    assert evaluation.rankings[FUSED].order[: expected.total].tolist() == expected.order.tolist()


def test_what_hnsw_misses_is_noted(evaluate: notes.Evaluate, index: Index) -> None:
    evaluation = evaluate(QUESTION)
    ranker = Ranker(Settings())

    def forgetful(vector: object, n: int) -> list[str]:
        nearest = np.argsort(-(evaluation.at().matrix @ np.asarray(vector)), kind="stable")[:n]
        return [evaluation.chunks[row].id for row in nearest.tolist()[1:]]

    assert ranker.approximate(evaluation, lambda vector, n: None) is None
    ranker.set_beside(evaluation, ranker.approximate(evaluation, forgetful))
    beside = evaluation.rankings[VECTOR].approximate
    assert beside is not None
    assert beside.asked == len(evaluation.chunks)
    assert len(beside.missed) == 1


def test_after_it_is_finished_an_evaluation_holds_no_index(evaluate: notes.Evaluate) -> None:
    evaluation: Evaluation = evaluate(QUESTION)
    evaluation.finish()
    assert evaluation.generation is None and evaluation.postings is None
    with pytest.raises(RuntimeError):
        evaluation.at()


def settings(**sections: Mapping[str, object]) -> Settings:
    return msgspec.convert(sections, Settings)
