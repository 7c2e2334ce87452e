"""Build search responses from a ranked query: hits with their ranks, scores and snippets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from membrowse.notes.conflict_copies import copied_note
from membrowse.ranking.chunk_ranking import ChunkRanking
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.snippets import Snippet
from membrowse.wire.notes import Freshness
from membrowse.wire.search import (
    RANKINGS,
    RERANKED,
    Hit,
    Ranking,
    RankingState,
    SearchResponse,
    TargetMatch,
)


@dataclass(frozen=True, slots=True)
class SearchContext:
    """What the engine knows of a search besides its ranked query."""

    id: str
    """Identifies the response, also for requests of further pages."""
    asked_at: str
    client: str
    folder: str
    settings_digest: str
    limit: int = 100
    """Hits per ranking."""
    track: tuple[str, ...] = ()
    """Chunk ids whose hits are included wherever they rank."""
    number: int = 0
    texts: bool = False
    """Whether hits carry the text of their chunk."""


FreshnessOf = Callable[[str], Freshness]
"""A note's path to its freshness compared with the file on disk."""


def search_response(
    ranked_query: RankedQuery,
    context: SearchContext,
    *,
    pending: int = 0,
    complete: bool = True,
    freshness_of: FreshnessOf = lambda path: Freshness.CURRENT,
    successor: Callable[[str], str | None] = lambda chunk: None,
    target: TargetMatch | None = None,
    still_to_read: str = "",
) -> SearchResponse:
    """Return the response so far: finished rankings, with `context.limit` hits each.

    `still_to_read` says what the index lacks while the folder is read for the first time.
    """
    hits = _Hits(ranked_query, freshness_of, texts=context.texts)
    names = [name for name in RANKINGS if name in ranked_query.rankings]
    rankings = hits.rankings(names, 0, context.limit)
    query = ranked_query.query
    if still_to_read:
        query = msgspec.structs.replace(query, partial=True)
        rankings = {
            name: _unfinished_ranking(each, still_to_read) for name, each in rankings.items()
        }
    return SearchResponse(
        id=context.id,
        asked_at=context.asked_at,
        client=context.client,
        query=query,
        folder=context.folder,
        generation=ranked_query.generation_number,
        notes=len(ranked_query.notes),
        chunks=len(ranked_query.chunks),
        pending=pending,
        settings_digest=context.settings_digest,
        rankings=rankings,
        complete=complete,
        tracked=hits.tracked(context.track, successor),
        number=context.number,
        target=target,
        reading=bool(still_to_read),
    )


def _unfinished_ranking(ranking: Ranking, still_to_read: str) -> Ranking:
    """`ranking` as one of an index that lacks notes: it is not ready, and matches may follow."""
    if ranking.state is not RankingState.READY:
        return msgspec.structs.replace(ranking, strength=None)
    return msgspec.structs.replace(
        ranking, state=RankingState.INDEXING, message=still_to_read, strength=None
    )


def page(
    ranked_query: RankedQuery,
    name: str,
    offset: int,
    limit: int,
    freshness_of: FreshnessOf = lambda path: Freshness.CURRENT,
) -> Ranking:
    """Return `limit` hits of the ranking `name` after the first `offset`.

    Raises `KeyError` if there is no such ranking (yet).
    """
    hits = _Hits(ranked_query, freshness_of)
    return hits.rankings([name], max(0, offset), max(0, limit))[name]


def hit_at(
    ranked_query: RankedQuery,
    row: int,
    freshness_of: FreshnessOf = lambda path: Freshness.CURRENT,
) -> Hit:
    """Return the chunk at `row` as a hit of the last ranking; rank and score 0 if unranked."""
    return _Hits(ranked_query, freshness_of).in_last(row)


