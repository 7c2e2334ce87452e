"""The reranked section of an explanation: the blend, and what answered each word of the query."""

from __future__ import annotations

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part
from membrowse.presentation.sheet import Sheet, exact, plain
from membrowse.text import shown
from membrowse.wire.explanation import RerankedExplanation, TokenMatch
from membrowse.wire.search import RankingState

METHODS = {"late-interaction": "MaxSim", "cross-encoder": "cross-encoder"}


def movement_part(movement: int) -> Part:
    """`▲3`, `▼2` or `=`: places gained or lost."""
    if movement == 0:
        return Part("=", "dim")
    return Part(f"▲{movement}", "good") if movement > 0 else Part(f"▼{-movement}", "bad")


def reranked_section(sheet: Sheet, reranked: RerankedExplanation, full: bool) -> None:
    """Rank, movement, the two shares of the blend, then one row a piece of the query."""
    rank: Line = [Part("no rank", "warn")]
    if reranked.rank is not None:
        rank = [Part(f"#{figures.number(reranked.rank)}")]
        if reranked.in_pool:
            rank += [Part(" "), movement_part(reranked.movement)]
    pool = f" · pool {figures.number(reranked.pool)}" if reranked.pool else ""
    total = f"of {figures.number(reranked.total)}{pool}"
    sheet.head("RERANKED", rank, exact(reranked.score), total)
    if reranked.state is not RankingState.READY or reranked.message:
        sheet.warning(f"{reranked.state.value}: {shown(reranked.message)}".rstrip(": "))
    if not reranked.in_pool:
        _beyond(sheet, reranked)
    elif reranked.score is not None:
        _blend(sheet, reranked, full)
    _tokens(sheet, reranked, full)


def _beyond(sheet: Sheet, reranked: RerankedExplanation) -> None:
    if reranked.fused_rank is None or not reranked.pool:
        return
    text = f"beyond the pool: fused #{figures.number(reranked.fused_rank)}, "
    sheet.note([Part(f"{text}and only the first {figures.number(reranked.pool)} are reranked")])


def _blend(sheet: Sheet, reranked: RerankedExplanation, full: bool) -> None:
    score = reranked.score or 0.0
    used = reranked.blend_used
    changed = "" if used == reranked.blend_set else f" (set {plain(reranked.blend_set)})"
    raw = METHODS.get(reranked.method, shown(reranked.method))
    rows = (
        (raw, used, reranked.normalised, reranked.contribution, changed),
        (
            "fused",
            1 - used,
            reranked.fused_normalised,
            reranked.fused_contribution,
            _fused_at(reranked),
        ),
    )
    for name, weight, normalised, contribution, said in rows:
        share = contribution / score if score > 0 else 0.0
        detail = f"{plain(weight)} × {exact(normalised)}{said}"
        sheet.row(Part(name), share, exact(contribution), [Part(detail, "dim")])
        if full:
            sheet.finer(_bounds(reranked, fused=name == "fused"))
    sheet.total(exact(reranked.score))


def _bounds(reranked: RerankedExplanation, *, fused: bool) -> str:
    if fused:
        low, high = exact(reranked.fused_low), exact(reranked.fused_high)
        return f"{exact(reranked.fused_normalised)}: the fused score between {low} and {high}"
    low, high = exact(reranked.low), exact(reranked.high)
    return f"{exact(reranked.normalised)}: {exact(reranked.raw)} between {low} and {high}"


def _fused_at(reranked: RerankedExplanation) -> str:
    return f" · #{figures.number(reranked.fused_rank)}" if reranked.fused_rank else ""


def _tokens(sheet: Sheet, reranked: RerankedExplanation, full: bool) -> None:
    """One row a word piece; those of no weight only in full."""
    if not reranked.tokens or reranked.raw is None:
        return
    weighty = [token for token in reranked.tokens if full or token.weight >= 0.005]
    top = max((abs(token.contribution) for token in weighty), default=0.0)
    sheet.gap()
    sheet.note([Part("MaxSim: what answered each word of the query", "dim")])
    for token in weighty:
        share = token.contribution / top if top > 0 else 0.0
        style = "term" if token.known else "absent"
        name = Part(_piece(token), style)
        sheet.row(name, share, exact(token.contribution), _answer(token))
    left = len(reranked.tokens) - len(weighty)
    more = f", {figures.counted(left, 'piece')} without weight left out" if left else ""
    sheet.total(exact(reranked.raw), f"MaxSim{more}")


def _piece(token: TokenMatch) -> str:
    return shown(token.piece) if token.known else f"⟦{shown(token.word)}⟧"


def _answer(token: TokenMatch) -> Line:
    header = " (header)" if token.in_header else ""
    figures_ = f"  {exact(token.similarity)} × {exact(token.weight)}"
    unknown = " unknown" if not token.known else ""
    return [
        Part("→ ", "faint"),
        Part(shown(token.token)),
        Part(f"{header}{unknown}{figures_}", "dim"),
    ]
