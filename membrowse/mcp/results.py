"""What the tools answer: a record (structured content), and the same as short text.

Notes, queries and paths are untrusted: control characters become visible symbols in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from membrowse.client.titles import title_or_path
from membrowse.presentation.figures import counted
from membrowse.text import shown, shown_block
from membrowse.wire.diagnosis import DiagnosisReport
from membrowse.wire.engine import EngineState
from membrowse.wire.explanation import Explanation
from membrowse.wire.notes import NoteLines
from membrowse.wire.pins import PinRun
from membrowse.wire.search import RERANKED, Hit, Ranking, RankingState, SearchResponse

MAX_NEAREST = 3
"""Places that are named when nothing matches well."""
MAX_EVIDENCE = 6


class Result(Protocol):
    """An answer of a tool."""

    @property
    def text(self) -> str:
        """The answer in a few lines, notes quoted with `> `."""
        ...


class FoundHit(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk of a note that matches."""

    path: str
    start_line: int
    end_line: int
    heading: str
    """Title of the note and headings above the chunk."""
    date: str
    """The note's date, ISO."""
    freshness: str
    """`current`; `changed`, `deleted` or `unreadable` if the file differs from the index."""
    score: float
    """Relative: 1 is the best of this query."""
    text: str
    """The chunk: a quotation of the note."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a note."""

    path: str
    start_line: int
    end_line: int


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """The hits of a search, best first."""

    id: str
    """Of its recall in membrowse's log."""
    query: str
    hits: tuple[FoundHit, ...]
    """Empty if nothing matches well."""
    message: str
    """What to know before relying on the hits; empty if there is nothing."""
    k: int
    min_score: float
    below_min_score: int
    """Hits of the first k that the minimum score cut."""
    nearest: tuple[Place, ...] = ()
    """If nothing matches well: the nearest places, which probably do not answer."""
    filters: tuple[str, ...] = ()
    pending: int = 0
    """Notes on disk that differ from the index."""

    @property
    def text(self) -> str:
        lines = [f"{counted(len(self.hits), 'hit')} for “{self.query}” (search {self.id})"]
        lines += [self.message] if self.message else []
        lines += [f"near: {each.path}:{each.start_line}-{each.end_line}" for each in self.nearest]
        for number, hit in enumerate(self.hits, start=1):
            stale = "" if hit.freshness == "current" else f", {hit.freshness} since indexed"
            place = f"{hit.path}:{hit.start_line}-{hit.end_line}"
            lines += ["", f"{number}. {place} (score {hit.score:.2f}, {hit.date}{stale})"]
            lines += [hit.heading] if hit.heading else []
            lines += _quoted(hit.text.splitlines())
        return "\n".join(lines)


def search_result(
    response: SearchResponse, state: EngineState, k: int, min_score: float
) -> SearchResult:
    """What an agent that takes `k` hits of at least `min_score` gets."""
    reranked = response.rankings.get(RERANKED)
    is_weak = bool(reranked and reranked.strength and reranked.strength.weak)
    first = response.hits[:k]
    kept = [hit for hit in first if min_score <= 0 or hit.score >= min_score]
    return SearchResult(
        id=response.id,
        query=shown(response.query.text),
        hits=() if is_weak else tuple(map(_found, kept)),
        message=" ".join(_doubts(response, state, reranked, is_weak, found=len(kept))),
        k=k,
        min_score=min_score,
        below_min_score=len(first) - len(kept),
        nearest=tuple(map(_place, kept[:MAX_NEAREST])) if is_weak else (),
        filters=tuple(map(shown, response.query.filters)),
        pending=response.pending,
    )


def _found(hit: Hit) -> FoundHit:
    return FoundHit(
        path=shown(hit.path),
        start_line=hit.start_line,
        end_line=hit.end_line,
        heading=shown(" › ".join(dict.fromkeys(filter(None, (hit.title, hit.heading))))),
        date=hit.date,
        freshness=hit.freshness.value,
        score=round(hit.score, 4),
        text=shown_block(hit.text),
    )


def _place(hit: Hit) -> Place:
    return Place(path=shown(hit.path), start_line=hit.start_line, end_line=hit.end_line)


