"""A run of the pins as a page: measures of each ranking, then what is broken."""

from __future__ import annotations

from membrowse.cli.sheet import Sheet, bar, padded, widest
from membrowse.wire.pins import PinResult, PinRun
from membrowse.wire.search import RANKINGS

_BAR = 12
_NAME = 16


def fill(sheet: Sheet, run: PinRun) -> None:
    """Write the run on `sheet`."""
    if not run.total:
        return
    sheet.heading(f"{run.passing} of {run.total} pins hold", f"generation {run.generation}")
    if run.file:
        sheet.row(f"  {run.file}", style="dim")
    _measures(sheet, run)
    broken = [result for result in run.results if not result.passes]
    if broken:
        sheet.heading("BROKEN", str(len(broken)))
    width = widest((result.pin.id for result in broken), _NAME)
    for result in broken:
        _broken(sheet, result, width)


def _measures(sheet: Sheet, run: PinRun) -> None:
    width = widest(run.measures, _NAME)
    sheet.row(f"  {'':{width}}    R@1    R@5    MRR", style="dim")
    for name, measures in run.measures.items():
        figures = (measures.recall_at_1, measures.recall_at_5, measures.mrr)
        row = "".join(f"{figure:>7.3f}" for figure in figures)
        sheet.row(f"  {padded(name, width)} {row}  {bar(measures.recall_at_5, _BAR)}")


def _broken(sheet: Sheet, result: PinResult, width: int) -> None:
    pin = result.pin
    rank = "no rank" if result.rank is None else f"#{result.rank}"
    if result.before is not None and result.before != result.rank:
        rank = f"#{result.before} → {rank}"
    lead = f"  ✗ {padded(pin.id, width)} "
    sheet.sentence(f"{rank} (k {pin.k}) · {pin.path}", indent=len(lead), first=lead)
    sheet.sentence(pin.query, len(lead), first=f"{'':{len(lead) - 2}}? ")
    if result.problem:
        sheet.sentence(result.problem, len(lead), first=f"{'':{len(lead) - 2}}! ")
    else:
        sheet.sentence(_elsewhere(result), len(lead), style="dim")


def _elsewhere(result: PinResult) -> str:
    """Ranks in the rankings, in the order of their computation."""
    known = [name for name in RANKINGS if name in result.ranks]
    names = [*known, *(name for name in result.ranks if name not in RANKINGS)]
    told = ("–" if result.ranks[name] is None else f"#{result.ranks[name]}" for name in names)
    return " · ".join(f"{name} {rank}" for name, rank in zip(names, told, strict=True))
