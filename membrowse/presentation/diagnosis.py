"""The answer to "why not this note?" as lines: the rungs with their evidence, then the changes."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, fit
from membrowse.presentation.wrapping import wrapped
from membrowse.text import shown
from membrowse.wire.diagnosis import (
    DiagnosisReport,
    Outcome,
    Step,
    StepName,
    Suggestion,
    SuggestionKind,
)

OUTCOMES = {
    Outcome.PASSES: ("✓ holds", "good"),
    Outcome.WEAK: ("! weak", "warn"),
    Outcome.FAILS: ("✗ fails", "bad"),
    Outcome.SKIPPED: ("– not seen", "faint"),
}
"""Sign and word of each outcome, and their style."""

STEPS = {
    StepName.FOLDER: "in folder",
    StepName.INDEXED: "indexed",
    StepName.TEXT: "text",
    StepName.KEYWORD: "keyword",
    StepName.VECTOR: "vector",
    StepName.FUSED: "fused",
    StepName.RERANKED: "reranked",
    StepName.CUT: "agent's cut",
}

_OUTCOME, _STEP, _RANK = 11, 12, 7
_PROMISED, _KIND = 5, 9
WIDEST = 132
"""Cells of a line; more is not easier to read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line; `item` is the rung or change that it belongs to, None for heads and air."""

    line: Line
    item: int | None = None


def items(why: DiagnosisReport) -> tuple[Step | Suggestion, ...]:
    """What the cursor can stand on, in order."""
    return (*why.steps, *why.suggestions)


def first_failing(why: DiagnosisReport) -> int | None:
    """The rung that carries the verdict."""
    failing = (at for at, rung in enumerate(why.steps) if rung.outcome is Outcome.FAILS)
    return next(failing, None)


def rows(why: DiagnosisReport, opened: Container[int], width: int, trying: str) -> list[Row]:
    """All lines; `opened` are the rungs whose evidence is shown, `trying` what goes on now."""
    width = min(width, WIDEST)
    result = [_head("THE LADDER", "from the file on disk to the agent's cut", width)]
    for at, rung in enumerate(why.steps):
        result += [Row(line, at) for line in _rung(rung, at in opened, width)]
    result += [Row([]), _head("CHANGES THAT HELP", _about(why, trying), width)]
    longest = max((cell_len(shown(change.change)) for change in why.suggestions), default=0)
    for at, change in enumerate(why.suggestions, len(why.steps)):
        result += [Row(line, at) for line in _change(change, longest, width)]
    if not why.suggestions:
        told = wrapped([Part(_no_change(why, trying), "dim")], max(20, width - 4))
        result += [Row([Part("  "), *line]) for line in told]
    if why.unfinished and not trying:
        result.append(Row([Part("  ! ", "warn"), Part(shown(why.unfinished), "warn")]))
    return result


def _head(name: str, about: str, width: int) -> Row:
    return Row(fit([Part(name, "strong"), Part(f"   {about}", "dim")], width))


def _rung(rung: Step, is_open: bool, width: int) -> list[Line]:
    told, style = OUTCOMES[rung.outcome]
    rank = f"#{rung.rank}" if rung.rank is not None else ""
    quiet = rung.outcome is Outcome.SKIPPED
    lead = [
        Part(told.ljust(_OUTCOME), style),
        Part(STEPS[rung.name].ljust(_STEP), "faint" if quiet else "title"),
        Part(rank.rjust(_RANK - 2) + "  ", "strong"),
    ]
    indent = cells(lead)
    finding = [Part(shown(rung.finding), "faint" if quiet else "")]
    if rung.evidence and not is_open:
        finding.append(Part(" …", "key"))
    lines = _hanging(lead, finding, width)
    if is_open:
        for text in rung.evidence:
            lead = [Part(" " * (indent - 2)), Part("│ ", "faint")]
            lines += _hanging(lead, [Part(shown(text), _evidence_style(text))], width)
    return lines


def _evidence_style(text: str) -> str:
    if text.startswith("+"):
        return "good"
    return "bad" if text.startswith("-") else "dim"


def _hanging(lead: Line, text: Line, width: int) -> list[Line]:
    """`text` wrapped beside `lead`, which stands before the first line only."""
    indent = cells(lead)
    broken = wrapped(text, max(16, width - indent))
    empty = [Part(" " * indent)]
    return [[*(lead if at == 0 else empty), *line] for at, line in enumerate(broken)]


def _change(change: Suggestion, text_width: int, width: int) -> list[Line]:
    """`#3   setting  fusion.weight 0.5 → 0.62   ! breaks 2 of 41 pins`; then its details."""
    lead = [
        Part(f"#{change.rank}".ljust(_PROMISED), "good"),
        Part(change.kind.value.ljust(_KIND), "accent"),
    ]
    text = [Part(shown(change.change), "title")]
    collateral = _collateral(change)
    if cells(lead) + text_width + cells(collateral) + 3 <= width:
        lines = [fit([*lead, *fit(text, text_width), Part("   "), *collateral], width)]
    else:
        lines = _hanging(lead, text, width)
        if collateral:
            lines.append([Part(" " * cells(lead)), *collateral])
    return lines + _details(change, width)


def _collateral(change: Suggestion) -> Line:
    told = pin_effect(change)
    if not told:
        return []
    return [Part(f"! {told}", "warn") if change.broken else Part(told, "dim")]


def _details(change: Suggestion, width: int) -> list[Line]:
    indent = " " * (_PROMISED + _KIND)
    lines: list[Line] = []
    edit = change.edit
    if change.kind is SuggestionKind.NOTE and edit is not None:
        lines.append([Part(f"{indent}{shown(edit.path)}:{edit.line}", "path")])
        lines.append([Part(f"{indent}− {shown(edit.before)}", "bad")])
        lines.append([Part(f"{indent}+ {shown(edit.after)}", "good")])
    for verb, names in (("breaks", change.broken), ("mends", change.fixed)):
        if names:
            told = ", ".join(shown(name) for name in names[:4])
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            lines.append([Part(f"{indent}{verb}: {told}{more}", "dim")])
    return [fit(line, width) for line in lines]


def _about(why: DiagnosisReport, trying: str) -> str:
    if trying:
        return ""
    tried = f" · {figures.number(why.tried)} tried" if why.tried else ""
    return f"each was run{tried}" if why.suggestions else tried.removeprefix(" · ")


def _no_change(why: DiagnosisReport, trying: str) -> str:
    if trying:
        return f"◌ {trying}"
    if why.in_top_k:
        return f"It is in the first {why.k} already."
    if not why.tried:
        return "No setting, query or heading can help here: the rung that fails says what to do."
    return f"Nothing that was tried brings it into the first {why.k}."


def verdict_line(why: DiagnosisReport) -> Line:
    """The verdict, with its sign."""
    sign = Part("✓ ", "good") if why.in_top_k else Part("✗ ", "bad")
    return [sign, Part(shown(why.verdict), "strong")]


def pin_effect(suggestion: Suggestion) -> str:
    """`breaks 2 of 41 pins, mends 1`; empty if no pins were run."""
    if not suggestion.pins:
        return ""
    told = f"breaks {len(suggestion.broken)} of {suggestion.pins} pins"
    return f"{told}, mends {len(suggestion.fixed)}" if suggestion.fixed else told
