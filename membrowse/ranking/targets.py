"""Locate the chunk that a person expects to find, and match it with a ranked query.

`locate` finds the chunks that can represent a target in a generation, whatever the query (worth
caching); `best_row` chooses the one that the query ranks highest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from membrowse.index.generation import Generation
from membrowse.notes.chunk import Chunk
from membrowse.ranking import search_response
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.text import normal_form
from membrowse.wire.notes import Freshness, NoteState
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, CutOrigin, Target, TargetMatch

_BEST_BY = (RERANKED, FUSED, VECTOR, KEYWORD)
_LABEL_CHARACTERS = 48

Successor = Callable[[str], str | None]
"""A chunk's id to the id of the live chunk that replaced it, or None."""


@dataclass(frozen=True, slots=True)
class SplitText:
    """A text that spans several consecutive chunks of one note."""

    rows: tuple[int, ...]
    """Rows of these chunks, in order."""
    shares: tuple[int, ...]
    """Characters of the text (without white space) in each."""


@dataclass(frozen=True, slots=True)
class TargetChunks:
    """The location of a target in one generation."""

    rows: tuple[int, ...]
    """Chunks that can represent the target; empty if none is indexed."""
    path: str
    """The requested note, or the chunk's; empty if only a text was given."""
    reason: str = ""
    """Why there are no rows, or why they do not match exactly; a clause."""
    split: SplitText | None = None
    """Set if the text spans several chunks; `rows` then contains the one with most of it."""


@dataclass(frozen=True, slots=True)
class LocatedTarget:
    """A located target, with the state of its note."""

    label: str
    chunks: TargetChunks
    k: int
    """The cut-off rank."""
    cut: CutOrigin = CutOrigin.AGENT
    min_score: float = 0.0
    state: NoteState | None = None
    reason: str = ""
    """Why the note is not indexed, or empty."""


def target_label(target: Target, chunk: Chunk | None = None) -> str:
    """Describe `target` in a few words; `chunk` represents it, if any does."""
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
    """Return the chunks of `generation` that can represent `target`.

    In order of precedence: chunks with the text, in the note at the path or anywhere; the chunk
    with the id, or its successor; the chunk that covers the line, else the nearest; all chunks of
    the note. A text that is not found has no rows, unless an id is given as well.
    """
    row = _by_id(generation, target.chunk, successor)
    path = target.path or (generation.chunks[row].path if row is not None else "")
    if target.text:
        rows = generation.rows(path) if path else range(len(generation.chunks))
        by_text = _by_text(generation, rows, path, target)
        if by_text.rows or row is None:
            return by_text
        return TargetChunks((row,), path, by_text.reason)
    if row is not None:
        return TargetChunks((row,), path)
    if target.path in generation.notes:
        rows = generation.rows(target.path)
        if not rows:
            return TargetChunks((), path, f"{path} is indexed, but has no text")
        if target.line:
            return _by_line(generation, rows, target)
        return TargetChunks(tuple(rows), path)
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

    # If a line is split into several chunks, any of them represents it.
    nearest = min(map(distance, rows))
    nearest_rows = tuple(row for row in rows if distance(row) == nearest)
    if not nearest:
        return TargetChunks(nearest_rows, target.path)
    first = chunks[nearest_rows[0]]
    where = f"the nearest is at lines {first.start_line}–{first.end_line}"
    return TargetChunks(
        nearest_rows, target.path, f"no chunk of {target.path} covers line {line}; {where}"
    )


def comparable(text: str) -> str:
    """Normalise `text` for comparison: no white space, case folded, in one Unicode form."""
    return "".join(normal_form(text.casefold()).split())


def rows_containing(chunks: Sequence[Chunk], rows: Iterable[int], text: str) -> tuple[int, ...]:
    """Return the `rows` whose chunk contains `text`, ignoring white space and case."""
    comparable_text = comparable(text)
    longest = max(normal_form(text.casefold()).split(), key=len, default="")
    if not comparable_text:
        return ()
    return tuple(
        row
        for row in rows
        if longest in normal_form(chunks[row].text.casefold())
        and comparable_text in comparable(chunks[row].text)
    )


