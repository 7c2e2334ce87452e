"""The answer to "why not this note?" as a page: verdict, ladder, changes."""

from __future__ import annotations

from membrowse.cli.sheet import Sheet, padded, widest
from membrowse.presentation.diagnosis import pin_effect
from membrowse.wire.diagnosis import DiagnosisReport, Outcome, Step, Suggestion

_MARKS = {
    Outcome.PASSES: "✓",
    Outcome.WEAK: "!",
    Outcome.FAILS: "✗",
    Outcome.SKIPPED: "·",
}
_STYLES = {
    Outcome.PASSES: "",
    Outcome.WEAK: "yellow",
    Outcome.FAILS: "bold red",
    Outcome.SKIPPED: "dim",
}
_STEP = 9
"""Cells of the longest step's name and a space."""
_RANK = 7


def fill(sheet: Sheet, why: DiagnosisReport, *, looked_for_changes: bool = True) -> None:
    """Write `why` on `sheet`: first the verdict, last what would help."""
    sheet.sentence(why.verdict, indent=0, style="bold")
    sheet.sentence(why.query, indent=2, first="? ")
    label = why.match.label
    if why.match.hit is not None:
        hit = why.match.hit
        label = f"{label} → {hit.path}:{hit.start_line}-{hit.end_line}"
    sheet.sentence(f"{label} · top {why.k} · generation {why.generation}", indent=2)
    sheet.heading("LADDER", "", f"{why.took_ms:.0f} ms")
    for rung in why.steps:
        _rung(sheet, rung)
    if looked_for_changes and (why.tried or why.suggestions or why.unfinished):
        _changes(sheet, why)


def _rung(sheet: Sheet, rung: Step) -> None:
    rank = "" if rung.rank is None else f"#{rung.rank}"
    lead = f"  {_MARKS[rung.outcome]} {rung.name.value:<{_STEP}}{rank:<{_RANK}}"
    finding = rung.finding or ("not looked at" if rung.outcome is Outcome.SKIPPED else "")
    sheet.sentence(finding, indent=len(lead), first=lead, style=_STYLES[rung.outcome])
    for line in rung.evidence:
        sheet.sentence(line, indent=len(lead) + 2, style="dim")


def _changes(sheet: Sheet, why: DiagnosisReport) -> None:
    sheet.heading(f"BRINGS IT INTO THE TOP {why.k}", f"{len(why.suggestions)} of {why.tried} tried")
    width = widest((change.kind for change in why.suggestions), 10)
    for number, change in enumerate(why.suggestions, start=1):
        _change(sheet, number, change, width)
    if not why.suggestions:
        sheet.sentence("no single change that was tried brings it there")
    if why.unfinished:
        sheet.sentence(why.unfinished, first="! ")


def _change(sheet: Sheet, number: int, change: Suggestion, width: int) -> None:
    lead = f"{number:>3} #{change.rank:<4}{padded(change.kind, width)} "
    sheet.sentence(change.change, indent=len(lead), first=lead)
    inset = len(lead)
    if pin_effect(change):
        sheet.sentence(pin_effect(change), inset, style="dim")
        if change.broken:
            sheet.sentence(f"breaks: {', '.join(change.broken)}", inset + 2, style="dim")
    if change.query:
        sheet.sentence(change.query, inset, first=f"{'':{inset - 2}}? ")
    if change.edit is not None:
        place = f"{change.edit.path}:{change.edit.line}"
        if place not in change.change:
            sheet.sentence(place, inset)
        sheet.sentence(change.edit.before, inset + 2, first=f"{'':{inset}}- ")
        sheet.sentence(change.edit.after, inset + 2, first=f"{'':{inset}}+ ")
