"""Ranked queries as search responses."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.index import Index
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.ranking.search_response import SearchContext, page, search_response
from membrowse.settings import Settings
from membrowse.wire.notes import Freshness
from membrowse.wire.search import (
    FUSED,
    KEYWORD,
    RANKINGS,
    RERANKED,
    VECTOR,
    RankingState,
    SearchResponse,
)
from tests.ranking import sample_notes

CONTEXT = SearchContext(
    id="r1",
    asked_at="2026-03-02T12:00:00Z",
    client="test",
    folder="/notes",
    settings_digest="d",
    limit=4,
    number=7,
)


@pytest.fixture
def ranked_query(index: Index, encoder: ResidentEncoder) -> RankedQuery:
    return sample_notes.RankQuery(index, encoder)("which port does staging ssh use?")


def test_a_response_contains_the_first_hits_of_every_ranking(ranked_query: RankedQuery) -> None:
    answer = search_response(ranked_query, CONTEXT, pending=3)
    assert (answer.id, answer.number, answer.pending) == ("r1", 7, 3)
    assert (answer.notes, answer.chunks) == (len(ranked_query.notes), len(ranked_query.chunks))
    assert list(answer.rankings) == list(RANKINGS)
    for name, ranking in answer.rankings.items():
        assert len(ranking.hits) == min(4, ranking.total)
        for rank, hit in enumerate(ranking.hits, 1):
            row = ranked_query.row_of[hit.chunk]
            assert hit.rank == hit.ranks[name] == rank
            assert hit.score == hit.scores[name]
            assert hit.ranks[FUSED] == ranked_query.rankings[FUSED].ranks[row]
            assert (hit.start_line, hit.end_line) == (
                ranked_query.chunks[row].start_line,
                ranked_query.chunks[row].end_line,
            )
    assert msgspec.json.decode(msgspec.json.encode(answer), type=SearchResponse) == answer


def test_no_ranking_is_ready_while_the_folder_is_read(ranked_query: RankedQuery) -> None:
    answer = search_response(ranked_query, CONTEXT, still_to_read="3 notes still to read")
    assert answer.reading and answer.query.partial
    assert list(answer.rankings) == list(RANKINGS)
    for ranking in answer.rankings.values():
        assert (ranking.state, ranking.message) == (RankingState.INDEXING, "3 notes still to read")
        assert ranking.hits and ranking.strength is None
    final = search_response(ranked_query, CONTEXT)
    assert not final.reading and not final.query.partial
    assert {ranking.state for ranking in final.rankings.values()} == {RankingState.READY}


def test_terms_are_reported_as_typed(index: Index, encoder: ResidentEncoder) -> None:
    terms = sample_notes.RankQuery(index, encoder)("Backups, deployed to staging").query.terms
    assert [term.typed for term in terms] == ["Backups", "deployed", "staging"]
    assert [term.term for term in terms] == ["backup", "deploy", "stage"]


def test_a_chunk_without_matches_has_no_keyword_rank(ranked_query: RankedQuery) -> None:
    last = page(ranked_query, FUSED, len(ranked_query.chunks) - 1, 10).hits[0]
    assert last.ranks[KEYWORD] is None and last.scores[KEYWORD] is None
    assert last.rank == len(ranked_query.chunks)


def test_pages_cover_the_whole_ranking(ranked_query: RankedQuery) -> None:
    pages = [page(ranked_query, VECTOR, offset, 3) for offset in range(0, 12, 3)]
    hits = [hit for each in pages for hit in each.hits]
    assert [hit.rank for hit in hits] == list(range(1, len(ranked_query.chunks) + 1))
    assert [ranked_query.row_of[hit.chunk] for hit in hits] == ranked_query.rankings[
        VECTOR
    ].order.tolist()
    with pytest.raises(KeyError):
        page(ranked_query, "unheard of", 0, 3)


def test_hits_beyond_the_pool_have_a_rank_but_no_own_score(
    index: Index, encoder: ResidentEncoder
) -> None:
    settings = msgspec.convert({"rerank": {"pool": 2}}, Settings)
    ranked_query = sample_notes.RankQuery(index, encoder)("staging port", settings=settings)
    hits = page(ranked_query, RERANKED, 0, 5).hits
    assert [hit.scores[RERANKED] is None for hit in hits] == [False, False, True, True, True]
    assert hits[3].score == hits[3].scores[FUSED]


def test_tracked_chunks_are_included_wherever_they_rank(ranked_query: RankedQuery) -> None:
    last = ranked_query.chunks[int(ranked_query.rankings[RERANKED].order[-1])].id
    tracking = replace(CONTEXT, track=(last, "old", "x"))
    answer = search_response(ranked_query, tracking, successor={"old": last, "x": None}.get)
    assert set(answer.tracked) == {last, "old"}
    assert answer.tracked["old"].chunk == last
    assert answer.tracked[last].rank == len(ranked_query.chunks)


def test_an_incomplete_response_contains_finished_rankings(index: Index) -> None:
    ranker = Ranker(Settings())
    ranked_query = ranker.prepare(index.generation, "staging", "literal")
    assert search_response(ranked_query, CONTEXT, complete=False).rankings == {}
    ranker.keyword(ranked_query)
    answer = search_response(ranked_query, CONTEXT, complete=False)
    assert list(answer.rankings) == [KEYWORD]
    assert list(answer.rankings[KEYWORD].hits[0].ranks) == [KEYWORD]
    assert not answer.complete


def test_hits_report_the_freshness_of_their_note(ranked_query: RankedQuery) -> None:
    def freshness_of(path: str) -> Freshness:
        return Freshness.DELETED if path.startswith("logs/") else Freshness.CURRENT

    answer = search_response(ranked_query, CONTEXT, freshness_of=freshness_of)
    hits = answer.rankings[FUSED].hits
    assert [hit.freshness for hit in hits] == [freshness_of(hit.path) for hit in hits]
    assert {hit.freshness for hit in hits} == {Freshness.DELETED, Freshness.CURRENT}


def test_snippets_mark_the_words_of_the_query(ranked_query: RankedQuery) -> None:
    hit = page(ranked_query, KEYWORD, 0, 1).hits[0]
    assert {hit.snippet[start:end].lower() for start, end in hit.marks} >= {"staging", "port"}


def test_pages_are_available_after_the_index_is_released(ranked_query: RankedQuery) -> None:
    before = page(ranked_query, RERANKED, 0, 5)
    ranked_query.finish()
    assert page(ranked_query, RERANKED, 0, 5) == before
