"""An explanation as lines: every figure of the record, those that matter most first.

In brief it fits beside the preview; `full` adds the small print (fields, bounds, more passages).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, joined
from membrowse.presentation.reranked import reranked_section
from membrowse.presentation.sheet import Sheet, exact, plain
from membrowse.text import shown
from membrowse.wire.explanation import (
    Explanation,
    FieldMatch,
    FusedExplanation,
    FusedInput,
    IndexedVersion,
    KeywordExplanation,
    SpellingSuggestion,
    TermExplanation,
    VectorExplanation,
)
from membrowse.wire.notes import Freshness
from membrowse.wire.search import RANKINGS, RankingState

PASSAGES = 2
"""Passages shown in brief."""

DIFF = 8
"""Lines of a difference shown in brief."""


def explanation_lines(
    explanation: Explanation,
    spellings: Sequence[SpellingSuggestion],
    now: datetime,
    width: int,
    *,
    full: bool = False,
    airy: bool = True,
) -> list[Line]:
    """The lines for `width` cells, section by section, with `airy` an empty line between them."""
    sheet = Sheet(width, airy=airy)
    _keyword(sheet, explanation.keyword, spellings, full)
    _vector(sheet, explanation.vector, full)
    _fused(sheet, explanation.fused, full)
    reranked_section(sheet, explanation.reranked, full)
    _time(sheet, explanation.took_ms)
    _freshness(sheet, explanation.indexed, now, full)
    return sheet.lines


def rank_parts(rank: int | None) -> Line:
    """`#3`, or that there is none."""
    return [Part("no rank", "warn")] if rank is None else [Part(f"#{figures.number(rank)}")]


def _of(total: int) -> str:
    return f"of {figures.number(total)}"


# Keyword


def _keyword(
    sheet: Sheet, keyword: KeywordExplanation, spellings: Sequence[SpellingSuggestion], full: bool
) -> None:
    detail = f"{_of(keyword.total)} · k1 {plain(keyword.k1)}, b {plain(keyword.b)}"
    sheet.head("KEYWORD", rank_parts(keyword.rank), exact(keyword.score), detail)
    if keyword.excluded:
        sheet.warning(f"no rank: {shown(keyword.excluded)}")
    held = [term for term in keyword.terms if term.matches]
    for term in held:
        sheet.row(
            Part(shown(term.term), "term"), term.share, exact(term.contribution), _where(term)
        )
        if full:
            for match in term.matches:
                sheet.finer(_match(match, term))
    if held:
        sheet.total(exact(keyword.score), f"the sum of {figures.counted(len(held), 'term')}")
    _lacking(sheet, keyword, spellings)
    if keyword.dropped:
        sheet.note([Part(f"stop words left out: {shown(', '.join(keyword.dropped))}", "dim")])


def _where(term: TermExplanation) -> Line:
    fields = ", ".join(
        shown(match.field) + (f" ×{match.frequency}" if match.frequency > 1 else "")
        for match in term.matches
    )
    typed = "" if term.typed == term.term else f" · typed {shown(term.typed)}"
    chunks = f" · in {figures.counted(term.df, 'chunk')}"
    return [Part(fields), Part(typed + chunks, "dim")]


def _match(match: FieldMatch, term: TermExplanation) -> str:
    places = ", ".join(str(place + 1) for place in match.positions[:12])
    more = "…" if len(match.positions) > 12 else ""
    return (
        f"{shown(match.field)} {exact(match.contribution)}: idf {exact(term.idf)}, "
        f"{match.frequency} × at {places}{more}, "
        f"length {plain(match.length)} (mean {plain(match.mean_length)}), "
        f"weight {plain(match.weight)}"
    )


def _lacking(
    sheet: Sheet, keyword: KeywordExplanation, spellings: Sequence[SpellingSuggestion]
) -> None:
    """The terms that this chunk does not hold, and those that no chunk holds."""
    elsewhere = [term for term in keyword.terms if not term.matches and term.df]
    nowhere = [term for term in keyword.terms if not term.df]
    if elsewhere:
        groups = [
            [Part(shown(term.term)), Part(f" {figures.number(term.df)}", "dim")]
            for term in elsewhere
        ]
        sheet.note([Part("not in this chunk: ", "dim"), *joined(groups)])
    near = {spelling.typed: spelling.near for spelling in spellings}
    for term in nowhere:
        like = near.get(term.typed) or near.get(term.term) or ()
        written = f"; nearly so: {shown(', '.join(like))}" if like else ""
        sheet.note([Part(shown(term.typed), "absent"), Part(f" is in no chunk{written}", "warn")])


# Vector


def _vector(sheet: Sheet, vector: VectorExplanation, full: bool) -> None:
    sheet.head("VECTOR", rank_parts(vector.rank), exact(vector.score), _of(vector.total))
    if vector.state is not RankingState.READY or vector.message:
        sheet.warning(f"{vector.state.value}: {shown(vector.message)}".rstrip(": "))
    for at, passage in enumerate(vector.passages if full else vector.passages[:PASSAGES]):
        said = " ".join(passage.text[:400].split())
        sheet.row(
            Part(f"line {passage.line}", "" if at == 0 and vector.passage_weight else "dim"),
            passage.similarity,
            exact(passage.similarity),
            [Part(shown(said), "" if at == 0 else "dim")],
        )
    if vector.cosine is not None:
        sheet.row(
            Part("whole chunk", "" if vector.passage_weight < 1 else "dim"),
            vector.cosine,
            exact(vector.cosine),
            [Part("its own vector", "dim")],
        )
    if vector.score is not None:
        sheet.total(exact(vector.score), _weighing(vector))
    _hnsw(sheet, vector)
    if vector.effect:
        sheet.warning(shown(vector.effect))


def _weighing(vector: VectorExplanation) -> str:
    weight = vector.passage_weight
    if weight >= 1:
        return "the nearest passage decides"
    if weight <= 0:
        return "the whole chunk decides"
    return f"{plain(weight)} × nearest passage + {plain(1 - weight)} × whole"


def _hnsw(sheet: Sheet, vector: VectorExplanation) -> None:
    if not vector.hnsw_asked:
        return
    exact_rank = f"#{vector.hnsw_exact_rank}" if vector.hnsw_exact_rank else "none"
    asked = vector.hnsw_asked
    if vector.hnsw_missed:
        sheet.warning(
            f"HNSW missed it: {exact_rank} by its own vector, not in HNSW's first {asked}"
        )
    elif vector.hnsw_rank is None:
        sheet.note([Part(f"HNSW: beyond the first {asked} (exactly {exact_rank})", "dim")])
    else:
        found = f"HNSW: #{vector.hnsw_rank} of {asked} asked (exactly {exact_rank})"
        sheet.note([Part(found, "dim")])


# Fused


def _fused(sheet: Sheet, fused: FusedExplanation, full: bool) -> None:
    method = "RRF" if fused.method == "rrf" else shown(fused.method)
    detail = f"{_of(fused.total)} · {method}"
    sheet.head("FUSED", rank_parts(fused.rank), exact(fused.score), detail)
    for share in fused.inputs:
        part = share.contribution / fused.score if fused.score > 0 else 0.0
        line: Line = [Part(_weighed(share), "dim")]
        sheet.row(Part(shown(share.ranking)), part, exact(share.contribution), line)
        if full:
            sheet.finer(_normalised(share, fused.rrf_k))
    sheet.total(exact(fused.score))
    if fused.weight_set != fused.weight_used:
        used = f"{plain(fused.weight_set)} → {plain(fused.weight_used)}"
        sheet.note([Part(f"vector's weight {used}", "warn")])


def _weighed(share: FusedInput) -> str:
    rank = f" · #{figures.number(share.rank)}" if share.rank else " · no rank"
    return f"{plain(share.weight)} × {exact(share.normalised)}{rank}"


def _normalised(share: FusedInput, rrf_k: int | None) -> str:
    value = exact(share.normalised)
    if rrf_k is not None:
        return f"{value} = 1 / ({rrf_k} + {share.rank})" if share.rank else f"{value}: no rank"
    low, high = exact(share.low), exact(share.high)
    return f"{value}: {exact(share.score)} between {low} and {high}"


# Time and freshness


def _time(sheet: Sheet, took_ms: dict[str, float]) -> None:
    names = [*(name for name in RANKINGS if name in took_ms)]
    names += [name for name in took_ms if name not in names]
    groups: list[Line] = [
        [Part(f"{shown(name)} ", "dim"), Part(figures.milliseconds(took_ms[name]))]
        for name in names
    ]
    sheet.gap()
    sheet.note([Part("TIME  ", "strong"), *joined(groups)], Part(" "))


def _freshness(sheet: Sheet, fresh: IndexedVersion, now: datetime, full: bool) -> None:
    state = {
        Freshness.CURRENT: Part("file as indexed", "dim"),
        Freshness.CHANGED: Part("! the file changed since", "warn"),
        Freshness.DELETED: Part("✗ the file is deleted", "bad"),
    }[fresh.freshness]
    line = joined(
        [
            [Part(f"generation {figures.number(fresh.generation)}", "dim")],
            [Part(f"indexed {figures.at(fresh.indexed_at, now)}", "dim")],
            [state],
        ]
    )
    sheet.gap()
    sheet.note([Part("INDEX  ", "strong"), *line], Part(" "))
    diff = fresh.diff if full else fresh.diff[:DIFF]
    for text in diff:
        style = {"+": "good", "-": "bad"}.get(text[:1], "dim")
        sheet.plain([Part(shown(text.rstrip("\n")), style)])
    if len(fresh.diff) > len(diff):
        left = figures.counted(len(fresh.diff) - len(diff), "more line")
        sheet.plain([Part(f"… {left} of difference: + shows them", "faint")])
