"""Evaluations as the answers that clients get."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from membrowse.encoding.resident import ResidentEncoder
from membrowse.index.index import Index
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.pipeline import Ranker
from membrowse.ranking.results import Asked, page, recall
from membrowse.recall import FUSED, KEYWORD, RANKINGS, RERANKED, VECTOR, Freshness, Recall
from membrowse.settings import Settings
from tests.ranking import notes

ASKED = Asked(
    recall="r1",
    asked_at="2026-03-02T12:00:00Z",
    client="test",
    folder="/notes",
    settings_digest="d",
    limit=4,
    number=7,
)


@pytest.fixture
def evaluation(index: Index, encoder: ResidentEncoder) -> Evaluation:
    return notes.Evaluate(index, encoder)("which port does staging ssh use?")


def test_a_recall_holds_the_first_hits_of_every_ranking(evaluation: Evaluation) -> None:
    answer = recall(evaluation, ASKED, pending=3)
    assert (answer.recall, answer.number, answer.pending) == ("r1", 7, 3)
    assert (answer.notes, answer.chunks) == (len(evaluation.notes), len(evaluation.chunks))
    assert list(answer.rankings) == list(RANKINGS)
    for name, ranking in answer.rankings.items():
        assert len(ranking.hits) == min(4, ranking.total)
        for rank, hit in enumerate(ranking.hits, 1):
            row = evaluation.row_of[hit.chunk]
            assert hit.rank == hit.ranks[name] == rank
            assert hit.score == hit.scores[name]
            assert hit.ranks[FUSED] == evaluation.rankings[FUSED].ranks[row]
            assert (hit.start_line, hit.end_line) == (
                evaluation.chunks[row].start_line,
                evaluation.chunks[row].end_line,
            )
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Recall) == answer


def test_a_chunk_that_matches_no_word_has_no_keyword_rank(evaluation: Evaluation) -> None:
    last = page(evaluation, FUSED, len(evaluation.chunks) - 1, 10).hits[0]
    assert last.ranks[KEYWORD] is None and last.scores[KEYWORD] is None
    assert last.rank == len(evaluation.chunks)


def test_pages_go_on_to_the_end(evaluation: Evaluation) -> None:
    pages = [page(evaluation, VECTOR, offset, 3) for offset in range(0, 12, 3)]
    hits = [hit for each in pages for hit in each.hits]
    assert [hit.rank for hit in hits] == list(range(1, len(evaluation.chunks) + 1))
    assert [evaluation.row_of[hit.chunk] for hit in hits] == evaluation.rankings[
        VECTOR
    ].order.tolist()
    with pytest.raises(KeyError):
        page(evaluation, "unheard of", 0, 3)


def test_hits_that_were_not_reranked_have_a_rank_and_no_score_of_their_own(
    index: Index, encoder: ResidentEncoder
) -> None:
    settings = msgspec.convert({"rerank": {"pool": 2}}, Settings)
    evaluation = notes.Evaluate(index, encoder)("staging port", settings=settings)
    hits = page(evaluation, RERANKED, 0, 5).hits
    assert [hit.scores[RERANKED] is None for hit in hits] == [False, False, True, True, True]
    assert hits[3].score == hits[3].scores[FUSED]


def test_tracked_chunks_are_found_wherever_they_are(evaluation: Evaluation) -> None:
    last = evaluation.chunks[int(evaluation.rankings[RERANKED].order[-1])].id
    tracking = replace(ASKED, track=(last, "old", "x"))
    answer = recall(evaluation, tracking, successor={"old": last, "x": None}.get)
    assert set(answer.tracked) == {last, "old"}
    assert answer.tracked["old"].chunk == last
    assert answer.tracked[last].rank == len(evaluation.chunks)


def test_an_answer_that_is_not_complete_holds_what_is_finished(index: Index) -> None:
    ranker = Ranker(Settings())
    evaluation = ranker.analyse(index.generation, "staging", "literal")
    assert recall(evaluation, ASKED, complete=False).rankings == {}
    ranker.keyword(evaluation)
    answer = recall(evaluation, ASKED, complete=False)
    assert list(answer.rankings) == [KEYWORD]
    assert list(answer.rankings[KEYWORD].hits[0].ranks) == [KEYWORD]
    assert not answer.complete


def test_hits_say_how_fresh_their_note_is(evaluation: Evaluation) -> None:
    def freshness_of(path: str) -> Freshness:
        return Freshness.DELETED if path.startswith("logs/") else Freshness.CURRENT

    for hit in recall(evaluation, ASKED, freshness_of=freshness_of).rankings[FUSED].hits:
        assert (hit.freshness is Freshness.DELETED) == hit.path.startswith("logs/")


def test_snippets_mark_the_words_of_the_query(evaluation: Evaluation) -> None:
    hit = page(evaluation, KEYWORD, 0, 1).hits[0]
    assert {hit.snippet[start:end].lower() for start, end in hit.marks} >= {"staging", "port"}


def test_pages_can_be_had_after_the_index_is_let_go(evaluation: Evaluation) -> None:
    before = page(evaluation, RERANKED, 0, 5)
    evaluation.finish()
    assert page(evaluation, RERANKED, 0, 5) == before
