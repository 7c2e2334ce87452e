"""An evaluation as the answer that clients get: hits with their ranks, scores and snippets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from membrowse.ranking.evaluation import Evaluation, Ranked
from membrowse.ranking.snippets import Snippet, snippet
from membrowse.recall import KEYWORD, RANKINGS, RERANKED, Freshness, Hit, Ranking, Recall


@dataclass(frozen=True, slots=True)
class Asked:
    """What the engine knows of a question beside its evaluation."""

    recall: str
    """The recall's id, by which pages are asked for."""
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


def recall(
    evaluation: Evaluation,
    asked: Asked,
    *,
    pending: int = 0,
    complete: bool = True,
    freshness_of: FreshnessOf = lambda path: Freshness.CURRENT,
    successor: Callable[[str], str | None] = lambda chunk: None,
) -> Recall:
    """The answer so far: the rankings that are there, `asked.limit` hits of each."""
    hits = _Hits(evaluation, freshness_of)
    rankings = {
        name: hits.ranking(name, 0, asked.limit) for name in RANKINGS if name in evaluation.rankings
    }
    return Recall(
        recall=asked.recall,
        asked_at=asked.asked_at,
        client=asked.client,
        query=evaluation.query,
        folder=asked.folder,
        generation=evaluation.number,
        notes=len(evaluation.notes),
        chunks=len(evaluation.chunks),
        pending=pending,
        settings_digest=asked.settings_digest,
        rankings=rankings,
        complete=complete,
        tracked=hits.tracked(asked.track, successor),
        number=asked.number,
    )


def page(
    evaluation: Evaluation,
    name: str,
    offset: int,
    limit: int,
    freshness_of: FreshnessOf = lambda path: Freshness.CURRENT,
) -> Ranking:
    """`limit` hits of the ranking `name` after the first `offset`.

    Raises `KeyError` where there is no such ranking (yet).
    """
    return _Hits(evaluation, freshness_of).ranking(name, max(0, offset), max(0, limit))


class _Hits:
    """Makes hits; what a chunk's hits in all rankings have in common is made once."""

    def __init__(self, evaluation: Evaluation, freshness_of: FreshnessOf) -> None:
        self._evaluation = evaluation
        self._freshness_of = freshness_of
        self._common: dict[int, dict[str, object]] = {}

    def ranking(self, name: str, offset: int, limit: int) -> Ranking:
        found = self._evaluation.rankings[name]
        rows = found.order[offset : offset + limit].tolist()
        scores = found.scores[rows].tolist() if rows else []
        return Ranking(
            state=found.state,
            message=found.message,
            took_ms=round(found.took_ms, 3),
            total=found.total,
            hits=tuple(
                self._hit(row, rank, score)
                for rank, (row, score) in enumerate(zip(rows, scores, strict=True), offset + 1)
            ),
            pool=found.pool,
            cached=found.cached,
            approximate=found.approximate,
        )

    def tracked(
        self, chunks: Iterable[str], successor: Callable[[str], str | None]
    ) -> dict[str, Hit]:
        """Where the chunks (or their successors) stand in the last ranking that ranks any."""
        last = self._last()
        found = {}
        for chunk in chunks if last else ():
            live = chunk if chunk in self._evaluation.row_of else successor(chunk)
            row = self._evaluation.row_of.get(live) if live else None
            if last is not None and row is not None and last.ranks[row]:
                found[chunk] = self._hit(row, int(last.ranks[row]), float(last.scores[row]))
        return found

    def _last(self) -> Ranked | None:
        finished = (self._evaluation.rankings.get(name) for name in reversed(RANKINGS))
        return next((found for found in finished if found is not None and found.total), None)

    def _hit(self, row: int, rank: int, score: float) -> Hit:
        common = self._common.get(row)
        if common is None:
            common = self._common[row] = self._of_chunk(row)
        return Hit(rank=rank, score=score, **common)  # type: ignore[arg-type]

    def _of_chunk(self, row: int) -> dict[str, object]:
        evaluation = self._evaluation
        chunk = evaluation.chunks[row]
        ranks, scores = self._places(row)
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
            "indexed_at": evaluation.notes[chunk.path].indexed_at,
            "freshness": self._freshness_of(chunk.path),
            "ranks": ranks,
            "scores": scores,
            "snippet": shown.text,
            "marks": shown.marks,
        }

    def _places(self, row: int) -> tuple[dict[str, int | None], dict[str, float | None]]:
        """Rank and score in each ranking that is there; None where the chunk has none.

        Beyond the pool the reranked ranking goes on in fused order: a rank, but no score of its
        own.
        """
        ranks: dict[str, int | None] = {}
        scores: dict[str, float | None] = {}
        for name, found in self._evaluation.rankings.items():
            rank = int(found.ranks[row])
            beyond = name == RERANKED and rank > (found.pool or 0)
            ranks[name] = rank or None
            scores[name] = None if beyond or not rank else float(found.scores[row])
        return ranks, scores

    def _snippet(self, row: int) -> Snippet:
        evaluation = self._evaluation
        known = evaluation.snippets.get(row)
        if known is None:
            keyword = evaluation.rankings.get(KEYWORD)
            matches = keyword is not None and keyword.ranks[row] > 0
            text = evaluation.chunks[row].text
            known = snippet(text, evaluation.weights, thorough=matches)
            evaluation.snippets[row] = known
        return known