def _doubts(
    response: SearchResponse,
    state: EngineState,
    reranked: Ranking | None,
    is_weak: bool,
    *,
    found: int,
) -> Iterator[str]:
    """Sentences: why there is little, and what may change by itself."""
    if is_weak:
        yield "Nothing in this memory matches well: it probably does not answer the query."
    elif not found:
        unread = not response.chunks and bool(state.problem)
        reason = shown(reranked.message) if reranked and not reranked.total else ""
        nothing = f"Nothing matches: {reason}." if reason else "Nothing matches."
        yield "Nothing could be searched." if response.failed or unread else nothing
    if state.problem:
        yield f"The index has a problem: {shown(state.problem)}."
    for root in state.roots:
        if root.problem:
            yield f"{root.name}/ may be out of date: {shown(root.problem)}."
    if response.reading:
        so_far = counted(response.notes, "note")
        yield f"The notes are still being read ({so_far} so far): more may follow."
    elif response.pending:
        yield f"Not indexed yet: {counted(response.pending, 'new or changed note')}."
    if reranked is not None and reranked.message and reranked.state is not RankingState.READY:
        yield f"Ranking {reranked.state.value}: {shown(reranked.message)}."
    for warning in response.query.warnings:
        yield f"{shown(warning)}."


class LinesResult(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a note."""

    path: str
    title: str
    date: str
    freshness: str
    start: int
    end: int
    """The last line that is returned; less than `start` if there is none."""
    total: int
    """Lines of the note."""
    lines: tuple[str, ...]
    cut: bool
    """There are more of the lines asked for: ask again from `end` + 1."""

    @property
    def text(self) -> str:
        more = f"; more from line {self.end + 1} on" if self.cut else ""
        head = f"{self.path}, lines {self.start}-{self.end} of {self.total}, {self.date}{more}"
        if self.freshness != "current":
            head += f" (the index has an older version: {self.freshness})"
        return "\n".join([head, *_quoted(self.lines)])


def lines_result(note: NoteLines, *, cut: bool) -> LinesResult:
    """`note` as an answer; with `cut`, there are more of the lines asked for."""
    return LinesResult(
        path=shown(note.path),
        title=shown(note.title),
        date=note.date,
        freshness=note.freshness.value,
        start=note.first_line,
        end=note.first_line + len(note.lines) - 1,
        total=note.total,
        lines=tuple(map(shown_block, note.lines)),
        cut=cut,
    )


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a diagnosis."""

    step: str
    outcome: str
    """`holds`, `weak`, `fails` or `skipped`."""
    finding: str
    evidence: tuple[str, ...] = ()


class SuggestedChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was tried and brings the note into the top k."""

    kind: str
    """`note`, `setting` or `query`."""
    change: str
    rank: int


class WhyResult(msgspec.Struct, frozen=True, kw_only=True):
    """Why a note is not in the top k."""

    verdict: str
    in_top_k: bool
    k: int
    rank: int | None
    """The reranked rank of the expected chunk."""
    steps: tuple[StepResult, ...]
    suggestions: tuple[SuggestedChange, ...] = ()

    @property
    def text(self) -> str:
        lines = [self.verdict, ""]
        lines += [f"{each.step}: {each.outcome}. {each.finding}" for each in self.steps]
        if self.suggestions:
            lines += ["", "Changes that were tried and help:"]
            lines += [f"- {each.change} (then rank {each.rank})" for each in self.suggestions]
        return "\n".join(lines)


def why_result(report: DiagnosisReport) -> WhyResult:
    """A diagnosis as an answer."""
    hit = report.match.hit
    return WhyResult(
        verdict=shown(report.verdict),
        in_top_k=report.in_top_k,
        k=report.k,
        rank=hit.ranks.get(RERANKED) if hit else None,
        steps=tuple(
            StepResult(
                step=step.name.value,
                outcome=step.outcome.value,
                finding=shown(step.finding),
                evidence=tuple(map(shown_block, step.evidence[:MAX_EVIDENCE])),
            )
            for step in report.steps
        ),
        suggestions=tuple(
            SuggestedChange(kind=each.kind.value, change=shown(each.change), rank=each.rank)
            for each in report.suggestions
        ),
    )


class TermResult(msgspec.Struct, frozen=True, kw_only=True):
    """A term of the query."""

    term: str
    score: float
    """Its part of the keyword score; 0 if the chunk lacks it."""


class ExplainResult(msgspec.Struct, frozen=True, kw_only=True):
    """Why a chunk has its ranks."""

    path: str
    start_line: int
    end_line: int
    ranks: dict[str, int | None]
    """By ranking: keyword, vector, fused, reranked; null if it has none."""
    scores: dict[str, float | None]
    terms: tuple[TermResult, ...]

    @property
    def text(self) -> str:
        def of(name: str) -> str:
            score = self.scores.get(name)
            return f"{name}: rank {self.ranks[name]}" + (f", score {score:.3f}" if score else "")

        ranks = "; ".join(map(of, self.ranks))
        terms = ", ".join(f"{each.term} {each.score:.2f}" for each in self.terms)
        place = f"{self.path}:{self.start_line}-{self.end_line}"
        return f"{place}\n{ranks}\nkeyword score by term: {terms or 'no terms'}"


def explain_result(explanation: Explanation) -> ExplainResult:
    """An explanation as an answer."""
    hit = explanation.hit
    return ExplainResult(
        path=shown(hit.path),
        start_line=hit.start_line,
        end_line=hit.end_line,
        ranks=hit.ranks,
        scores=hit.scores,
        terms=tuple(
            TermResult(term=shown(term.term), score=round(term.contribution, 4))
            for term in explanation.keyword.terms
        ),
    )


class StatusResult(msgspec.Struct, frozen=True, kw_only=True):
    """The index, and how the folder differs from it."""

    folder: str
    """Or the address of a store."""
    notes: int
    chunks: int
    not_indexed: int
    pending: int
    """Notes on disk that differ from the index."""
    current: bool
    """Nothing is pending, every chunk has the vector that it can have, and there is no problem."""
    generation: int
    last_check: str
    """When the folder was last compared with the index, ISO; empty: not yet."""
    problem: str
    k: int
    """Hits that a search returns unless it says otherwise."""
    min_score: float

    @property
    def text(self) -> str:
        how = "current" if self.current else f"not current yet, {self.pending} pending"
        counts = f"{counted(self.notes, 'note')}, {counted(self.chunks, 'chunk')}"
        folder = shown(title_or_path(Path(self.folder)))
        return "\n".join(filter(None, [f"{folder}: {counts}; {how}", self.problem]))


def _problems(state: EngineState) -> Iterator[str]:
    if state.problem:
        yield state.problem
    yield from (f"{root.name}/: {root.problem}" for root in state.roots if root.problem)


def status_result(state: EngineState) -> StatusResult:
    """The engine's state as an answer."""
    pending, problem = state.pending.total, shown("; ".join(_problems(state)))
    encoded = state.encoded + state.vectorless >= state.chunks
    whole = encoded and not state.reading and state.progress is None and not problem
    return StatusResult(
        folder=shown(state.store or state.folder),
        notes=state.notes,
        chunks=state.chunks,
        not_indexed=state.not_indexed,
        pending=pending,
        current=whole and not pending and bool(state.watcher.last_check),
        generation=state.generation,
        last_check=state.watcher.last_check,
        problem=problem,
        k=state.agent_k,
        min_score=state.agent_min_score,
    )


class PinResult(msgspec.Struct, frozen=True, kw_only=True):
    """The pins after one was added."""

    pins: int
    failing: tuple[str, ...]
    """Ids of pins that fail."""

    @property
    def text(self) -> str:
        if not self.failing:
            return f"{counted(self.pins, 'pin')}, all pass"
        return f"{counted(self.pins, 'pin')}, {len(self.failing)} fail: {', '.join(self.failing)}"


def pin_result(run: PinRun) -> PinResult:
    """A run of the pins as an answer."""
    failing = tuple(shown(each.pin.id) for each in run.results if not each.passes)
    return PinResult(pins=len(run.results), failing=failing)


def _quoted(lines: Iterable[str]) -> list[str]:
    return [f"> {line}" for line in lines]
