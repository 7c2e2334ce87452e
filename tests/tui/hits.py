"""Hits and rankings made by hand."""

from __future__ import annotations

import msgspec

from membrowse.wire.search import (
    FUSED,
    KEYWORD,
    RERANKED,
    VECTOR,
    Hit,
    Query,
    Ranking,
    RankingState,
)
from membrowse.wire.search import SearchResponse as RecallValue

A_HIT = Hit(
    rank=3,
    chunk="c3",
    path="decisions/ssh.md",
    title="SSH moved",
    heading="Decision",
    start_line=14,
    end_line=18,
    start_offset=0,
    end_offset=90,
    date="2026-07-17",
    indexed_at="2026-07-20T10:00:00Z",
    ranks={KEYWORD: 9, VECTOR: None, FUSED: 4, RERANKED: 3},
    scores={KEYWORD: 7.1, VECTOR: None, FUSED: 0.5, RERANKED: 0.64},
    score=0.64,
    snippet="The ssh daemon listens",
)


def a_hit(**changes: object) -> Hit:
    """A hit like any other, but for `changes`."""
    return msgspec.structs.replace(A_HIT, **changes)


def hits(ranking: str, chunks: str) -> tuple[Hit, ...]:
    """A hit for each letter of `chunks`, which is its chunk's id, ranked as they stand."""
    return tuple(
        a_hit(
            rank=rank,
            chunk=chunk,
            ranks={KEYWORD: None, VECTOR: None, FUSED: None, RERANKED: None, ranking: rank},
            score=1 / rank,
        )
        for rank, chunk in enumerate(chunks, 1)
    )


def a_ranking(name: str, chunks: str, **changes: object) -> Ranking:
    """A ranking of these chunks."""
    ranking = Ranking(state=RankingState.READY, total=len(chunks), hits=hits(name, chunks))
    return msgspec.structs.replace(ranking, **changes)


def a_recall(number: int, *, complete: bool = True, name: str = "r", **chunks: str) -> RecallValue:
    """A recall whose rankings hold these chunks: `a_recall(1, keyword="abc")`."""
    return RecallValue(
        id=f"{name}{number}",
        asked_at="2026-07-20T10:00:00Z",
        client="tui",
        query=Query(text="q", syntax="literal"),
        folder="/",
        generation=1,
        notes=1,
        chunks=9,
        pending=0,
        settings_digest="",
        rankings={ranking: a_ranking(ranking, ids) for ranking, ids in chunks.items()},
        complete=complete,
        number=number,
    )
