"""An explanation as lines: every figure of the record, section by section."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from membrowse.presentation import figures
from membrowse.presentation.figures import exact, weight
from membrowse.presentation.hits import freshness_part, heading_text, lines_place
from membrowse.presentation.lines import Line, Part, fit, joined, spread
from membrowse.presentation.query import asked_lines
from membrowse.presentation.ranks import in_order, movement_part, rank_part
from membrowse.presentation.sheet import Sheet
from membrowse.text import shown
from membrowse.wire.explanation import (
    Explanation,
    FieldMatch,
    FusedExplanation,
    FusedInput,
    IndexedVersion,
    KeywordExplanation,
    RerankedExplanation,
    SpellingSuggestion,
    TermExplanation,
    TokenMatch,
    VectorExplanation,
)
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, RankingState

PASSAGES = 2
"""Passages shown in brief."""
DIFF = 8
"""Lines of the diff shown in brief."""
POSITIONS = 12
"""Positions of a term that are listed."""
PASSAGE_LENGTH = 400
"""Characters of a passage that are shown."""
WEIGHTY = 0.005
"""Tokens with a smaller weight are not shown in brief."""
RELATIVE = "1 would be the best in every part"
METHODS = {"late-interaction": "MaxSim"}

Spellings = Sequence[SpellingSuggestion] | None
"""Similar words for those that match nothing; None if they were not requested."""


def explanation_page(
    explanation: Explanation, spellings: Spellings, now: datetime, width: int
) -> list[Line]:
    """Which chunk is explained for which query, then the explanation in full."""
    hit = explanation.hit
    date = [Part(f"  {shown(hit.date)} {figures.age(hit.date, now):>5}", "dim")]
    return [
        fit(spread([Part(f" {lines_place(hit)}", "strong")], date, width), width),
        fit([Part(f" {heading_text(hit)}")], width),
        *asked_lines(explanation.query, width),
        [],
        *explanation_lines(explanation, spellings, now, width, full=True),
    ]


def explanation_lines(
    explanation: Explanation,
    spellings: Spellings,
    now: datetime,
    width: int,
    *,
    full: bool = False,
    airy: bool = True,
) -> list[Line]:
    """The explanation in brief; `full` adds the small print, `airy` a line between sections."""
    sheet = Sheet(width, airy=airy, whole=full)
    at_least = frozenset(explanation.hit.at_least)
    _keyword(sheet, explanation.keyword, spellings, full, at_least)
    _vector(sheet, explanation.vector, full, at_least)
    _fused(sheet, explanation.fused, full, at_least)
    _reranked(sheet, explanation.reranked, full, at_least)
    _add_times(sheet, explanation.took_ms)
    _add_indexed_version(sheet, explanation.indexed, now, full)
    return sheet.lines


def _of(total: int, *, complete: bool = True) -> str:
    return f"of {'' if complete else figures.AT_LEAST}{figures.number(total)}"


def _add_state(sheet: Sheet, state: RankingState, message: str) -> None:
    """Why a ranking cannot be trusted, if it cannot."""
    if state is not RankingState.READY or message:
        sheet.warning(f"{state.value}: {shown(message)}".rstrip(": "))


# Keyword


def _keyword(
    sheet: Sheet,
    keyword: KeywordExplanation,
    spellings: Spellings,
    full: bool,
    at_least: Collection[str],
) -> None:
    of = _of(keyword.total, complete=keyword.complete)
    detail = f"{of} · k1 {weight(keyword.k1)}, b {weight(keyword.b)}"
    rank = rank_part(keyword.rank, at_least=KEYWORD in at_least)
    sheet.section("KEYWORD", [rank], exact(keyword.score), detail)
    if keyword.excluded:
        sheet.warning(f"not ranked: {shown(keyword.excluded)}")
    matching = [term for term in keyword.terms if term.matches]
    for term in matching:
        name = Part(shown(term.typed or term.term), "term")
        sheet.row(name, term.share, exact(term.contribution), _fields_line(term))
        if full:
            for match in term.matches:
                sheet.small_print(_field_match(match, term))
    if matching:
        sheet.total(exact(keyword.score), f"the sum of {figures.counted(len(matching), 'term')}")
    if not keyword.terms:
        sheet.warning("the query has no keyword terms")
    _add_missing_terms(sheet, keyword.terms, spellings)
    if keyword.dropped:
        sheet.note([Part(f"stop words left out: {shown(', '.join(keyword.dropped))}", "dim")])


def _fields_line(term: TermExplanation) -> Line:
    """The fields that contain the term, and how many chunks do."""
    fields = ", ".join(
        shown(match.field) + (f" ×{match.frequency}" if match.frequency > 1 else "")
        for match in term.matches
    )
    read = "" if term.typed == term.term else f" · read as {shown(term.term)}"
    return [Part(fields), Part(f"{read} · in {figures.counted(term.df, 'chunk')}", "dim")]


def _field_match(match: FieldMatch, term: TermExplanation) -> str:
    positions = ", ".join(str(position + 1) for position in match.positions[:POSITIONS])
    more = "…" if len(match.positions) > POSITIONS else ""
    return (
        f"{shown(match.field)} {exact(match.contribution)}: idf {exact(term.idf)}, "
        f"{match.frequency} × at {positions}{more}, "
        f"length {weight(match.length)} (mean {weight(match.mean_length)}), "
        f"weight {weight(match.weight)}"
    )


def _add_missing_terms(
    sheet: Sheet, terms: Sequence[TermExplanation], spellings: Spellings
) -> None:
    """The terms that this chunk lacks, and those that no chunk contains."""
    elsewhere: list[Line] = [
        [Part(shown(term.typed or term.term)), Part(f" {figures.number(term.df)}", "dim")]
        for term in terms
        if not term.matches and term.df
    ]
    if elsewhere:
        sheet.note([Part("not in this chunk: ", "dim"), *joined(elsewhere)])
    nowhere = [term for term in terms if not term.df]
    near = {spelling.typed: spelling.near for spelling in spellings or ()}
    for term in nowhere:
        like = near.get(term.typed) or near.get(term.term)
        similar = f"; similar: {shown(', '.join(like))}" if like else ""
        if spellings is not None and not like:
            similar = "; no similar word"
        sheet.note([Part(shown(term.typed), "absent"), Part(f" is in no chunk{similar}", "warn")])
    if spellings is not None and terms and not nowhere:
        sheet.note([Part("every word of the query is in some note", "dim")])


# Vector


def _vector(sheet: Sheet, vector: VectorExplanation, full: bool, at_least: Collection[str]) -> None:
    score, total = exact(vector.score), _of(vector.total)
    rank = rank_part(vector.rank, at_least=VECTOR in at_least)
    sheet.section("VECTOR", [rank], score, total)
    _add_state(sheet, vector.state, vector.message)
    for at, passage in enumerate(vector.passages if full else vector.passages[:PASSAGES]):
        text = " ".join(passage.text[:PASSAGE_LENGTH].split())
        sheet.excerpt(
            Part(f"line {passage.line}", "" if at == 0 and vector.passage_weight else "dim"),
            passage.similarity,
            exact(passage.similarity),
            Part(shown(text), "" if at == 0 else "dim"),
        )
    if vector.cosine is not None:
        sheet.row(
            Part("whole chunk", "" if vector.passage_weight < 1 else "dim"),
            vector.cosine,
            exact(vector.cosine),
            [Part("its own vector", "dim")],
        )
    if vector.score is not None:
        sheet.total(score, _passage_weighing(vector))
    _hnsw(sheet, vector)
    if vector.effect:
        sheet.warning(shown(vector.effect))


def _passage_weighing(vector: VectorExplanation) -> str:
    passage = vector.passage_weight
    if passage >= 1:
        return "the nearest passage decides"
    if passage <= 0:
        return "the whole chunk decides"
    return f"{weight(passage)} × nearest passage + {weight(1 - passage)} × whole"


def _hnsw(sheet: Sheet, vector: VectorExplanation) -> None:
    asked = vector.hnsw_asked
    if not asked:
        return
    exactly = figures.rank(vector.hnsw_exact_rank)
    if vector.hnsw_missed:
        sheet.warning(f"HNSW missed it: {exactly} by its own vector, not in HNSW's first {asked}")
    elif vector.hnsw_rank is None:
        sheet.note([Part(f"HNSW: beyond the first {asked} (exactly {exactly})", "dim")])
    else:
        found = f"HNSW: {figures.rank(vector.hnsw_rank)} of {asked} asked (exactly {exactly})"
        sheet.note([Part(found, "dim")])


# Fused


def _fused(sheet: Sheet, fused: FusedExplanation, full: bool, at_least: Collection[str]) -> None:
    method = "RRF" if fused.method == "rrf" else shown(fused.method)
    detail = f"{_of(fused.total, complete=fused.complete)} · {method}"
    fused_rank = rank_part(fused.rank, at_least=FUSED in at_least)
    sheet.section("FUSED", [fused_rank], exact(fused.score), detail)
    for each in fused.inputs:
        rank = rank_part(each.rank or None, at_least=each.ranking in at_least).text
        weighed = f"{weight(each.weight)} × {exact(each.normalised)} · {rank}"
        sheet.row(
            Part(shown(each.ranking)), each.share, exact(each.contribution), [Part(weighed, "dim")]
        )
        if full:
            sheet.small_print(_normalised_input(each, fused.rrf_k))
    sheet.total(exact(fused.score))
    if fused.weight_set != fused.weight_used:
        used = f"{weight(fused.weight_set)} → {weight(fused.weight_used)}"
        sheet.note([Part(f"vector's weight {used}", "warn")])


def _normalised_input(each: FusedInput, rrf_k: int | None) -> str:
    value = exact(each.normalised)
    if rrf_k is not None:
        return f"{value} = 1 / ({rrf_k} + {each.rank})" if each.rank else f"{value}: not ranked"
    return f"{value}: {exact(each.score)} between {exact(each.low)} and {exact(each.high)}"


# Reranked


def _reranked(
    sheet: Sheet, reranked: RerankedExplanation, full: bool, at_least: Collection[str]
) -> None:
    rank = [rank_part(reranked.rank, at_least=RERANKED in at_least)]
    if reranked.rank is not None and reranked.in_pool:
        rank += [Part(" "), movement_part(reranked.movement)]
    pool = f" · pool {figures.number(reranked.pool)}" if reranked.pool else ""
    of = _of(reranked.total, complete=reranked.complete)
    sheet.section("RERANKED", rank, exact(reranked.score), f"{of}{pool}")
    _add_state(sheet, reranked.state, reranked.message)
    if reranked.in_pool and reranked.score is not None:
        _add_blend(sheet, reranked, full)
    elif not reranked.in_pool and reranked.fused_rank is not None and reranked.pool:
        fused = figures.rank(reranked.fused_rank, at_least=FUSED in at_least)
        first = figures.number(reranked.pool)
        text = f"beyond the pool: fused {fused}, and only the first {first} are reranked"
        sheet.note([Part(text)])
    if reranked.tokens and reranked.raw is not None:
        _tokens(sheet, reranked, full)


def _add_blend(sheet: Sheet, reranked: RerankedExplanation, full: bool) -> None:
    """The reranker's contribution and the fused score's, summing to the score."""
    used = reranked.blend_used
    name = METHODS.get(reranked.method, shown(reranked.method))
    set_ = "" if used == reranked.blend_set else f" (set {weight(reranked.blend_set)})"
    detail = f"{weight(used)} × {exact(reranked.normalised)}{set_}"
    sheet.row(Part(name), reranked.share, exact(reranked.contribution), [Part(detail, "dim")])
    if full:
        low, high = exact(reranked.low), exact(reranked.high)
        normalised = f"{exact(reranked.normalised)}: {exact(reranked.raw)}"
        sheet.small_print(f"{normalised} between {low} and {high}")
    rank = f" · {figures.rank(reranked.fused_rank)}" if reranked.fused_rank else ""
    normalised = exact(reranked.fused_normalised)
    sheet.row(
        Part("fused"),
        reranked.fused_share,
        exact(reranked.fused_contribution),
        [Part(f"{weight(1 - used)} × {normalised}{rank}", "dim")],
    )
    if full:
        low, high = exact(reranked.fused_low), exact(reranked.fused_high)
        sheet.small_print(f"{normalised}: the fused score between {low} and {high}")
    if reranked.name_bonus:
        share = reranked.name_bonus / reranked.score if reranked.score else 0.0
        why = Part("the query is the note's file name", "dim")
        sheet.row(Part("name"), share, exact(reranked.name_bonus), [why])
    sheet.total(exact(reranked.score), RELATIVE)
    if reranked.rank_by_score not in (None, reranked.rank):
        moved = f"{figures.rank(reranked.rank_by_score)} by score → {figures.rank(reranked.rank)}"
        sheet.note([Part(f"limit of {reranked.root_limit} per root: {moved}", "warn")])


def _tokens(sheet: Sheet, reranked: RerankedExplanation, full: bool) -> None:
    """A row per word piece of the query; in brief, only those with weight."""
    tokens = [token for token in reranked.tokens if full or token.weight >= WEIGHTY]
    sheet.gap()
    sheet.note([Part("MaxSim: the best match of each word piece of the query", "dim")])
    for token in tokens:
        name = shown(token.piece) if token.known else f"⟦{shown(token.word)}⟧"
        style = "term" if token.known else "absent"
        sheet.row(
            Part(name, style), token.relative, exact(token.contribution), _token_answer(token)
        )
    left = len(reranked.tokens) - len(tokens)
    more = f", {figures.counted(left, 'piece')} without weight left out" if left else ""
    sheet.total(exact(reranked.raw), f"MaxSim{more}")


def _token_answer(token: TokenMatch) -> Line:
    header = " (header)" if token.in_header else ""
    unknown = "" if token.known else " unknown"
    product = f"  {exact(token.similarity)} × {exact(token.weight)}"
    detail = Part(f"{header}{unknown}{product}", "dim")
    return [Part("→ ", "faint"), Part(shown(token.token)), detail]


# Time and index


def _add_times(sheet: Sheet, took_ms: dict[str, float]) -> None:
    sheet.facts(
        "TIME",
        [
            [Part(f"{shown(name)} ", "dim"), Part(figures.milliseconds(took_ms[name]))]
            for name in in_order(took_ms)
        ],
    )


def _add_indexed_version(sheet: Sheet, indexed: IndexedVersion, now: datetime, full: bool) -> None:
    sheet.facts(
        "INDEX",
        [
            [Part(f"generation {figures.number(indexed.generation)}", "dim")],
            [Part(f"indexed {figures.local_time(indexed.indexed_at, now)}", "dim")],
            [freshness_part(indexed.freshness)],
        ],
    )
    diff = indexed.diff if full else indexed.diff[:DIFF]
    for text in diff:
        style = {"+": "good", "-": "bad"}.get(text[:1], "dim")
        sheet.text([Part(shown(text.rstrip("\n")), style)])
    if left := len(indexed.diff) - len(diff):
        sheet.text([Part(f"… {figures.counted(left, 'more line')} of the diff", "faint")])
