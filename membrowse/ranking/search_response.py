"""An ranked_query as the answer that clients get: hits with their ranks, scores and snippets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from membrowse.ranking.ranked_query import ChunkRanking, RankedQuery
from membrowse.ranking.snippets import Snippet
from membrowse.wire.notes import Freshness
from membrowse.wire.search import RANKINGS, RERANKED, Hit, Ranking, SearchResponse, TargetMatch


@dataclass(frozen=True, slots=True)
class SearchContext:
    """What the engine knows of a search besides its ranked query."""

    id: str
    """Identifies the response; pages are requested by it."""
    asked_at: str
    client: str
    folder: str
    settings_digest: str
    limit: int = 100
    """Hits of each ranking."""
    track: tuple[str, ...] = ()
    number: int = 0


FreshnessOf = Callable[[str], Freshness]
"""A note's path to how it compares with the file on disk."""


def search_response(
    ranked_query: RankedQuery,
    context: SearchContext,
    *,
    pending: int = 0,
    complete: bool = True,
    freshness_of: FreshnessOf = lambda path: Freshness.CURRENT,
    successor: Callable[[str], str | None] = lambda chunk: None,
    target: TargetMatch | None = None,
) -> SearchResponse:
    """The answer so far: the rankings that are there, `context.limit` hits of each."""
    hits = _Hits(ranked_query, freshness_of)
    names = [name for name in RANKINGS if name in ranked_query.rankings]
    return SearchResponse(
        id=context.id,
        asked_at=context.asked_at,
        client=context.client,
        query=ranked_query.query,
        folder=context.folder,
        generation=ranked_query.number,
        notes=len(ranked_query.notes),
        chunks=len(ranked_query.chunks),
        pending=pending,
        settings_digest=context.settings_digest,
        rankings=hits.rankings(names, 0, context.limit),
        complete=complete,
        tracked=hits.tracked(context.track, successor),
        number=context.number,
        target=target,
    )


def page(
    ranked_query: RankedQuery,
    name: str,
    offset: int,
    limit: int,
    freshness_of: FreshnessOf = lambda path: Freshness.CURRENT,
) -> Ranking:
    """`limit` hits of the ranking `name` after the first `offset`.

    Raises `KeyError` where there is no such ranking (yet).
    """
    hits = _Hits(ranked_query, freshness_of)
    return hits.rankings([name], max(0, offset), max(0, limit))[name]


def hit(
    ranked_query: RankedQuery,
    row: int,
    freshness_of: FreshnessOf = lambda path: Freshness.CURRENT,
) -> Hit:
    """The chunk of `row` in the last ranking that ranks any; rank and score are 0 where it has none
    there."""
    return _Hits(ranked_query, freshness_of).in_last(row)


class _Hits:
    """Makes hits; what a chunk's hits in all rankings have in common is made once."""

    def __init__(self, ranked_query: RankedQuery, freshness_of: FreshnessOf) -> None:
        self._ranked_query = ranked_query
        self._freshness_of = freshness_of
        self._common: dict[int, dict[str, object]] = {}

    def rankings(self, names: Iterable[str], offset: int, limit: int) -> dict[str, Ranking]:
        """The rankings `names`, each with its hits after the first `offset`."""
        every = self._ranked_query.rankings
        rows = {name: every[name].order[offset : offset + limit].tolist() for name in names}
        self._prepare({row for some in rows.values() for row in some})
        return {name: self._ranking(every[name], rows[name], offset) for name in names}

    def _ranking(self, found: ChunkRanking, rows: list[int], offset: int) -> Ranking:
        scores = found.scores[rows].tolist() if rows else []
        ranked = enumerate(zip(rows, scores, strict=True), offset + 1)
        return Ranking(
            state=found.state,
            message=found.message,
            took_ms=round(found.took_ms, 3),
            total=found.total,
            hits=tuple(self._hit(row, rank, score) for rank, (row, score) in ranked),
            pool=found.pool,
            cached=found.cached,
            approximate=found.approximate,
        )

    def tracked(
        self, chunks: Iterable[str], successor: Callable[[str], str | None]
    ) -> dict[str, Hit]:
        """Where the chunks (or their successors) stand in the last ranking that ranks any."""
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
        return {
            chunk: self._hit(row, int(last.ranks[row]), float(last.scores[row]))
            for chunk, row in rows.items()
        }

    def in_last(self, row: int) -> Hit:
        """The chunk of `row` in the last ranking that ranks any."""
        self._prepare([row])
        last = self._last()
        if last is None or not last.ranks[row]:
            return self._hit(row, 0, 0.0)
        return self._hit(row, int(last.ranks[row]), float(last.scores[row]))

    def _last(self) -> ChunkRanking | None:
        finished = (self._ranked_query.rankings.get(name) for name in reversed(RANKINGS))
        return next((found for found in finished if found is not None and found.total), None)

    def _hit(self, row: int, rank: int, score: float) -> Hit:
        return Hit(rank=rank, score=score, **self._common[row])  # type: ignore[arg-type]

    def _prepare(self, rows: Iterable[int]) -> None:
        wanted = [row for row in rows if row not in self._common]
        if wanted:
            for row, ranks, scores in zip(wanted, *self._places(wanted), strict=True):
                self._common[row] = self._of_chunk(row, ranks, scores)

    def _of_chunk(
        self, row: int, ranks: dict[str, int | None], scores: dict[str, float | None]
    ) -> dict[str, object]:
        ranked_query = self._ranked_query
        chunk = ranked_query.chunks[row]
        shown = self._snippet(row)
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
            "snippet": shown.text,
            "marks": shown.marks,
        }

    def _places(
        self, rows: list[int]
    ) -> tuple[list[dict[str, int | None]], list[dict[str, float | None]]]:
        """Ranks and scores of `rows` in each ranking that is there; None where there is none.

        Beyond the pool the reranked ranking goes on in fused order: a rank, but no score of its
        own.
        """
        ranks: list[dict[str, int | None]] = [{} for _ in rows]
        scores: list[dict[str, float | None]] = [{} for _ in rows]
        for name, found in self._ranked_query.rankings.items():
            last = found.pool or 0 if name == RERANKED else found.total
            both = zip(found.ranks[rows].tolist(), found.scores[rows].tolist(), strict=True)
            for place, (rank, score) in enumerate(both):
                ranks[place][name] = rank or None
                scores[place][name] = score if 0 < rank <= last else None
        return ranks, scores

    def _snippet(self, row: int) -> Snippet:
        ranked_query = self._ranked_query
        known = ranked_query.shown.get(row)
        if known is None:
            text, thorough = ranked_query.chunks[row].text, bool(ranked_query.in_body[row])
            known = ranked_query.snippets.of(text, thorough=thorough)
            ranked_query.shown[row] = known
        return known
