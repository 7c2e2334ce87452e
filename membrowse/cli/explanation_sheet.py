"""An explanation as a page: sections from keyword to freshness, bars for shares."""

from __future__ import annotations

from collections.abc import Sequence

from membrowse.cli.sheet import Sheet, bar, padded, widest
from membrowse.wire.explanation import (
    Explanation,
    FieldMatch,
    FusedExplanation,
    KeywordExplanation,
    RerankedExplanation,
    SpellingSuggestion,
    TermExplanation,
    TokenMatch,
    VectorExplanation,
)
from membrowse.wire.notes import Freshness
from membrowse.wire.search import Hit, RankingState

_BAR = 12
_WORD = 18
"""Cells for a term or a word at most."""
_PASSAGES = 5
_DIFF_LINES = 40


def fill(
    sheet: Sheet, explanation: Explanation, spellings: Sequence[SpellingSuggestion] | None = None
) -> None:
    """Write `explanation` on `sheet`, and near spellings if they were asked for."""
    _headline(sheet, explanation)
    _keyword(sheet, explanation.keyword, explanation.took_ms)
    if spellings is not None:
        _spellings(sheet, spellings)
    _vector(sheet, explanation.vector, explanation.took_ms)
    _fused(sheet, explanation.fused, explanation.took_ms)
    _reranked(sheet, explanation.reranked, explanation.took_ms)
    _time(sheet, explanation.took_ms)
    _freshness(sheet, explanation)


def place(hit: Hit) -> str:
    """Where a hit stands, as `path:first-last`."""
    return f"{hit.path}:{hit.start_line}-{hit.end_line}"


def standing(rank: int | None, total: int) -> str:
    """`#3 of 992`, or that there is no rank."""
    return f"no rank among {total}" if rank is None else f"#{rank} of {total}"


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _bounds(low: float, high: float) -> str:
    return f"{low:.2f}…{high:.2f}"


def _headline(sheet: Sheet, explanation: Explanation) -> None:
    hit = explanation.hit
    sheet.row(place(hit), hit.date, style="bold")
    if name := " › ".join(part for part in (hit.title, hit.heading) if part):
        sheet.row(f"  {name}")
    sheet.sentence(explanation.query, indent=2, first="? ")


def _section(
    sheet: Sheet, name: str, rank: int | None, total: int, score: str, took: float | None
) -> None:
    facts = standing(rank, total) + (f" · {score}" if rank is not None else "")
    sheet.heading(name.upper(), facts, "" if took is None else f"{took:.1f} ms")


def _state(sheet: Sheet, state: RankingState, message: str) -> None:
    if state is not RankingState.READY or message:
        sheet.sentence(f"{state}: {message}" if message else str(state), first="! ")


def _keyword(sheet: Sheet, keyword: KeywordExplanation, took_ms: dict[str, float]) -> None:
    score = f"BM25 {keyword.score:.3f}"
    _section(sheet, "keyword", keyword.rank, keyword.total, score, took_ms.get("keyword"))
    if keyword.excluded:
        sheet.sentence(keyword.excluded, first="! ")
    width = widest((_term(term) for term in keyword.terms), _WORD)
    for term in keyword.terms:
        sheet.row(_term_row(term, width))
        for line in _field_lines(term, sheet.columns - 6):
            sheet.row(f"      {line}", style="dim")
    if not keyword.terms:
        sheet.sentence("the query has no words for keyword")
    if keyword.dropped:
        sheet.sentence(f"stop words left out: {', '.join(keyword.dropped)}")


def _term(term: TermExplanation) -> str:
    return term.term if term.term == term.typed else f"{term.typed} → {term.term}"


def _term_row(term: TermExplanation, width: int) -> str:
    name = padded(_term(term), width)
    everywhere = f"df {term.df} · idf {term.idf:.2f}"
    if not term.matches:
        absence = "nowhere in the folder" if not term.df else f"not in this chunk · {everywhere}"
        return f"  {name} {bar(0.0, _BAR)}    – {absence}"
    share = f"{bar(term.share, _BAR)} {term.share:>4.0%}"
    return f"  {name} {share} {term.contribution:>7.3f} · {everywhere}"


