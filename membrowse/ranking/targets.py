"""The chunk that a person expects to find: which one it is, and where it stands.

A target is looked up in two steps. `locate` finds the chunks that can stand for it in a generation,
whatever the query (worth remembering); `best` takes the one that the query ranks highest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from membrowse.ranking import search_response
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.wire.notes import Freshness, NoteState
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, Target, TargetMatch

if TYPE_CHECKING:
    from membrowse.index.generation import Generation
    from membrowse.notes.chunk import Chunk

_BEST_BY = (RERANKED, FUSED, VECTOR, KEYWORD)
_LABEL_CHARACTERS = 48

Successor = Callable[[str], str | None]
"""A chunk's id to the live chunk that took its place, or None."""


@dataclass(frozen=True, slots=True)
class SplitText:
    """A text that no chunk holds whole, but several chunks of one note that follow each other."""

    rows: tuple[int, ...]
    """Of these chunks, in order."""
    shares: tuple[int, ...]
    """Characters of the text (white space aside) in each."""


@dataclass(frozen=True, slots=True)
class TargetChunks:
    """Where a target is in one generation."""

    rows: tuple[int, ...]
    """The chunks that can stand for it; none where nothing of it is indexed."""
    path: str
    """The note that was asked for, or the chunk's; empty where only a text was given."""
    reason: str = ""
    """Why there are no rows, or why they are not quite what was asked for; a sentence."""
    split: SplitText | None = None
    """Where the text was found only across chunks; `rows` holds the one with most of it."""


@dataclass(frozen=True, slots=True)
class LocatedTarget:
    """A target, looked up, with what the engine knows of its note."""

    label: str
    chunks: TargetChunks
    k: int
    """The agent's cut."""
    min_score: float = 0.0
    state: NoteState | None = None
    reason: str = ""
    """Why the note is not indexed, where it is not."""


def label(target: Target, chunk: Chunk | None = None) -> str:
    """`target` in a few words; `chunk` is the one that stands for it, if any."""
    if target.path:
        return f"{target.path}:{target.line}" if target.line else target.path
    if target.text:
        text = " ".join(target.text.split())
        short = len(text) <= _LABEL_CHARACTERS
        return f"“{text if short else text[: _LABEL_CHARACTERS - 1].rstrip() + '…'}”"
    return f"{chunk.path}:{chunk.start_line}" if chunk else "the chunk"


def locate(
    generation: Generation, target: Target, successor: Successor = lambda chunk: None
) -> TargetChunks:
    """The chunks of `generation` that can stand for `target`.

    A text goes first, in the note at the path or anywhere; then a chunk's id, or its successor;
    then a line's chunk (the one that covers it, else the nearest); then all chunks of a note. A
    text that is not there has no rows, unless an id stands beside it.
    """
    row = _by_id(generation, target.chunk, successor)
    path = target.path or (generation.chunks[row].path if row is not None else "")
    if target.text:
        rows = generation.rows(path) if path else range(len(generation.chunks))
        place = _by_text(generation, rows, path, target)
        if place.rows or row is None:
            return place
        return TargetChunks((row,), path, place.reason)
    if row is not None:
        return TargetChunks((row,), path)
    if target.path in generation.notes:
        rows = generation.rows(target.path)
        if not rows:
            return TargetChunks((), path, f"{path} is indexed, but holds no text")
        return (
            _by_line(generation, rows, target) if target.line else TargetChunks(tuple(rows), path)
        )
    if target.path:
        return TargetChunks((), path, f"{path} is not indexed")
    return TargetChunks((), "", "this chunk is no longer in the index")


def _by_id(generation: Generation, chunk: str, successor: Successor) -> int | None:
    if not chunk:
        return None
    live = chunk if chunk in generation.row_of else successor(chunk)
    return generation.row_of.get(live) if live else None


def _by_line(generation: Generation, rows: Iterable[int], target: Target) -> TargetChunks:
    line = target.line or 1
    chunks = generation.chunks

    def distance(row: int) -> int:
        return max(chunks[row].start_line - line, line - chunks[row].end_line, 0)

    # Where one line is cut into several chunks, any of them stands for it.
    nearest = min(map(distance, rows))
    found = tuple(row for row in rows if distance(row) == nearest)
    if not nearest:
        return TargetChunks(found, target.path)
    first = chunks[found[0]]
    where = f"the nearest is at lines {first.start_line}–{first.end_line}"
    return TargetChunks(
        found, target.path, f"no chunk of {target.path} covers line {line}; {where}"
    )


