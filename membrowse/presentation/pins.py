"""The pins as rows: rank now and before, whether they hold, and how the rank went."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, clip, clip_start, fit, joined
from membrowse.text import shown
from membrowse.wire.pins import PinResult, PinRun, PinsState
from membrowse.wire.search import RANKINGS

_BLOCKS = "▁▂▃▄▅▆▇█"
_DEEPEST = 100
"""The rank that is drawn as the lowest block; ranks are drawn by their logarithm."""

WIDE = 100
"""Cells from which the path has a column of its own."""


def spark(history: Sequence[int | None], width: int) -> str:
    """Ranks over generations, the newest last: `▁▃▅█`; rank 1 is the tallest, `·` is none."""
    return "".join(map(_block, history[-width:])).ljust(width)


def _block(rank: int | None) -> str:
    if rank is None:
        return "·"
    depth = math.log(min(rank, _DEEPEST)) / math.log(_DEEPEST)
    return _BLOCKS[round((1 - depth) * (len(_BLOCKS) - 1))]


def broken_first(run: PinRun) -> list[PinResult]:
    """The pins of a run: the broken ones first, each kind as in the file."""
    return sorted(run.results, key=lambda result: result.passes)


def _rank(rank: int | None) -> str:
    return "–" if rank is None else f"#{rank}"


def movement(result: PinResult) -> Part:
    """`#9 → #4 ▲5`, or nothing where the rank is what it was."""
    before, now = result.before, result.rank
    if before is None or before == now:
        return Part("")
    if now is None:
        return Part(f"{_rank(before)} → –", "bad")
    sign = f"▲{before - now}" if now < before else f"▼{now - before}"
    return Part(f"{_rank(before)} → {_rank(now)} {sign}", "good" if now < before else "bad")


_SIGN, _NOW, _MOVED = 9, 6, 16


def head_line(width: int) -> Line:
    """The names of the columns."""
    line = [
        Part("".ljust(_SIGN), "dim"),
        Part("now".rjust(_NOW - 1) + " ", "dim"),
        Part(" before → now".ljust(_MOVED), "dim"),
        Part("over time".ljust(_spark_width(width) + 2), "dim"),
        Part("query", "dim"),
    ]
    return fit(line, width)


def _spark_width(width: int) -> int:
    return 8 if width < WIDE else 16 if width < 150 else 30


def pin_line(result: PinResult, width: int) -> Line:
    """`✓ holds    #4  #9 → #4 ▲5   ▁▃▅█  ssh port   decisions/ssh.md`."""
    sign = Part("✓ holds  ", "good") if result.passes else Part("✗ broken ", "bad")
    history = spark(result.history, _spark_width(width))
    line = [
        sign,
        Part(_rank(result.rank).rjust(_NOW - 1) + " ", "strong"),
        *fit([Part(" "), movement(result)], _MOVED),
        Part(f"{history}  ", "bar"),
    ]
    room = width - cells(line) - 1
    path = shown(result.pin.path)
    place = min(cell_len(path), room // 3) if width >= WIDE else 0
    query = Part(clip(shown(result.pin.query), room - place - 2), "title")
    told = fit([query], room - place - (2 if place else 0))
    return fit([*line, *told, *([Part("  ")] if place else []), *_path(path, place)], width)


def _path(path: str, width: int) -> Line:
    return [Part(clip_start(path, width), "path")] if width else []


def about_lines(result: PinResult | None, width: int) -> list[Line]:
    """What is to be known of the pin under the cursor, two lines."""
    if result is None:
        return [[], []]
    pin = result.pin
    ranks = " ".join(
        f"{name} {_rank(result.ranks.get(name))}" for name in RANKINGS if name in result.ranks
    )
    first = joined(
        [
            [Part(f" {clip_start(shown(pin.path), max(16, width // 2))}", "strong")],
            [Part(f"k {pin.k}", "dim")],
            [Part(ranks, "dim")] if ranks else [],
            [Part(f"id {clip(shown(pin.id), 24)}", "dim")],
        ]
    )
    if result.problem:
        return [fit(first, width), fit([Part(f" ! {shown(result.problem)}", "warn")], width)]
    told = f" “{shown(pin.text)}”" if pin.text else " any chunk of the note will do"
    return [fit(first, width), fit([Part(told, "dim")], width)]


def summary_line(run: PinRun | None, width: int) -> Line:
    """`38 of 41 pins hold   reranked R@1 .61 R@5 .93 MRR .74 · keyword …`."""
    if run is None:
        return fit([Part(" ◌ running the pins…", "dim")], width)
    if not run.total:
        return fit([Part(" No pin yet.", "dim")], width)
    style = "good" if run.passing == run.total else "warn"
    line = [Part(f" {run.passing} of {figures.counted(run.total, 'pin')} hold", style)]
    for name in reversed(RANKINGS):
        found = run.measures.get(name)
        if found is None:
            continue
        told = " ".join(
            f"{what} {figures.score(value)}"
            for what, value in (
                ("R@1", found.recall_at_1),
                ("R@5", found.recall_at_5),
                ("MRR", found.mrr),
            )
        )
        group = [Part("   "), Part(f"{name} ", ""), Part(told, "dim")]
        if cells(line) + cells(group) <= width:
            line += group
    return fit(line, width)


def file_line(run: PinRun | None, width: int) -> Line:
    """Where the pins are kept, and what is wrong with the file."""
    if run is None:
        return []
    line = [Part(f" {clip_start(shown(run.file), max(20, width // 2))}", "dim")]
    if run.problems:
        count = figures.counted(len(run.problems), "line")
        line.append(Part(f"   ! {count} cannot be used: {shown(run.problems[0])}", "warn"))
    return fit(line, width)


def state_parts(pins: PinsState, *, brief: bool = False) -> Line:
    """`38 of 41 pins hold · ssh port: decisions/ssh.md #9 → #4`, for the status line."""
    if pins.problem:
        told = "pins failed" if brief else clip(shown(pins.problem), 60)
        return [Part(f"! {told}", "warn", "screen.pins")]
    if not pins.total:
        return []
    style = "good" if pins.passing == pins.total else "warn"
    sign = "✓" if pins.passing == pins.total else "!"
    action = "screen.pins"
    line = [Part(f"{sign} {pins.passing} of {pins.total} pins hold", style, action)]
    if pins.moved and not brief:
        line.append(Part(f" · {clip(shown(pins.moved[0]), 44)}", "dim", action))
    return line


def moved_text(pins: PinsState) -> str:
    """What the last run moved, for a toast."""
    more = len(pins.moved) - 3
    lines = [*pins.moved[:3], *([f"and {more} more"] if more > 0 else [])]
    return "\n".join([f"{pins.passing} of {pins.total} pins hold", *lines])