def _field_lines(term: TermExplanation, room: int) -> list[str]:
    """Where the term matched, as few lines as there is room for."""
    lines: list[str] = []
    for match in term.matches:
        told = _field(match)
        if lines and len(lines[-1]) + len(told) + 3 <= room:
            lines[-1] += f" · {told}"
        else:
            lines.append(told)
    return lines


def _field(match: FieldMatch) -> str:
    times = f"{match.frequency}× in {match.length:.0f} (mean {match.mean_length:.3g})"
    return f"{match.field} {times} × weight {match.weight:g} = {match.contribution:.3f}"


def _spellings(sheet: Sheet, spellings: Sequence[SpellingSuggestion]) -> None:
    if not spellings:
        sheet.sentence("every word of the query stands in the folder")
    for spelling in spellings:
        near = ", ".join(spelling.near) or "nothing near it"
        sheet.sentence(f"{spelling.typed} matches nothing; near it: {near}")


def _vector(sheet: Sheet, vector: VectorExplanation, took_ms: dict[str, float]) -> None:
    score = f"similarity {number(vector.score)}"
    _section(sheet, "vector", vector.rank, vector.total, score, took_ms.get("vector"))
    _state(sheet, vector.state, vector.message)
    for passage in vector.passages[:_PASSAGES]:
        lead = f"  {bar(passage.similarity, _BAR)} {passage.similarity:>5.2f} {passage.line:>5}  "
        room = max(10, sheet.columns - len(lead))
        sheet.row(f"{lead}{padded(' '.join(passage.text.split()), room).rstrip()}")
    if len(vector.passages) > _PASSAGES:
        sheet.row(f"  {len(vector.passages) - _PASSAGES} more passages", style="dim")
    if vector.cosine is not None:
        mix = f"score = {1 - vector.passage_weight:.2g} × cosine + {vector.passage_weight:.2g}"
        sheet.sentence(f"cosine to the whole chunk {vector.cosine:.3f}; {mix} × nearest passage")
    _hnsw(sheet, vector)
    if vector.effect:
        sheet.sentence(vector.effect)
    elif vector.unknown:
        sheet.sentence(f"{vector.unknown:.0%} of the query is unknown to the encoder")


def _hnsw(sheet: Sheet, vector: VectorExplanation) -> None:
    if not vector.hnsw_asked:
        return
    asked = f"HNSW, asked for {vector.hnsw_asked}"
    exact = f"exact #{vector.hnsw_exact_rank} by the chunk's own vector"
    if vector.hnsw_missed:
        sheet.sentence(f"{asked}, missed this chunk, which is {exact}", first="! ")
    elif vector.hnsw_rank is not None:
        sheet.sentence(f"{asked}, has it at #{vector.hnsw_rank}; {exact}")


def _fused(sheet: Sheet, fused: FusedExplanation, took_ms: dict[str, float]) -> None:
    score = f"{fused.method} {fused.score:.3f}"
    _section(sheet, "fused", fused.rank, fused.total, score, took_ms.get("fused"))
    width = widest((share.ranking for share in fused.inputs), _WORD)
    for share in fused.inputs:
        part = share.contribution / fused.score if fused.score else 0.0
        name = padded(share.ranking, width)
        sum_ = f"{share.contribution:.3f} = {share.weight:.2f} × {share.normalised:.3f}"
        if fused.method == "rrf":
            origin = f"1 / ({fused.rrf_k} + {share.rank or '–'})"
        else:
            origin = f"{share.score:.3f} in {_bounds(share.low, share.high)}"
        sheet.row(f"  {name} {bar(part, _BAR)} {part:>4.0%}   {sum_}   {origin}")
    if fused.weight_used != fused.weight_set:
        sheet.sentence(
            f"the vector's weight is set to {fused.weight_set:.2f} and counts "
            f"{fused.weight_used:.2f}"
        )


