"""Rungs that the rankings answer, where no engine is needed to bring them about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from membrowse.encoding.resident import ResidentEncoder
from membrowse.findings.diagnosis import Outcome
from membrowse.index.generation import Generation, no_vectors
from membrowse.index.index import Index
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.explaining.whole import Sources
from membrowse.ranking.ladder.candidacy import by_fusion, by_reranking
from membrowse.ranking.ladder.case import Case, clause, listed, sentence, where
from membrowse.ranking.ladder.cut import by_cut
from membrowse.ranking.ladder.nearness import by_vector
from membrowse.ranking.ladder.words import by_keyword
from membrowse.ranking.pipeline import Ranker
from membrowse.recall import RankingState
from membrowse.settings import (
    FusionMethod,
    FusionSettings,
    RerankMethod,
    RerankSettings,
    Settings,
)
from tests.ranking import notes

QUESTION = "which port does staging ssh use?"


@pytest.fixture(scope="module")
def evaluate(index: Index, encoder: ResidentEncoder) -> notes.Evaluate:
    return notes.Evaluate(index, encoder)


def case(evaluation: Evaluation, path: str, settings: Settings | None = None, k: int = 1) -> Case:
    row = evaluation.at().rows(path)[0]
    return Case(evaluation, row, k, Sources(settings=settings or Settings()))


def test_a_chunk_that_is_not_encoded_yet_fails_by_vector(
    evaluate: notes.Evaluate, generation: Generation
) -> None:
    rows, dimension = generation.matrix.shape
    bare = replace(generation, number=-1, vectors=no_vectors(rows, dimension))
    told = by_vector(case(evaluate(QUESTION, generation=bare), "runbooks/backup.md"))
    assert (told.outcome, told.rank) == (Outcome.FAILS, None)
    assert told.finding == "It has no vector yet: it is still to be encoded."


def test_without_an_encoder_there_is_no_vector_ranking(generation: Generation) -> None:
    ranker = Ranker(Settings())
    evaluation = ranker.analyse(generation, QUESTION, "literal")
    ranker.keyword(evaluation)
    ranker.vector(evaluation, None, RankingState.LOADING, "the encoder is loading")
    ranker.fuse(evaluation)
    one = case(evaluation, "runbooks/backup.md")
    assert by_vector(one).finding == "There is no vector ranking: the encoder is loading."
    assert by_vector(one).outcome is Outcome.FAILS


def test_a_query_without_words_fails_for_having_none(evaluate: notes.Evaluate) -> None:
    empty, sign = (case(evaluate(text), "runbooks/backup.md") for text in (" ", "?"))
    assert by_keyword(empty).outcome is Outcome.FAILS
    assert by_keyword(empty).finding == "The query has no words to look for."
    assert by_keyword(sign).outcome is by_vector(empty).outcome is Outcome.SKIPPED


def test_without_reranking_there_is_no_pool_to_be_pushed_out_of(evaluate: notes.Evaluate) -> None:
    settings = Settings(rerank=RerankSettings(method=RerankMethod.NONE))
    one = case(evaluate(QUESTION, settings=settings), "runbooks/backup.md", settings)
    fused, reranked = by_fusion(one), by_reranking(one)
    assert fused.outcome is Outcome.WEAK and "nothing is reranked" in fused.finding
    assert reranked.outcome is Outcome.SKIPPED and reranked.rank == fused.rank


def test_reciprocal_ranks_are_told_as_such(evaluate: notes.Evaluate) -> None:
    settings = Settings(fusion=FusionSettings(method=FusionMethod.RRF, weight=0.5, rrf_k=60))
    evaluation = evaluate("whose tea is with milk?", settings=settings)
    first = by_fusion(case(evaluation, "people/maintainer.md", settings))
    other = by_fusion(case(evaluation, "runbooks/backup.md", settings))
    part = f"1 / (60 + 1) × weight 0.50 = {0.5 / 61:.3f}"
    assert first.evidence == (f"keyword: #1, {part}", f"vector: #1, {part}")
    assert other.evidence[0] == "keyword: no rank, 0 × weight 0.50 = 0.000"


def test_the_cut_names_who_stands_above(evaluate: notes.Evaluate) -> None:
    evaluation = evaluate("how long are backups kept?")
    told = by_cut(case(evaluation, "people/maintainer.md", k=2), 0.0)
    assert told.outcome is Outcome.FAILS and told.rank is not None
    assert len(told.evidence) == 2
    assert told.evidence[0].startswith("#1 ")
    assert f"{told.rank - 2} places below the cut of 2" in told.finding


def test_the_same_text_in_two_notes_is_named(evaluate: notes.Evaluate) -> None:
    evaluation = evaluate("thirty days restic backups every night")
    twins = [case(evaluation, path) for path in ("runbooks/backup.md", "logs/2026-03-01.md")]
    told = max((by_cut(each, 0.0) for each in twins), key=lambda rung: rung.rank or 0)
    assert "behind a chunk that says nearly the same" in told.finding


def test_sentences_are_made_of_clauses_and_back(generation: Generation) -> None:
    assert sentence("it is #3") == "It is #3."
    assert clause("It is #3.") == "it is #3"
    assert clause("README is gone.") == "README is gone"
    assert listed(["a"]) == "“a”"
    assert listed(["a", "b", "c"]) == "“a”, “b” and “c”"
    assert listed("abcdefgh", most=2) == "“a”, “b” and 6 more"
    assert where(generation.chunks[0]).startswith("logs/2026-03-01.md:")


def test_a_sentence_leaves_a_files_name_as_it_is() -> None:
    assert sentence("it is indexed") == "It is indexed."
    assert sentence("empty.md is indexed, but holds no text").startswith("empty.md is")
