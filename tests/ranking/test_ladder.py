"""Rungs that the rankings answer, where no engine is needed to bring them about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.engine.handlers.why.steps.context import ChunkContext
from membrowse.engine.handlers.why.steps.cut import check_cut
from membrowse.engine.handlers.why.steps.finding import listed, sentence, where
from membrowse.engine.handlers.why.steps.fused import check_fused
from membrowse.engine.handlers.why.steps.keyword import check_keyword
from membrowse.engine.handlers.why.steps.reranked import check_reranked
from membrowse.engine.handlers.why.steps.vector import check_vector
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.index.vector_table import empty_vector_table
from membrowse.ranking.explanation.explain import Sources
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.settings import FusionMethod, FusionSettings, RerankMethod, RerankSettings, Settings
from membrowse.wire.diagnosis import Outcome
from membrowse.wire.search import RankingState
from tests.ranking import notes

QUESTION = "which port does staging ssh use?"


@pytest.fixture(scope="module")
def evaluate(index: Index, encoder: ResidentEncoder) -> notes.Evaluate:
    return notes.Evaluate(index, encoder)


def case(
    ranked_query: RankedQuery, path: str, settings: Settings | None = None, k: int = 1
) -> ChunkContext:
    row = ranked_query.at().rows(path)[0]
    return ChunkContext(ranked_query, row, k, Sources(settings=settings or Settings()))


def test_a_chunk_that_is_not_encoded_yet_fails_by_vector(
    evaluate: notes.Evaluate, generation: Generation
) -> None:
    rows, dimension = generation.matrix.shape
    bare = replace(generation, number=-1, vectors=empty_vector_table(rows, dimension))
    told = check_vector(case(evaluate(QUESTION, generation=bare), "runbooks/backup.md"))
    assert (told.outcome, told.rank) == (Outcome.FAILS, None)
    assert told.step().finding == "It has no vector yet: it is still to be encoded."


def test_without_an_encoder_there_is_no_vector_ranking(generation: Generation) -> None:
    ranker = Ranker(Settings())
    ranked_query = ranker.analyse(generation, QUESTION, "literal")
    ranker.keyword(ranked_query)
    ranker.vector(ranked_query, None, RankingState.LOADING, "the encoder is loading")
    ranker.fuse(ranked_query)
    one = case(ranked_query, "runbooks/backup.md")
    assert check_vector(one).step().finding == "There is no vector ranking: the encoder is loading."
    assert check_vector(one).outcome is Outcome.FAILS


def test_a_query_without_words_fails_for_having_none(evaluate: notes.Evaluate) -> None:
    empty, sign = (case(evaluate(text), "runbooks/backup.md") for text in (" ", "?"))
    assert check_keyword(empty).outcome is Outcome.FAILS
    assert check_keyword(empty).step().finding == "The query has no words to look for."
    assert check_keyword(sign).outcome is check_vector(empty).outcome is Outcome.SKIPPED


def test_without_reranking_there_is_no_pool_to_be_pushed_out_of(evaluate: notes.Evaluate) -> None:
    settings = Settings(rerank=RerankSettings(method=RerankMethod.NONE))
    one = case(evaluate(QUESTION, settings=settings), "runbooks/backup.md", settings)
    fused, reranked = check_fused(one), check_reranked(one)
    assert fused.outcome is Outcome.WEAK and "nothing is reranked" in fused.clause
    assert reranked.outcome is Outcome.SKIPPED and reranked.rank == fused.rank


def test_reciprocal_ranks_are_told_as_such(evaluate: notes.Evaluate) -> None:
    settings = Settings(fusion=FusionSettings(method=FusionMethod.RRF, weight=0.5, rrf_k=60))
    ranked_query = evaluate("whose tea is with milk?", settings=settings)
    first = check_fused(case(ranked_query, "people/maintainer.md", settings))
    other = check_fused(case(ranked_query, "runbooks/backup.md", settings))
    part = f"1 / (60 + 1) × weight 0.50 = {0.5 / 61:.3f}"
    assert first.evidence == (f"keyword: #1, {part}", f"vector: #1, {part}")
    assert other.evidence[0] == "keyword: no rank, 0 × weight 0.50 = 0.000"


def test_the_cut_names_who_stands_above(evaluate: notes.Evaluate) -> None:
    ranked_query = evaluate("how long are backups kept?")
    told = check_cut(case(ranked_query, "people/maintainer.md", k=2), 0.0)
    assert told.outcome is Outcome.FAILS and told.rank is not None
    assert len(told.evidence) == 2
    assert told.evidence[0].startswith("#1 ")
    assert f"{told.rank - 2} places below the cut of 2" in told.clause


def test_the_same_text_in_two_notes_is_named(evaluate: notes.Evaluate) -> None:
    ranked_query = evaluate("thirty days restic backups every night")
    twins = [case(ranked_query, path) for path in ("runbooks/backup.md", "logs/2026-03-01.md")]
    told = max((check_cut(each, 0.0) for each in twins), key=lambda rung: rung.rank or 0)
    assert "behind a chunk that says nearly the same" in told.clause


def test_sentences_are_made_of_clauses(generation: Generation) -> None:
    assert sentence("it is #3") == "It is #3."
    assert listed(["a"]) == "“a”"
    assert listed(["a", "b", "c"]) == "“a”, “b” and “c”"
    assert listed("abcdefgh", most=2) == "“a”, “b” and 6 more"
    assert where(generation.chunks[0]).startswith("logs/2026-03-01.md:")


def test_a_sentence_leaves_a_files_name_as_it_is() -> None:
    assert sentence("it is indexed") == "It is indexed."
    assert sentence("empty.md is indexed, but holds no text").startswith("empty.md is")