def _reranked(sheet: Sheet, reranked: RerankedExplanation, took_ms: dict[str, float]) -> None:
    score = f"score {number(reranked.score)}" if reranked.in_pool else "not reranked"
    score += f" · {_movement(reranked)}"
    _section(sheet, "reranked", reranked.rank, reranked.total, score, took_ms.get("reranked"))
    _state(sheet, reranked.state, reranked.message)
    if not reranked.in_pool:
        if reranked.pool:
            fused = standing(reranked.fused_rank, reranked.total)
            sheet.sentence(f"outside the pool of {reranked.pool}: fused {fused}")
        return
    if reranked.raw is not None:
        _blend(sheet, reranked)
    counting = [token for token in reranked.tokens if token.weight]
    width = widest(map(_piece, counting), _WORD)
    answer = widest(map(_answer, counting), _WORD)
    for token in counting:
        sheet.row(_token_row(token, width, answer, reranked.raw or 0.0))


def _movement(reranked: RerankedExplanation) -> str:
    moved = reranked.movement
    if not moved:
        return "= fused"
    return f"▲{moved} from fused" if moved > 0 else f"▼{-moved} from fused"


def _blend(sheet: Sheet, reranked: RerankedExplanation) -> None:
    total = reranked.score or 0.0
    rows = (
        (
            reranked.method,
            reranked.contribution,
            reranked.blend_used,
            reranked.normalised,
            f"{number(reranked.raw)} in {_bounds(reranked.low, reranked.high)}",
        ),
        (
            "fused",
            reranked.fused_contribution,
            1 - reranked.blend_used,
            reranked.fused_normalised,
            f"in {_bounds(reranked.fused_low, reranked.fused_high)}",
        ),
    )
    width = widest((name for name, *_ in rows), _WORD)
    for name, contribution, weight, normalised, origin in rows:
        part = contribution / total if total else 0.0
        sum_ = f"{contribution:.3f} = {weight:.2f} × {normalised:.3f}"
        line = f"  {padded(name, width)} {bar(part, _BAR)} {part:>4.0%}   {sum_}   {origin}"
        sheet.row(line)


def _piece(token: TokenMatch) -> str:
    return token.piece if token.known else f"{token.word} (unknown)"


def _answer(token: TokenMatch) -> str:
    return f"{token.token} (header)" if token.in_header else token.token


def _token_row(token: TokenMatch, width: int, answer: int, whole: float) -> str:
    part = token.contribution / whole if whole else 0.0
    names = f"{padded(_piece(token), width)} ← {padded(_answer(token), answer)}"
    figures = f"{token.contribution:.3f} = {token.weight:.3f} × {token.similarity:.2f}"
    return f"    {names} {bar(part, _BAR)} {figures}"


def _time(sheet: Sheet, took_ms: dict[str, float]) -> None:
    longest = max(took_ms.values(), default=0.0)
    if not longest:
        return
    sheet.heading("TIME")
    width = widest(took_ms, _WORD)
    for stage, took in took_ms.items():
        sheet.row(f"  {padded(stage, width)} {bar(took / longest, _BAR)} {took:>7.1f} ms")


def _freshness(sheet: Sheet, explanation: Explanation) -> None:
    freshened = explanation.indexed
    told = {
        Freshness.CURRENT: "the file is as indexed",
        Freshness.CHANGED: "the file has changed since it was indexed",
        Freshness.DELETED: "the file is gone since it was indexed",
    }[freshened.freshness]
    sheet.heading("FRESHNESS", told)
    sheet.row(f"  generation {freshened.generation} · indexed {freshened.indexed_at}")
    for line in freshened.diff[:_DIFF_LINES]:
        sheet.row(f"  {line}")
    if len(freshened.diff) > _DIFF_LINES:
        sheet.row(f"  {len(freshened.diff) - _DIFF_LINES} more lines: --json has them")
