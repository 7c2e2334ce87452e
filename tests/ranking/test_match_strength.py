"""Whether anything matches well, by figures that do not depend on the other hits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.index import Index
from membrowse.ranking.match_strength import is_weak, match_strength
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import EncoderSettings
from membrowse.wire.search import RERANKED, VECTOR, MatchStrength, RankingState
from tests.ranking import sample_notes

BUNDLED = EncoderSettings().model
PORT = "Which port does staging's ssh use?"
FAR = "Who won the chess tournament in Reykjavik?"


@pytest.fixture
def rank_query(index: Index, encoder: ResidentEncoder) -> sample_notes.RankQuery:
    return sample_notes.RankQuery(index, encoder)


def strength(ranked_query: RankedQuery) -> MatchStrength:
    found = ranked_query.rankings[RERANKED].strength
    assert found is not None
    return found


@pytest.mark.parametrize(
    "query", [PORT, "how long are backups kept?", "tea with milk", "备份几点运行"]
)
def test_a_query_that_the_notes_answer_is_not_weak(
    rank_query: sample_notes.RankQuery, query: str
) -> None:
    assert not strength(rank_query(query)).weak


@pytest.mark.parametrize(
    "query",
    [FAR, "What did Caroline paint for her grandmother?", "photosynthesis in alpine lichens"],
)
def test_a_query_about_other_matters_is_weak_although_its_best_score_is_high(
    rank_query: sample_notes.RankQuery, query: str
) -> None:
    ranked_query = rank_query(query)
    assert strength(ranked_query).weak
    reranked = ranked_query.rankings[RERANKED]
    assert reranked.scores[reranked.order[0]] > 0.6


def test_the_figures_are_the_best_cosine_and_the_best_coverage_of_the_first_five(
    rank_query: sample_notes.RankQuery,
) -> None:
    ranked_query = rank_query(PORT)
    found, postings = strength(ranked_query), ranked_query.postings
    assert found.cosine == pytest.approx(ranked_query.rankings[VECTOR].scores.max())
    total, shares = sum(postings.idf.values()), []
    for row in ranked_query.rankings[RERANKED].order[:5].tolist():
        fields = ("title", "headings", "body", "path", "tags", "date")
        has = [t for t in postings.idf if any(postings.frequency(t, f, row) for f in fields)]
        shares.append(sum(postings.idf[term] for term in has) / total)
    assert found.coverage == pytest.approx(max(shares))
    assert 0 < max(shares) <= 1


def test_an_encoder_that_is_not_measured_or_does_not_know_the_query_does_not_decide(
    rank_query: sample_notes.RankQuery,
) -> None:
    ranked_query = rank_query(PORT)
    known = strength(ranked_query)
    other = match_strength(ranked_query, "/models/other")
    ranked_query.known_share = 0.4
    unknown = match_strength(ranked_query, BUNDLED)
    assert other == unknown == MatchStrength(weak=False, cosine=None, coverage=known.coverage)


def test_nothing_is_judged_while_vectors_are_missing(rank_query: sample_notes.RankQuery) -> None:
    ranked_query = rank_query(FAR)
    vector = ranked_query.rankings[VECTOR]
    ranked_query.rankings[VECTOR] = replace(vector, state=RankingState.INDEXING)
    assert match_strength(ranked_query, BUNDLED) is None


@pytest.mark.parametrize("query", ["", "path:nowhere/ port", "path:logs/"])
def test_nothing_is_judged_without_words_or_without_a_chunk_in_scope(
    rank_query: sample_notes.RankQuery, query: str
) -> None:
    assert rank_query(query, "operators").rankings[RERANKED].strength is None


def test_without_vectors_coverage_decides(index: Index) -> None:
    ranked_query = sample_notes.RankQuery(index, None)(FAR)  # type: ignore[arg-type]
    assert strength(ranked_query) == MatchStrength(weak=True, cosine=None, coverage=0.0)


@pytest.mark.parametrize(
    ("cosine", "coverage", "chunks", "weak"),
    [
        (0.35, 0.49, 1000, True),
        (0.35, 0.51, 1000, False),
        (0.61, 0.0, 50_000, False),
        (-0.1, 1.0, 1000, True),
        (0.4, 0.18, 100, True),
        (0.4, 0.22, 100, False),
        (0.3, 0.08, 1, True),
        (0.3, 0.12, 30, False),
        (None, 0.19, 10, True),
        (None, 0.2, 10, False),
        (0.39, None, 10, True),
        (0.4, None, 10, False),
    ],
)
def test_the_rule(cosine: float | None, coverage: float | None, chunks: int, weak: bool) -> None:
    assert is_weak(cosine, coverage, chunks) is weak


def test_more_chunks_never_make_a_match_stronger() -> None:
    weak = [is_weak(0.3, 0.4, chunks) for chunks in range(1, 3000)]
    assert weak == sorted(weak) and not weak[0] and weak[-1]


def test_rows_that_contain_a_term_in_any_field(rank_query: sample_notes.RankQuery) -> None:
    ranked_query = rank_query("deploying ssh")
    rows = np.arange(len(ranked_query.chunks), dtype=np.int32)
    term = ranked_query.query.terms[0].term
    contained = ranked_query.postings.contained(term, rows)
    paths = {ranked_query.chunks[row].path for row in rows[contained].tolist()}
    assert paths == {"runbooks/deploy.md"}
