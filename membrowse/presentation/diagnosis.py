"""A diagnosis as lines: the verdict, the steps with their evidence, then the suggestions."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from os.path import commonprefix

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, fit, hanging, wrapped
from membrowse.presentation.query import asked_lines
from membrowse.presentation.ranks import letters
from membrowse.presentation.target import cut_name, target_line
from membrowse.text import shown
from membrowse.wire.diagnosis import (
    DiagnosisReport,
    Outcome,
    Step,
    Suggestion,
    SuggestionKind,
)
from membrowse.wire.search import RANKINGS

OUTCOMES = {
    Outcome.PASSES: ("✓ passes", "good"),
    Outcome.WEAK: ("! weak", "warn"),
    Outcome.FAILS: ("✗ fails", "bad"),
    Outcome.SKIPPED: ("– skipped", "faint"),
}
"""Sign and word of each outcome, and their style."""

PINS = 4
"""Ids of pins that are named."""
WIDEST = 132
"""Cells of a line; longer ones are harder to read."""
_OUTCOME, _STEP, _RANK = 11, 12, 7
_PROMISED, _KIND = 5, 9
_SHARED = 40
"""Characters that are shown of the beginning that a line shares with its edited form."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line, and the item (index into `items`) that it belongs to; None for headings."""

    line: Line
    item: int | None = None


def items(report: DiagnosisReport) -> tuple[Step | Suggestion, ...]:
    """What the rows describe: the steps, then the suggestions."""
    return (*report.steps, *report.suggestions)


def first_failing(report: DiagnosisReport) -> int | None:
    """Index of the step that determines the verdict."""
    failing = (at for at, step in enumerate(report.steps) if step.outcome is Outcome.FAILS)
    return next(failing, None)


def diagnosis_page(report: DiagnosisReport, width: int, *, suggest: bool = True) -> list[Line]:
    """The whole diagnosis, all evidence included; without `suggest`, no suggestions."""
    width = min(width, WIDEST)
    generation, took = figures.number(report.generation), figures.milliseconds(report.took_ms)
    about = f"{cut_name(report.k, report.match.cut)} · generation {generation} · {took}"
    steps = step_rows(report, range(len(report.steps)), width)
    every = range(len(items(report)))
    suggestions = [Row([]), *suggestion_rows(report, every, width, "")] if suggest else []
    return [
        *hanging([], verdict_line(report), width),
        [],
        *asked_lines(report.query, width),
        target_line(report.target, report.match, letters(RANKINGS), width),
        *hanging([Part("   ")], [Part(about, "dim")], width),
        [],
        *(row.line for row in (*steps, *suggestions)),
    ]


def verdict_line(report: DiagnosisReport) -> Line:
    """The verdict, with its sign; `…` if it may change by itself."""
    sign = Part("✓ ", "good") if report.in_top_k else Part("✗ ", "bad")
    if report.match.provisional:
        sign = Part("… ", "warn")
    return [sign, Part(shown(report.verdict), "strong")]


def pin_effect(suggestion: Suggestion) -> str:
    """`breaks 2 of 41 pins, fixes 1`; empty if no pins were run."""
    if not suggestion.pins:
        return ""
    effect = f"breaks {len(suggestion.broken)} of {figures.counted(suggestion.pins, 'pin')}"
    return f"{effect}, fixes {len(suggestion.fixed)}" if suggestion.fixed else effect


def rows(report: DiagnosisReport, opened: Container[int], width: int, trying: str) -> list[Row]:
    """Steps and suggestions. The steps in `opened` show their evidence; `trying` says what is being
    tried now, or is empty."""
    width = min(width, WIDEST)
    return [
        *step_rows(report, opened, width),
        Row([]),
        *suggestion_rows(report, opened, width, trying),
    ]


def step_rows(report: DiagnosisReport, opened: Container[int], width: int) -> list[Row]:
    """A heading, then the steps."""
    rows = [_heading("STEP BY STEP", "from the file on disk to the cut", width)]
    skipped = _skipped_together(report.steps)
    shown_steps = report.steps[: len(report.steps) - len(skipped)]
    for at, step in enumerate(shown_steps):
        rows += [Row(line, at) for line in _step_lines(step, at in opened, width)]
    if skipped:
        rows.append(Row(_skipped(skipped, width), len(shown_steps)))
    return rows


def _skipped_together(steps: Sequence[Step]) -> Sequence[Step]:
    """The last steps, if several were skipped for one reason."""
    count = 0
    for step in reversed(steps):
        if step.outcome is not Outcome.SKIPPED or step.finding != steps[-1].finding:
            break
        count += 1
    return steps[len(steps) - count :] if count > 1 else ()


def _skipped(steps: Sequence[Step], width: int) -> Line:
    sign, style = OUTCOMES[Outcome.SKIPPED]
    text = f"{figures.counted(len(steps), 'later step')} skipped: {shown(steps[0].finding)}"
    return fit([Part(sign.split()[0].ljust(_OUTCOME), style), Part(text, "faint")], width)


def queries_opened(report: DiagnosisReport | None, opened: Container[int]) -> bool:
    """Whether the suggested queries are listed, rather than folded into one line."""
    return report is not None and next(iter(_queries(report)), -1) in opened


def _queries(report: DiagnosisReport) -> list[int]:
    """The items that are suggested queries: what the agent would have had to ask."""
    of_kind = enumerate(report.suggestions, len(report.steps))
    return [at for at, each in of_kind if each.kind is SuggestionKind.QUERY]