class _Hits:
    """Builds hits; data common to a chunk's hits in all rankings is built once."""

    def __init__(
        self, ranked_query: RankedQuery, freshness_of: FreshnessOf, *, texts: bool = False
    ) -> None:
        self._ranked_query = ranked_query
        self._texts = texts
        self._freshness_of = freshness_of
        self._common: dict[int, dict[str, object]] = {}
        self._copied_note = lru_cache(maxsize=None)(
            lambda path: copied_note(path, ranked_query.notes)
        )

    def rankings(self, names: Iterable[str], offset: int, limit: int) -> dict[str, Ranking]:
        """Return the rankings `names` with their hits after the first `offset`."""
        rankings = self._ranked_query.rankings
        rows = {name: rankings[name].order[offset : offset + limit].tolist() for name in names}
        self._prepare({row for ranking_rows in rows.values() for row in ranking_rows})
        return {name: self._ranking(rankings[name], rows[name], offset) for name in names}

    def _ranking(self, ranking: ChunkRanking, rows: list[int], offset: int) -> Ranking:
        scores = ranking.scores[rows].tolist() if rows else []
        ranked = enumerate(zip(rows, scores, strict=True), offset + 1)
        return Ranking(
            state=ranking.state,
            message=ranking.message,
            took_ms=round(ranking.took_ms, 3),
            total=ranking.total,
            exact=ranking.complete,
            hits=tuple(
                self._hit_at(row, rank, score, exact=not ranking.is_lower_bound(row))
                for rank, (row, score) in ranked
            ),
            pool=ranking.pool,
            cached=ranking.cached,
            approximate=ranking.approximate,
            strength=ranking.strength,
        )

    def tracked(
        self, chunks: Iterable[str], successor: Callable[[str], str | None]
    ) -> dict[str, Hit]:
        """Return hits of the chunks (or their successors) in the last ranking with any hits."""
        last = self._last()
        if last is None:
            return {}
        row_of = self._ranked_query.row_of
        rows: dict[str, int] = {}
        for chunk in chunks:
            live = chunk if chunk in row_of else successor(chunk)
            row = row_of.get(live) if live else None
            if row is not None and last.ranks[row]:
                rows[chunk] = row
        self._prepare(rows.values())
        return {chunk: self._in_ranking(row, last) for chunk, row in rows.items()}

    def in_last(self, row: int) -> Hit:
        """Return the chunk at `row` as a hit of the last ranking with any hits."""
        self._prepare([row])
        last = self._last()
        if last is None or not last.ranks[row]:
            return self._hit_at(row, 0, 0.0)
        return self._in_ranking(row, last)

    def _last(self) -> ChunkRanking | None:
        rankings = (self._ranked_query.rankings.get(name) for name in reversed(RANKINGS))
        return next((ranking for ranking in rankings if ranking and ranking.total), None)

    def _in_ranking(self, row: int, ranking: ChunkRanking) -> Hit:
        exact = not ranking.is_lower_bound(row)
        return self._hit_at(row, int(ranking.ranks[row]), float(ranking.scores[row]), exact=exact)

    def _hit_at(self, row: int, rank: int, score: float, *, exact: bool = True) -> Hit:
        common = self._common[row]
        return Hit(rank=rank, score=score, exact=exact, **common)  # type: ignore[arg-type]

    def _prepare(self, rows: Iterable[int]) -> None:
        missing = [row for row in rows if row not in self._common]
        if missing:
            for row, ranks, scores in zip(missing, *self._ranks_and_scores(missing), strict=True):
                self._common[row] = self._of_chunk(row, ranks, scores)

    def _of_chunk(
        self, row: int, ranks: dict[str, int | None], scores: dict[str, float | None]
    ) -> dict[str, object]:
        ranked_query = self._ranked_query
        chunk = ranked_query.chunks[row]
        snippet = self._snippet(row)
        return {
            "chunk": chunk.id,
            "path": chunk.path,
            "title": chunk.title,
            "heading": chunk.heading,
            "start_line": chunk.start_line,
            "end_line": chunk.end_line,
            "start_offset": chunk.start_offset,
            "end_offset": chunk.end_offset,
            "date": chunk.date,
            "indexed_at": ranked_query.notes[chunk.path].indexed_at,
            "freshness": self._freshness_of(chunk.path),
            "ranks": ranks,
            "scores": scores,
            "at_least": tuple(
                name
                for name, ranking in ranked_query.rankings.items()
                if ranks[name] is not None and ranking.is_lower_bound(row)
            ),
            "snippet": snippet.text,
            "marks": snippet.marks,
            "copy_of": self._copied_note(chunk.path),
            "text": chunk.text if self._texts else "",
        }

    def _ranks_and_scores(
        self, rows: list[int]
    ) -> tuple[list[dict[str, int | None]], list[dict[str, float | None]]]:
        """Return ranks and scores of `rows` in each finished ranking; None without one.

        Beyond the pool, the reranked ranking has ranks in fused order but no scores of its own.
        """
        ranks: list[dict[str, int | None]] = [{} for _ in rows]
        scores: list[dict[str, float | None]] = [{} for _ in rows]
        for name, ranking in self._ranked_query.rankings.items():
            last_scored = ranking.pool or 0 if name == RERANKED else ranking.total
            both = zip(ranking.ranks[rows].tolist(), ranking.scores[rows].tolist(), strict=True)
            for index, (rank, score) in enumerate(both):
                ranks[index][name] = rank or None
                scores[index][name] = score if 0 < rank <= last_scored else None
        return ranks, scores

    def _snippet(self, row: int) -> Snippet:
        ranked_query = self._ranked_query
        snippet = ranked_query.snippet_by_row.get(row)
        if snippet is None:
            text, thorough = ranked_query.chunks[row].text, bool(ranked_query.body_matches[row])
            snippet = ranked_query.snippets.snippet(text, thorough=thorough)
            ranked_query.snippet_by_row[row] = snippet
        return snippet
