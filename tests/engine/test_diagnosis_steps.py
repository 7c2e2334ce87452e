"""Steps of a diagnosis that the rankings alone can answer, without an engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from membrowse.engine.handlers.why.steps.context import ChunkContext
from membrowse.engine.handlers.why.steps.cut import check_cut
from membrowse.engine.handlers.why.steps.finding import as_sentence, chunk_place, quoted_list
from membrowse.engine.handlers.why.steps.fused import check_fused
from membrowse.engine.handlers.why.steps.keyword import check_keyword
from membrowse.engine.handlers.why.steps.reranked import check_reranked
from membrowse.engine.handlers.why.steps.vector import check_vector
from membrowse.index.generation import Generation
from membrowse.index.vector_table import empty_vector_table
from membrowse.ranking.explanation.chunk_explanation import ExplanationSources
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.settings import FusionMethod, FusionSettings, RerankMethod, RerankSettings, Settings
from membrowse.wire.diagnosis import Outcome
from membrowse.wire.search import RankingState
from tests.conftest import ExportedEncoder
from tests.ranking import sample_notes

QUESTION = "which port does staging ssh use?"


@pytest.fixture(scope="module")
def rank_query(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[sample_notes.RankQuery]:
    encoder = exported_encoder.resident()
    index = sample_notes.indexed(tmp_path_factory.mktemp("steps") / "index", encoder)
    yield sample_notes.RankQuery(index, encoder)
    index.close()


@pytest.fixture(scope="module")
def generation(rank_query: sample_notes.RankQuery) -> Generation:
    return rank_query.index.generation


def context(
    ranked_query: RankedQuery, path: str, settings: Settings | None = None, k: int = 1
) -> ChunkContext:
    row = ranked_query.generation.rows(path)[0]
    return ChunkContext(ranked_query, row, k, ExplanationSources(settings=settings or Settings()))


def test_a_chunk_that_is_not_encoded_fails_the_vector_step(
    rank_query: sample_notes.RankQuery, generation: Generation
) -> None:
    rows, dimension = len(generation.chunks), generation.vectors.dimension
    bare = replace(generation, number=-1, vectors=empty_vector_table(rows, dimension))
    finding = check_vector(context(rank_query(QUESTION, generation=bare), "runbooks/backup.md"))
    assert (finding.outcome, finding.rank) == (Outcome.FAILS, None)
    assert finding.step().finding == "It has no vector yet: it is still to be encoded."


def test_without_an_encoder_there_is_no_vector_ranking(generation: Generation) -> None:
    ranker = Ranker(Settings())
    ranked_query = ranker.prepare(generation, QUESTION, "literal")
    ranker.keyword(ranked_query)
    ranker.vector(ranked_query, None, RankingState.LOADING, "the encoder is loading")
    ranker.fuse(ranked_query)
    one = context(ranked_query, "runbooks/backup.md")
    assert check_vector(one).step().finding == "There is no vector ranking: the encoder is loading."
    assert check_vector(one).outcome is Outcome.FAILS


def test_a_query_without_words_fails_the_keyword_step(rank_query: sample_notes.RankQuery) -> None:
    empty, sign = (context(rank_query(text), "runbooks/backup.md") for text in (" ", "?"))
    assert check_keyword(empty).outcome is Outcome.FAILS
    assert check_keyword(empty).step().finding == "The query has no words to search for."
    assert check_keyword(sign).outcome is check_vector(empty).outcome is Outcome.SKIPPED


def test_without_reranking_there_is_no_pool(
    rank_query: sample_notes.RankQuery,
) -> None:
    settings = Settings(rerank=RerankSettings(method=RerankMethod.NONE))
    one = context(rank_query(QUESTION, settings=settings), "runbooks/backup.md", settings)
    fused, reranked = check_fused(one), check_reranked(one)
    assert fused.outcome is Outcome.WEAK and "nothing is reranked" in fused.clause
    assert reranked.outcome is Outcome.SKIPPED and reranked.rank == fused.rank


def test_reciprocal_ranks_are_shown_as_evidence(rank_query: sample_notes.RankQuery) -> None:
    settings = Settings(fusion=FusionSettings(method=FusionMethod.RRF, weight=0.5, rrf_k=60))
    ranked_query = rank_query("whose tea is with milk?", settings=settings)
    first = check_fused(context(ranked_query, "people/maintainer.md", settings))
    other = check_fused(context(ranked_query, "runbooks/backup.md", settings))
    part = f"1 / (60 + 1) × weight 0.50 = {0.5 / 61:.3f}"
    assert first.evidence == (f"keyword: #1, {part}", f"vector: #1, {part}")
    assert other.evidence[0] == "keyword: not ranked, 0 × weight 0.50 = 0.000"


def test_the_cut_names_the_chunks_above(rank_query: sample_notes.RankQuery) -> None:
    ranked_query = rank_query("how long are backups kept?")
    finding = check_cut(context(ranked_query, "people/maintainer.md", k=2), 0.0)
    assert finding.outcome is Outcome.FAILS and finding.rank is not None
    assert len(finding.evidence) == 2
    assert finding.evidence[0].startswith("#1 ")
    assert f"{finding.rank - 2} places below the cut of 2" in finding.clause


def test_a_near_duplicate_above_is_named(rank_query: sample_notes.RankQuery) -> None:
    ranked_query = rank_query("thirty days restic backups every night")
    contexts = [
        context(ranked_query, path) for path in ("runbooks/backup.md", "logs/2026-03-01.md")
    ]
    finding = max(
        (check_cut(each, 0.0) for each in contexts), key=lambda finding: finding.rank or 0
    )
    assert "behind a chunk that says nearly the same" in finding.clause


def test_clauses_become_sentences(generation: Generation) -> None:
    assert as_sentence("it is #3") == "It is #3."
    assert quoted_list(["a"]) == "“a”"
    assert quoted_list(["a", "b", "c"]) == "“a”, “b” and “c”"
    assert quoted_list("abcdefgh", most=2) == "“a”, “b” and 6 more"
    assert chunk_place(generation.chunks[0]).startswith("logs/2026-03-01.md:")


def test_a_sentence_keeps_the_case_of_a_file_name() -> None:
    assert as_sentence("it is indexed") == "It is indexed."
    assert as_sentence("empty.md is indexed, but holds no text").startswith("empty.md is")
