"""A report's query, then and now, as a page."""

from __future__ import annotations

from membrowse.cli.sheet import Sheet
from membrowse.wire.rerun import COMPARED_DEPTH, Rerun, RerunHit, RerunRanking
from membrowse.wire.search import RERANKED, Hit, RankingState


def fill(sheet: Sheet, rerun: Rerun) -> None:
    """Write what differs, the reranked ranking last."""
    order = "the same order" if rerun.same_order else "another order"
    sheet.sentence(f"the first {COMPARED_DEPTH} reranked hits: {order}", indent=0, style="bold")
    sheet.sentence(rerun.query, first="? ")
    sheet.row(f"  made {rerun.made_at} · now {rerun.asked_at}", style="dim")
    sheet.heading("DIFFERS", "" if rerun.differences else "nothing that the ranking depends on")
    for one in rerun.differences:
        sheet.sentence(f"{one.what} {one.then} → {one.now}")
    for name, ranking in rerun.rankings.items():
        _ranking(sheet, name, ranking)


def _ranking(sheet: Sheet, name: str, ranking: RerunRanking) -> None:
    first = ranking.hits[:COMPARED_DEPTH]
    told = [one for one in first if name == RERANKED or _has_moved(one)]
    order = "same order" if ranking.same_order else "another order"
    sheet.heading(name.upper(), f"first {COMPARED_DEPTH}: {order}")
    if ranking.state is not RankingState.READY:
        sheet.sentence(f"{ranking.state.value}: {ranking.message}", first="! ")
    for one in told:
        sheet.row(_line(one))
    for hit in ranking.new:
        sheet.row(f"{_new(hit)}")


def _has_moved(one: RerunHit) -> bool:
    return one.gone or one.edited or one.now != one.then


def _line(one: RerunHit) -> str:
    now = "–" if one.now is None else str(one.now)
    ranks = f"{one.then:>4} → {now:<4}{_mark(one):<6}"
    scores = f"{one.score_then:>8.3f} → "
    scores += f"{'–':<8}" if one.score_now is None else f"{one.score_now:<8.3f}"
    said = "gone  " if one.gone else "edited  " if one.edited else ""
    return f"{ranks}{scores} {said}{one.path}:{one.start_line}  {one.heading}"


def _mark(one: RerunHit) -> str:
    if one.now is None:
        return "✗"
    if one.now == one.then:
        return "="
    return f"▲{one.then - one.now}" if one.now < one.then else f"▼{one.now - one.then}"


def _new(hit: Hit) -> str:
    place = f"{hit.path}:{hit.start_line}  {hit.heading or hit.title}"
    return f"{'–':>4} → {hit.rank:<4}{'new':<6}{'–':>8} → {hit.score:<8.3f} {place}"
