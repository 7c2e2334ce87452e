"""Locating targets and matching them with a ranked query."""

from __future__ import annotations

import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.targets import (
    LocatedTarget,
    TargetChunks,
    best_rank,
    best_row,
    locate,
    match_target,
    target_label,
)
from membrowse.wire.notes import NoteState
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, Target, TargetMatch
from tests.ranking import sample_notes

DEPLOY, BACKUP = "runbooks/deploy.md", "runbooks/backup.md"


@pytest.fixture
def ranked_query(index: Index, encoder: ResidentEncoder) -> RankedQuery:
    return sample_notes.RankQuery(index, encoder)("which port does staging ssh use?")


def found(generation: Generation, target: Target) -> list[tuple[str, int]]:
    """Path and position of the chunks that can represent `target`."""
    chunks = [generation.chunks[row] for row in locate(generation, target).rows]
    return [(chunk.path, chunk.position) for chunk in chunks]


def located(chunks: TargetChunks, **given: object) -> LocatedTarget:
    return LocatedTarget(label="it", chunks=chunks, k=2, **given)  # type: ignore[arg-type]


def test_a_path_is_represented_by_the_notes_best_chunk(
    generation: Generation, ranked_query: RankedQuery
) -> None:
    chunks = locate(generation, Target(path=DEPLOY))
    assert [generation.chunks[row].path for row in chunks.rows] == [DEPLOY, DEPLOY]
    row = best_row(ranked_query, chunks.rows)
    assert row is not None and "2222" in generation.chunks[row].text
    ranks = ranked_query.rankings[RERANKED].ranks
    assert (
        best_rank(ranked_query, chunks.rows) == min(ranks[list(chunks.rows)].tolist()) == ranks[row]
    )


def test_the_best_chunk_is_known_before_the_last_ranking(
    generation: Generation, ranked_query: RankedQuery
) -> None:
    chunks = locate(generation, Target(path=DEPLOY))
    del ranked_query.rankings[RERANKED]
    row = best_row(ranked_query, chunks.rows)
    assert row is not None
    assert ranked_query.rankings[FUSED].ranks[row] == best_rank(ranked_query, chunks.rows, FUSED)


def test_a_line_is_represented_by_the_nearest_chunk(
    generation: Generation,
) -> None:
    first, second = (generation.chunks[row] for row in generation.rows(DEPLOY))
    assert found(generation, Target(path=DEPLOY, line=first.end_line)) == [(DEPLOY, 0)]
    assert found(generation, Target(path=DEPLOY, line=second.start_line)) == [(DEPLOY, 1)]
    beyond = locate(generation, Target(path=DEPLOY, line=9000))
    assert found(generation, Target(path=DEPLOY, line=9000)) == [(DEPLOY, 1)]
    assert "covers line 9000" in beyond.reason


def test_a_text_is_found_regardless_of_case_and_white_space(generation: Generation) -> None:
    text = "kept FOR\n  thirty days.   restore with"
    assert found(generation, Target(path=BACKUP, text=text)) == [(BACKUP, 0)]
    assert found(generation, Target(text=text)) == [("logs/2026-03-01.md", 0), (BACKUP, 0)]
    assert found(generation, Target(text="晚上 两点")) == [("中文.md", 0)]
    assert found(generation, Target(path=DEPLOY, text=text)) == []


def test_a_split_text_is_represented_by_the_chunk_with_most_of_it(
    generation: Generation,
) -> None:
    chunks = locate(generation, Target(path=DEPLOY, text="on a Friday. Roll back with `release"))
    assert chunks.split is not None and len(chunks.split.rows) == 2
    assert [generation.chunks[row].position for row in chunks.rows] == [1]
    assert chunks.split.shares == (len("onaFriday."), len("Rollbackwith`release"))
    assert "split" in chunks.reason


def test_an_edited_chunk_is_represented_by_its_successor(
    generation: Generation,
) -> None:
    live = generation.chunks[0]
    chunks = locate(generation, Target(chunk="gone"), {"gone": live.id}.get)
    assert chunks == TargetChunks((0,), live.path)
    lost = locate(generation, Target(chunk="gone"))
    assert not lost.rows and "no longer" in lost.reason
    text = Target(chunk="gone", path=live.path, text="was never written")
    assert locate(generation, text, {"gone": live.id}.get).rows == (0,)


def test_a_match_reports_ranks_and_the_cut(
    generation: Generation, ranked_query: RankedQuery
) -> None:
    first = int(ranked_query.rankings[RERANKED].order[0])
    third = int(ranked_query.rankings[RERANKED].order[2])
    match = match_target(ranked_query, located(TargetChunks((first,), "")))
    assert match.passes and match.hit is not None and match.hit.rank == 1
    assert match.hit.ranks[KEYWORD] == ranked_query.rankings[KEYWORD].ranks[first]
    assert not match_target(
        ranked_query, located(TargetChunks((first,), ""), min_score=99.0)
    ).passes
    assert not match_target(ranked_query, located(TargetChunks((third,), ""))).passes


def test_an_unindexed_target_has_state_and_reason(ranked_query: RankedQuery) -> None:
    chunks = TargetChunks((), "a.md", "a.md is not indexed")
    match = match_target(ranked_query, located(chunks, state=NoteState.IGNORED, reason="by a rule"))
    assert match == TargetMatch(
        label="it", hit=None, k=2, passes=False, state=NoteState.IGNORED, reason="by a rule"
    )


def test_a_target_is_named_in_a_few_words(generation: Generation) -> None:
    assert target_label(Target(path="a.md", line=14)) == "a.md:14"
    assert target_label(Target(path="a.md", text="x")) == "a.md"
    assert target_label(Target(text="  some\nwords ")) == "“some words”"
    assert len(target_label(Target(text="word " * 40))) <= 50
    assert target_label(Target(chunk="x"), generation.chunks[0]).startswith("logs/2026-03-01.md:")