def _by_text(generation: Generation, rows: range, path: str, target: Target) -> TargetChunks:
    matches = rows_containing(generation.chunks, rows, target.text)
    if matches:
        return TargetChunks(
            matches, path or generation.chunks[matches[0]].path if len(matches) == 1 else path
        )
    if path and not rows:
        return TargetChunks((), path, f"{path} is not indexed")
    split = _split_text(generation, rows, target.text)
    if split is not None:
        largest = max(range(len(split.rows)), key=lambda number: (split.shares[number], -number))
        row = split.rows[largest]
        reason = f"the text is split across {len(split.rows)} chunks"
        return TargetChunks((row,), generation.chunks[row].path, reason, split)
    where = f"no chunk of {path}" if path else "no chunk"
    return TargetChunks((), path, f"{where} contains this text")


def _split_text(generation: Generation, rows: range, text: str) -> SplitText | None:
    """Return the first consecutive chunks of one note that together contain `text`."""
    comparable_text = comparable(text)
    paths = dict.fromkeys(generation.chunks[row].path for row in rows) if comparable_text else {}
    for path in paths:
        note_rows = generation.rows(path)
        parts = [comparable(generation.chunks[row].text) for row in note_rows]
        start = "".join(parts).find(comparable_text)
        if start >= 0:
            return _shares_by_chunk(note_rows, parts, start, start + len(comparable_text))
    return None


def _shares_by_chunk(rows: range, parts: list[str], start: int, end: int) -> SplitText:
    split_rows: list[int] = []
    shares: list[int] = []
    offset = 0
    for row, part in zip(rows, parts, strict=True):
        share = min(end, offset + len(part)) - max(start, offset)
        if share > 0:
            split_rows.append(row)
            shares.append(share)
        offset += len(part)
    return SplitText(tuple(split_rows), tuple(shares))


def best_row(ranked_query: RankedQuery, rows: Sequence[int]) -> int | None:
    """Return the highest-ranked of `rows`: reranked, else fused, vector, keyword; else the first.

    None if there are no rows.
    """
    for name in _BEST_BY:
        ranking = ranked_query.rankings.get(name)
        ranks = ranking.ranks[list(rows)].tolist() if ranking is not None and rows else []
        ranked = [(rank, row) for rank, row in zip(ranks, rows, strict=False) if rank]
        if ranked:
            return min(ranked)[1]
    return rows[0] if rows else None


def best_rank(ranked_query: RankedQuery, rows: Sequence[int], name: str = RERANKED) -> int | None:
    """Return the best rank of any of `rows` in the ranking `name`; None without one."""
    ranking = ranked_query.rankings.get(name)
    if ranking is None or not rows:
        return None
    return min((rank for rank in ranking.ranks[list(rows)].tolist() if rank), default=None)


def match_target(
    ranked_query: RankedQuery,
    target: LocatedTarget,
    freshness_of: search_response.FreshnessOf = lambda path: Freshness.CURRENT,
    provisional: str = "",
) -> TargetMatch:
    """Match a located target with the finished rankings; takes well under a millisecond.

    `provisional` says why the match may still change by itself.
    """
    row = best_row(ranked_query, target.chunks.rows)
    return TargetMatch(
        label=target.label,
        hit=None if row is None else search_response.hit_at(ranked_query, row, freshness_of),
        k=target.k,
        cut=target.cut,
        passes=row is not None and passes(ranked_query, row, target.k, target.min_score),
        state=target.state,
        reason=target.reason or target.chunks.reason,
        provisional=provisional,
    )


def passes(ranked_query: RankedQuery, row: int, k: int, min_score: float = 0.0) -> bool:
    """Whether the reranked ranking has the chunk in its first `k`, with at least `min_score`."""
    ranking = ranked_query.rankings.get(RERANKED)
    if ranking is None or not 0 < ranking.ranks[row] <= k:
        return False
    return min_score <= 0 or bool(ranking.scores[row] >= min_score)
