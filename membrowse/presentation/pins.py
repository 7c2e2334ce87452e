"""Pins as lines: whether they pass, their rank now and before, and its history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import (
    Line,
    Part,
    cells,
    clip,
    clip_path,
    clip_start,
    fit,
    flowed,
    joined,
    wrapped,
)
from membrowse.presentation.ranks import change_part, in_order
from membrowse.text import shown
from membrowse.wire.pins import Measures, Pin, PinResult, PinRun, PinsState
from membrowse.wire.search import RANKINGS, RERANKED

WIDE = 100
"""Cells of a line from which the path has a column."""
_BLOCKS = "▁▂▃▄▅▆▇█"
_DEEPEST = 100
"""The rank that is drawn as the lowest block; ranks are drawn by their logarithm."""
_SIGN, _NOW, _MOVED = 9, 6, 16


def passing_text(passing: int, total: int) -> str:
    """`38 of 41 pins pass`."""
    verb = "passes" if total == 1 else "pass"
    return f"{figures.number(passing)} of {figures.counted(total, 'pin')} {verb}"


def passing_part(passing: int, total: int) -> Part:
    """`38 of 41 pins pass`, in the colour of the result."""
    return Part(passing_text(passing, total), "good" if passing == total else "warn")


def failing_first(run: PinRun) -> list[PinResult]:
    """The results of a run: the failing pins first, otherwise as in the file."""
    return sorted(run.results, key=lambda result: result.passes)


def _outcome(run: PinRun) -> Line:
    """`38 of 41 pins pass`, and while that is not final, what is still to do."""
    if not run.provisional:
        return [passing_part(run.passing, run.total)]
    text = f"{passing_text(run.passing, run.total)} so far; {shown(run.provisional)}"
    return [Part(text, "warn")]


# Pages


def run_page(run: PinRun, width: int, roots: Mapping[str, str] | None = None) -> list[Line]:
    """Measures by ranking, then every pin that fails.

    `roots` are those of a collection, see `clip_path`; so on the other pages.
    """
    failing = [result for result in run.results if not result.passes]
    generation = Part(f" · generation {figures.number(run.generation)}", "dim")
    lines = [
        fit([Part(" "), *_outcome(run), generation], width),
        [Part(f" {clip_start(shown(run.file), width - 1)}", "dim")],
        [],
        [Part(" " * 13 + "   R@1   R@5   MRR", "dim")],
    ]
    for name in in_order(run.measures):
        measures = "".join(f"{figure:>6}" for _, figure in _measures(run.measures[name]))
        lines.append([Part(f" {clip(shown(name), 11):<12}", "title"), Part(measures)])
    if failing:
        title = " NOT FOUND SO FAR" if run.provisional else " FAILING"
        lines += [[], [Part(title, "strong"), Part(f"   {len(failing)}", "dim")]]
        lines.append(pins_head(width))
    for result in failing:
        lines += _pin_details(result, width, so_far=bool(run.provisional), roots=roots)
    return lines


def list_page(run: PinRun, width: int, roots: Mapping[str, str] | None = None) -> list[Line]:
    """A line for each pin, as in the file, with its id."""
    id_width = max((cell_len(shown(result.pin.id)) for result in run.results), default=0) + 2
    return [
        summary_line(run, width),
        [],
        pins_head(width, id_width),
        *(
            pin_line(result, width, id_width, so_far=bool(run.provisional), roots=roots)
            for result in run.results
        ),
    ]


def pin_page(result: PinResult, width: int, roots: Mapping[str, str] | None = None) -> list[Line]:
    """One pin."""
    return [pins_head(width), *_pin_details(result, width, roots=roots)]


def _pin_details(
    result: PinResult,
    width: int,
    *,
    so_far: bool = False,
    roots: Mapping[str, str] | None = None,
) -> list[Line]:
    lines = [pin_line(result, width, so_far=so_far, roots=roots)]
    about = [
        *flowed(_pin_facts(result), width - _SIGN),
        *wrapped([_expected_part(result)], width - _SIGN),
    ]
    return lines + [[Part(" " * _SIGN), *line] for line in about]


# Lines


def pins_head(width: int, id_width: int = 0) -> Line:
    """The names of the columns."""
    line = [
        Part("".ljust(_SIGN), "dim"),
        Part("now".rjust(_NOW - 1) + " ", "dim"),
        Part(" before → now".ljust(_MOVED), "dim"),
        Part("over time".ljust(_spark_width(width) + 2), "dim"),
        Part("id".ljust(id_width) if id_width else "", "dim"),
    ]
    if width < WIDE:
        return fit([*line, Part("query", "dim")], width)
    query_width, _ = _query_and_path(width - cells(line))
    return fit([*line, Part("query".ljust(query_width) + "  note", "dim")], width)


def _query_and_path(room: int) -> tuple[int, int]:
    """Cells of the columns with the query and the path."""
    path = max(0, min(36, room // 3))
    return max(0, room - path - 3), path


def pin_line(
    result: PinResult,
    width: int,
    id_width: int = 0,
    *,
    so_far: bool = False,
    roots: Mapping[str, str] | None = None,
) -> Line:
    """`✓ passes   #4  #9 → #4 ▲5   ▁▃▅█  ssh port   decisions/ssh.md`; with `id_width`, its id.

    With `so_far`, the result is not final; `roots` are those of a collection, see `clip_path`.
    """
    line = [
        _verdict(result.passes, so_far=so_far),
        Part(
            figures.rank(result.rank, at_least=RERANKED in result.at_least).rjust(_NOW - 1) + " ",
            "strong",
        ),
        *fit([Part(" "), change_part(result.before, result.rank)], _MOVED),
        Part(f"{spark(result.history, _spark_width(width))}  ", "bar"),
        *fit([Part(shown(result.pin.id), "dim")], id_width),
    ]
    query = joined([[Part(shown(result.pin.query), "title")], _only(result.pin)])
    if width < WIDE:
        return fit([*line, *query], width)
    query_width, path_width = _query_and_path(width - cells(line))
    path = Part(clip_path(shown(result.pin.path), path_width, roots), "path")
    return fit([*line, *fit(query, query_width), Part("  "), path], width)


def _verdict(passes: bool, *, so_far: bool) -> Part:
    if so_far:
        return Part("✓ so far " if passes else "… not yet", "dim")
    return Part("✓ passes ", "good") if passes else Part("✗ fails  ", "bad")


def about_lines(result: PinResult, width: int) -> list[Line]:
    """More about one pin, in two lines."""
    return [
        fit([Part(" "), *line], width)
        for line in (joined(_pin_facts(result)), [_expected_part(result)])
    ]


def _pin_facts(result: PinResult) -> list[Line]:
    """Note, id, k, and the ranks by ranking."""
    pin = result.pin
    ranks = " ".join(
        f"{shown(name)} {figures.rank(result.ranks[name], at_least=name in result.at_least)}"
        for name in in_order(result.ranks)
    )
    return [
        [Part(shown(pin.path), "strong")],
        [Part(f"id {shown(pin.id)}", "dim")],
        [Part(f"k {pin.k}", "dim")],
        _only(pin),
        [Part(ranks, "dim")] if ranks else [],
    ]


def _only(pin: Pin) -> Line:
    """The filters; pins of one query can differ in them alone."""
    filters = " ".join(f"{name}:{value}" for name, value in pin.filters.given.items())
    return [Part(f"only {shown(filters)}", "dim")] if filters else []


def _expected_part(result: PinResult) -> Part:
    """The expected text, or why there is no rank."""
    if result.problem:
        return Part(f"! {shown(result.problem)}", "warn")
    text = result.pin.text
    return Part(f"“{shown(text)}”" if text else "any chunk of the note passes", "dim")


def summary_line(run: PinRun | None, width: int) -> Line:
    """`38 of 41 pins pass   reranked R@1 .61 R@5 .93 MRR .74   keyword …`."""
    if run is None:
        return fit([Part(" ◌ running the pins…", "dim")], width)
    if not run.total:
        return fit([Part(" No pin yet.", "dim")], width)
    line = [Part(" "), *_outcome(run)]
    for name in reversed(RANKINGS):
        if name in run.measures:
            measures = " ".join(f"{what} {value}" for what, value in _measures(run.measures[name]))
            group = [Part(f"   {name} "), Part(measures, "dim")]
            if cells(line) + cells(group) <= width:
                line += group
    return fit(line, width)


def file_line(run: PinRun | None, width: int) -> Line:
    """The pin file, and its first line that cannot be used."""
    if run is None:
        return []
    line = [Part(f" {clip_start(shown(run.file), max(20, width // 2))}", "dim")]
    if run.problems:
        count = figures.counted(len(run.problems), "line")
        line.append(Part(f"   ! {count} cannot be used: {shown(run.problems[0])}", "warn"))
    return fit(line, width)


def state_parts(pins: PinsState, *, brief: bool = False, action: str = "") -> Line:
    """`✓ 38 of 41 pins pass · ssh port: decisions/ssh.md #9 → #4`, for the status line; a click
    does `action`."""
    if pins.problem:
        problem = "pins failed" if brief else clip(shown(pins.problem), 60)
        return [Part(f"! {problem}", "warn", action)]
    if not pins.total:
        return []
    passing = passing_part(pins.passing, pins.total)
    sign = "✓" if pins.passing == pins.total else "!"
    line = [Part(f"{sign} {passing.text}", passing.style, action)]
    if pins.moved and not brief:
        line.append(Part(f" · {clip(shown(pins.moved[0]), 44)}", "dim", action))
    return line


def moved_text(pins: PinsState) -> str:
    """What the last run moved, for a notification."""
    more = len(pins.moved) - 3
    lines = [*pins.moved[:3], *([f"and {more} more"] if more > 0 else [])]
    return "\n".join([passing_text(pins.passing, pins.total), *lines])


def spark(history: Sequence[int | None], width: int) -> str:
    """Ranks over generations, the newest last: `▁▃▅█`; the highest block is rank 1, `·` none."""
    return "".join(map(_history_block, history[-width:])).ljust(width)


def _history_block(rank: int | None) -> str:
    if rank is None:
        return "·"
    depth = math.log(min(rank, _DEEPEST)) / math.log(_DEEPEST)
    return _BLOCKS[round((1 - depth) * (len(_BLOCKS) - 1))]


def _spark_width(width: int) -> int:
    return 8 if width < WIDE else 16 if width < 150 else 30


def _measures(measures: Measures) -> list[tuple[str, str]]:
    return [
        ("R@1", figures.score(measures.recall_at_1)),
        ("R@5", figures.score(measures.recall_at_5)),
        ("MRR", figures.score(measures.mrr)),
    ]
