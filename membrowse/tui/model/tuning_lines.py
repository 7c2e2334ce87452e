"""The tuning panel and its banner as lines."""

from __future__ import annotations

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, cells, clip, fit, spread
from membrowse.presentation.pins import passing_part
from membrowse.text import shown
from membrowse.tui.model.knobs import Knob, written
from membrowse.tui.model.tuning import Named, Tuning
from membrowse.wire.tuning import TunedSearch

_NAME, _VALUE, _BAR = 11, 20, 10


def knob_line(tuning: Tuning, knob: Knob, width: int, *, current: bool) -> Line:
    """`weight     0.62  ━━━━━━────   was 0.5`."""
    value, idle = tuning.value(knob.key), tuning.idle(knob)
    name = Part(knob.name.ljust(_NAME), "faint" if idle else "title" if current else "")
    if value is None:
        return fit([name, Part("…", "dim")], width)
    turned = knob.key in tuning.turned
    style = "faint" if idle else "accent" if turned else ""
    if current and tuning.typed:
        text = [Part(f"{tuning.typed}▏", "accent")]
    elif knob.choices and current and not idle:
        text = [Part("‹ ", "dim"), Part(str(value), style), Part(" ›", "dim")]
    else:
        text = [Part(written(value), style)]
    share = not knob.choices and knob.high == 1.0 and isinstance(value, float | int)
    if share:
        text = [*fit(text, 6), *(bar_parts(float(value), _BAR) if not idle else [])]
    if idle:
        return fit([name, *text, Part(f"  {idle}", "faint")], width)
    line = [name, *fit(text, _VALUE)]
    if turned:
        was = tuning.saved_value(knob.key)
        line.append(Part(f" was {written(was) if was is not None else '–'}", "dim"))
    return fit(line, width)


def configuration_line(tuning: Tuning, named: Named, width: int) -> Line:
    """`● careful     fusion.weight 0.62, rerank.pool 100`."""
    force = named.name == tuning.in_force.name
    sign = Part("● " if force else "○ ", "good" if force else "dim")
    label = [sign, Part(clip(shown(named.label), 24), "title" if force else "")]
    about = " · ".join(filter(None, ("in force" if force else "", shown(named.told))))
    return fit([*label, Part(f"  {about}", "dim")], width)


def head_line(tuning: Tuning, width: int, *, active: bool) -> Line:
    """`▸t TUNE   in force: careful            12 ms`."""
    left = [
        Part("▸" if active else " ", "accent"),
        Part("t ", "key"),
        Part("TUNE", "strong" if active else "name"),
    ]
    if tuning.tunings is not None:
        left.append(Part(f"  in force: {shown(tuning.in_force.label)}", "dim"))
    took = figures.milliseconds(tuning.tried.took_ms) if tuning.tried else ""
    return spread(left, [Part(f"{took} ", "dim")], width)


def foot_line(tuning: Tuning) -> Line:
    """What the knob does, or what is the matter."""
    if tuning.problem:
        return [Part("✗ ", "bad"), Part(shown(tuning.problem), "bad")]
    if tuning.tunings is None:
        return [Part("◌ asking the engine for the values…", "dim")]
    if tuning.knob is not None:
        return [Part(tuning.knob.about, "dim")]
    return [Part("enter puts it in force   b compares   d forgets it", "dim")]


def holding(tried: TunedSearch | None, pins: int) -> Line:
    """`38 of 41 pins pass`, as far as is known."""
    total = tried.pins if tried and tried.pins else pins
    if not total:
        return []
    if tried is None or tried.passing is None:
        return [Part(f"… of {figures.counted(total, 'pin')} pass", "dim")]
    return [passing_part(tried.passing, total)]


def banner_line(tuning: Tuning, pins: int, width: int) -> Line:
    """`≈ trying: fusion.weight 0.62 · 38 of 41 pins pass            s save  esc leave`."""
    right = [
        Part("s", "key", "screen.tune_save"),
        Part(" save  ", "dim", "screen.tune_save"),
        Part("R", "key", "screen.tune_reset_all"),
        Part(" reset ", "dim", "screen.tune_reset_all"),
    ]
    held = holding(tuning.tried.a if tuning.tried else None, pins)
    if tuning.problem and not tuning.typed:
        held = [Part("✗ cannot be tried", "bad")]
    tail = [Part(" · ", "dim"), *held] if held else []
    room = width - cells(tail) - cells(right) - 12
    told = clip(shown(tuning.told), max(12, room))
    left = [Part(" ≈ ", "accent"), Part("trying: ", "accent"), Part(told, "strong"), *tail]
    return spread(left, right, width)