def suggestion_rows(
    report: DiagnosisReport, opened: Container[int], width: int, trying: str
) -> list[Row]:
    """A heading, then the suggestions, or why there is none; queries are folded unless opened."""
    rows = [_heading("SUGGESTIONS", "" if trying else _tried_text(report), width)]
    longest = max((cell_len(shown(each.change)) for each in report.suggestions), default=0)
    queries = _queries(report)
    for at, suggestion in enumerate(report.suggestions, len(report.steps)):
        if at not in queries:
            rows += [Row(line, at) for line in _suggestion(suggestion, longest, width)]
    rows += _query_rows(report, queries, queries_opened(report, opened), longest, width)
    if not report.suggestions:
        reason = wrapped([Part(_no_suggestion(report, trying), "dim")], max(20, width - 4))
        rows += [Row([Part("  "), *line]) for line in reason]
    if report.unfinished and not trying:
        unfinished = [Part(shown(report.unfinished), "warn")]
        rows += [Row(line) for line in hanging([Part("  ! ", "warn")], unfinished, width)]
    return rows


def _heading(name: str, about: str, width: int) -> Row:
    return Row(fit([Part(name, "strong"), Part(f"   {about}", "dim")], width))


def _query_rows(
    report: DiagnosisReport, queries: Sequence[int], opened: bool, text_width: int, width: int
) -> list[Row]:
    """The suggested queries, or the line that stands for them."""
    if not queries:
        return []
    if not opened:
        text = f"what the agent could have asked instead: {len(queries)}"
        return [Row(fit([Part("▸ ", "key"), Part(text, "dim")], width), queries[0])]
    rows = [_heading("QUERIES", "what the agent could have asked instead", width)]
    for at in queries:
        suggestion = report.suggestions[at - len(report.steps)]
        rows += [Row(line, at) for line in _suggestion(suggestion, text_width, width)]
    return rows


# Steps


def _step_lines(step: Step, is_open: bool, width: int) -> list[Line]:
    """`✓ passes   fused          #8  it is in the pool`, then its evidence."""
    outcome, style = OUTCOMES[step.outcome]
    skipped = step.outcome is Outcome.SKIPPED
    rank = "" if step.rank is None else figures.rank(step.rank, at_least=step.at_least)
    lead = [
        Part(outcome.ljust(_OUTCOME), style),
        Part(step.name.value.ljust(_STEP), "faint" if skipped else "title"),
        Part(rank.rjust(_RANK - 2) + "  ", "strong"),
    ]
    finding = [Part(shown(step.finding), "faint" if skipped else "")]
    if step.evidence and not is_open:
        finding.append(Part(" …", "key"))
    lines = hanging(lead, finding, width)
    indent = Part(" " * (cells(lead) - 2))
    for text in step.evidence if is_open else ():
        evidence = Part(shown(text), _evidence_style(text))
        lines += hanging([indent, Part("│ ", "faint")], [evidence], width)
    return lines


def _evidence_style(text: str) -> str:
    return {"+": "good", "-": "bad"}.get(text[:1], "dim")


# Suggestions


def _suggestion(suggestion: Suggestion, text_width: int, width: int) -> list[Line]:
    """`#3   setting  fusion.weight 0.5 → 0.62   ! breaks 2 of 41 pins`, then its details."""
    lead = [
        Part(figures.rank(suggestion.rank).ljust(_PROMISED), "good"),
        Part(suggestion.kind.value.ljust(_KIND), "accent"),
    ]
    text = [Part(shown(suggestion.change), "title")]
    effect = _effect_line(suggestion)
    if cells(lead) + text_width + cells(effect) + 3 <= width:
        lines = [fit([*lead, *fit(text, text_width), Part("   "), *effect], width)]
    else:
        lines = hanging(lead, text, width)
        if effect:
            lines += hanging([Part(" " * cells(lead))], effect, width)
    indent = Part(" " * cells(lead))
    return [*lines, *(fit([indent, *line], width) for line in _suggestion_details(suggestion))]


def _effect_line(suggestion: Suggestion) -> Line:
    effect = pin_effect(suggestion)
    if not effect:
        return []
    return [Part(f"! {effect}", "warn") if suggestion.broken else Part(effect, "dim")]


def _suggestion_details(suggestion: Suggestion) -> list[Line]:
    """What to write, and the pins that it affects."""
    lines: list[Line] = []
    edit = suggestion.edit
    if suggestion.kind is SuggestionKind.NOTE and edit is not None:
        lines.append([Part(f"{shown(edit.path)}:{edit.line}", "path")])
        before, after = _where_they_differ(edit.before, edit.after)
        lines.append([Part(f"− {shown(before)}", "bad")])
        lines.append([Part(f"+ {shown(after)}", "good")])
    for verb, pins in (("breaks", suggestion.broken), ("fixes", suggestion.fixed)):
        if pins:
            more = f" and {len(pins) - PINS} more" if len(pins) > PINS else ""
            named = ", ".join(map(shown, pins[:PINS]))
            lines.append([Part(f"{verb}: {named}{more}", "dim")])
    return lines


def _where_they_differ(before: str, after: str) -> tuple[str, str]:
    """Both lines, without most of a long beginning that they share."""
    shared = len(commonprefix([before, after])) - _SHARED
    if shared <= _SHARED:
        return before, after
    return f"…{before[shared:]}", f"…{after[shared:]}"


def _tried_text(report: DiagnosisReport) -> str:
    tried = f"{figures.number(report.tried)} tried" if report.tried else ""
    each = "each was run" if report.suggestions else ""
    return " · ".join(filter(None, (each, tried)))


def _no_suggestion(report: DiagnosisReport, trying: str) -> str:
    if trying:
        return f"◌ {trying}"
    if report.in_top_k:
        return f"It is in the first {report.k} already."
    if not report.tried:
        return "No setting, query or heading can help here: see the failed step above."
    return f"Nothing that was tried brings it into the first {report.k}."
