"""Which chunk stands for what a person expects, and where it stands."""

from __future__ import annotations

import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.targets import (
    LocatedTarget,
    TargetChunks,
    best,
    label,
    locate,
    match_target,
    rank_of,
)
from membrowse.wire.notes import NoteState
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, Target, TargetMatch
from tests.ranking import notes

DEPLOY, BACKUP = "runbooks/deploy.md", "runbooks/backup.md"


@pytest.fixture
def ranked_query(index: Index, encoder: ResidentEncoder) -> RankedQuery:
    return notes.Evaluate(index, encoder)("which port does staging ssh use?")


def found(generation: Generation, target: Target) -> list[tuple[str, int]]:
    """Path and position of the chunks that can stand for `target`."""
    chunks = [generation.chunks[row] for row in locate(generation, target).rows]
    return [(chunk.path, chunk.position) for chunk in chunks]


def sought(place: TargetChunks, **given: object) -> LocatedTarget:
    return LocatedTarget(label="it", chunks=place, k=2, **given)  # type: ignore[arg-type]


def test_a_path_alone_is_stood_for_by_the_notes_best_chunk(
    generation: Generation, ranked_query: RankedQuery
) -> None:
    place = locate(generation, Target(path=DEPLOY))
    assert [generation.chunks[row].path for row in place.rows] == [DEPLOY, DEPLOY]
    row = best(ranked_query, place.rows)
    assert row is not None and "2222" in generation.chunks[row].text
    ranks = ranked_query.rankings[RERANKED].ranks
    assert rank_of(ranked_query, place.rows) == min(ranks[list(place.rows)].tolist()) == ranks[row]


def test_the_best_chunk_is_known_before_the_last_ranking_is(
    generation: Generation, ranked_query: RankedQuery
) -> None:
    place = locate(generation, Target(path=DEPLOY))
    del ranked_query.rankings[RERANKED]
    row = best(ranked_query, place.rows)
    assert row is not None
    assert ranked_query.rankings[FUSED].ranks[row] == rank_of(ranked_query, place.rows, FUSED)


def test_a_line_is_stood_for_by_the_chunk_that_covers_it_or_the_nearest(
    generation: Generation,
) -> None:
    first, second = (generation.chunks[row] for row in generation.rows(DEPLOY))
    assert found(generation, Target(path=DEPLOY, line=first.end_line)) == [(DEPLOY, 0)]
    assert found(generation, Target(path=DEPLOY, line=second.start_line)) == [(DEPLOY, 1)]
    beyond = locate(generation, Target(path=DEPLOY, line=9000))
    assert found(generation, Target(path=DEPLOY, line=9000)) == [(DEPLOY, 1)]
    assert "covers line 9000" in beyond.reason


def test_a_text_is_found_whatever_its_case_and_white_space(generation: Generation) -> None:
    text = "kept FOR\n  thirty days.   restore with"
    assert found(generation, Target(path=BACKUP, text=text)) == [(BACKUP, 0)]
    assert found(generation, Target(text=text)) == [("logs/2026-03-01.md", 0), (BACKUP, 0)]
    assert found(generation, Target(text="晚上 两点")) == [("中文.md", 0)]
    assert found(generation, Target(path=DEPLOY, text=text)) == []


def test_a_text_across_two_chunks_is_told_with_the_one_that_holds_most(
    generation: Generation,
) -> None:
    place = locate(generation, Target(path=DEPLOY, text="on a Friday. Roll back with `release"))
    assert place.split is not None and len(place.split.rows) == 2
    assert [generation.chunks[row].position for row in place.rows] == [1]
    assert place.split.shares == (len("onaFriday."), len("Rollbackwith`release"))
    assert "split" in place.reason


def test_a_chunk_that_was_edited_away_is_stood_for_by_its_successor(
    generation: Generation,
) -> None:
    live = generation.chunks[0]
    place = locate(generation, Target(chunk="gone"), {"gone": live.id}.get)
    assert place == TargetChunks((0,), live.path)
    lost = locate(generation, Target(chunk="gone"))
    assert not lost.rows and "no longer" in lost.reason
    text = Target(chunk="gone", path=live.path, text="was never written")
    assert locate(generation, text, {"gone": live.id}.get).rows == (0,)


def test_what_is_expected_is_told_with_its_ranks_and_the_cut(
    generation: Generation, ranked_query: RankedQuery
) -> None:
    first = int(ranked_query.rankings[RERANKED].order[0])
    third = int(ranked_query.rankings[RERANKED].order[2])
    told = match_target(ranked_query, sought(TargetChunks((first,), "")))
    assert told.passes and told.hit is not None and told.hit.rank == 1
    assert told.hit.ranks[KEYWORD] == ranked_query.rankings[KEYWORD].ranks[first]
    assert not match_target(ranked_query, sought(TargetChunks((first,), ""), min_score=99.0)).passes
    assert not match_target(ranked_query, sought(TargetChunks((third,), ""))).passes


def test_what_is_not_indexed_is_told_with_state_and_reason(ranked_query: RankedQuery) -> None:
    place = TargetChunks((), "a.md", "a.md is not indexed")
    told = match_target(ranked_query, sought(place, state=NoteState.IGNORED, reason="by a rule"))
    assert told == TargetMatch(
        label="it", hit=None, k=2, passes=False, state=NoteState.IGNORED, reason="by a rule"
    )


def test_a_target_is_named_in_a_few_words(generation: Generation) -> None:
    assert label(Target(path="a.md", line=14)) == "a.md:14"
    assert label(Target(path="a.md", text="x")) == "a.md"
    assert label(Target(text="  some\nwords ")) == "“some words”"
    assert len(label(Target(text="word " * 40))) <= 50
    assert label(Target(chunk="x"), generation.chunks[0]).startswith("logs/2026-03-01.md:")