def bare(text: str) -> str:
    """`text` as it is compared: without white space, case folded."""
    return "".join(text.casefold().split())


def holding(chunks: Sequence[Chunk], rows: Iterable[int], text: str) -> tuple[int, ...]:
    """Those of `rows` whose chunk holds `text`, compared without regard to white space and case."""
    wanted = bare(text)
    longest = max(text.casefold().split(), key=len, default="")
    if not wanted:
        return ()
    return tuple(
        row
        for row in rows
        if longest in chunks[row].text.casefold() and wanted in bare(chunks[row].text)
    )


def _by_text(generation: Generation, rows: range, path: str, target: Target) -> TargetChunks:
    found = holding(generation.chunks, rows, target.text)
    if found:
        return TargetChunks(
            found, path or generation.chunks[found[0]].path if len(found) == 1 else path
        )
    if path and not rows:
        return TargetChunks((), path, f"{path} is not indexed")
    split = _split(generation, rows, target.text)
    if split is not None:
        most = max(range(len(split.rows)), key=lambda number: (split.shares[number], -number))
        row = split.rows[most]
        reason = f"the text is split across {len(split.rows)} chunks"
        return TargetChunks((row,), generation.chunks[row].path, reason, split)
    where = f"no chunk of {path}" if path else "no chunk"
    return TargetChunks((), path, f"{where} holds this text")


def _split(generation: Generation, rows: range, text: str) -> SplitText | None:
    """The first chunks that hold `text` together, of one note, one after another."""
    wanted = bare(text)
    paths = dict.fromkeys(generation.chunks[row].path for row in rows) if wanted else {}
    for path in paths:
        of_note = generation.rows(path)
        parts = [bare(generation.chunks[row].text) for row in of_note]
        at = "".join(parts).find(wanted)
        if at >= 0:
            return _shared_out(of_note, parts, at, at + len(wanted))
    return None


def _shared_out(rows: range, parts: list[str], start: int, end: int) -> SplitText:
    found: list[int] = []
    shares: list[int] = []
    offset = 0
    for row, part in zip(rows, parts, strict=True):
        share = min(end, offset + len(part)) - max(start, offset)
        if share > 0:
            found.append(row)
            shares.append(share)
        offset += len(part)
    return SplitText(tuple(found), tuple(shares))


def best(ranked_query: RankedQuery, rows: Sequence[int]) -> int | None:
    """The one of `rows` that stands highest: reranked, else fused, vector, keyword; else the first.

    None where there are no rows.
    """
    for name in _BEST_BY:
        ranking = ranked_query.rankings.get(name)
        ranks = ranking.ranks[list(rows)].tolist() if ranking is not None and rows else []
        ranked = [(rank, row) for rank, row in zip(ranks, rows, strict=False) if rank]
        if ranked:
            return min(ranked)[1]
    return rows[0] if rows else None


def rank_of(ranked_query: RankedQuery, rows: Sequence[int], name: str = RERANKED) -> int | None:
    """The best rank that any of `rows` has in the ranking `name`; None where it has none."""
    ranking = ranked_query.rankings.get(name)
    if ranking is None or not rows:
        return None
    return min((rank for rank in ranking.ranks[list(rows)].tolist() if rank), default=None)


def match_target(
    ranked_query: RankedQuery,
    sought: LocatedTarget,
    freshness_of: search_response.FreshnessOf = lambda path: Freshness.CURRENT,
) -> TargetMatch:
    """Where the target stands, by the rankings that are finished; well under a millisecond."""
    row = best(ranked_query, sought.chunks.rows)
    return TargetMatch(
        label=sought.label,
        hit=None if row is None else search_response.hit(ranked_query, row, freshness_of),
        k=sought.k,
        passes=row is not None and passes(ranked_query, row, sought.k, sought.min_score),
        state=sought.state,
        reason=sought.reason or sought.chunks.reason,
    )


def passes(ranked_query: RankedQuery, row: int, k: int, min_score: float = 0.0) -> bool:
    """Whether the chunk is in the reranked ranking's first `k` and reaches `min_score`, if any."""
    ranking = ranked_query.rankings.get(RERANKED)
    if ranking is None or not 0 < ranking.ranks[row] <= k:
        return False
    return min_score <= 0 or bool(ranking.scores[row] >= min_score)
