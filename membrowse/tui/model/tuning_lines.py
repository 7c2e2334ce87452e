"""The lines of the tuning panel and of its banner."""

from __future__ import annotations

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, bar_parts, cells, clip, fit, spread
from membrowse.presentation.pins import passing_part
from membrowse.text import shown
from membrowse.tui.actions import KeyOf, with_keys
from membrowse.tui.model.panel_title import panel_title
from membrowse.tui.model.tunable_settings import TunableSetting, value_text
from membrowse.tui.model.tuning import NamedConfiguration, Tuning
from membrowse.wire.tuning import TunedSearch

_NAME, _VALUE, _BAR, _WAS = 11, 20, 10, 10


def setting_line(tuning: Tuning, setting: TunableSetting, width: int, *, current: bool) -> Line:
    """`weight     0.62  ━━━━━━────   was 0.5`."""
    value, idle = tuning.value(setting.key), tuning.why_idle(setting)
    name = Part(setting.name.ljust(_NAME), "faint" if idle else "title" if current else "")
    if value is None:
        return fit([name, Part("…", "dim")], width)
    changed = setting.key in tuning.changed
    style = "faint" if idle else "accent" if changed else ""
    if current and tuning.typed:
        text = [Part(f"{tuning.typed}▏", "accent")]
    elif setting.choices and current and not idle:
        text = [Part("‹ ", "dim"), Part(str(value), style), Part(" ›", "dim")]
    else:
        text = [Part(value_text(value), style)]
    room = width - _WAS if changed else width
    share = not setting.choices and setting.high == 1.0 and isinstance(value, float | int)
    if share:
        text = [*fit(text, 6), *(_scale_line(setting, float(value), room) if not idle else [])]
    if idle:
        return fit([name, *text, Part(f"  {idle}", "faint")], width)
    line = [name, *fit(text, max(_VALUE, cells(text)))]
    if changed:
        was = tuning.saved_value(setting.key)
        line.append(Part(f" was {value_text(was) if was is not None else '–'}", "dim"))
    return fit(line, width)


def _scale_line(setting: TunableSetting, share: float, width: int) -> Line:
    """`keyword ◂━━━━──────▸ vector`."""
    low, high = setting.ends
    bar = bar_parts(share, _BAR)
    line = [Part(f"{low} ◂", "dim"), *bar, Part(f"▸ {high}", "dim")]
    return line if low and _NAME + 6 + cells(line) <= width else bar


def configuration_line(tuning: Tuning, named: NamedConfiguration, width: int) -> Line:
    """`● careful     fusion.weight 0.62, rerank.pool 100`."""
    force = named.name == tuning.in_force.name
    sign = Part("● " if force else "○ ", "good" if force else "dim")
    label = [sign, Part(clip(shown(named.label), 24), "title" if force else "")]
    about = " · ".join(filter(None, ("in force" if force else "", shown(named.values_text))))
    return fit([*label, Part(f"  {about}", "dim")], width)


def tuning_head(tuning: Tuning, width: int, key: KeyOf, *, active: bool) -> Line:
    """`▸t TUNE   in force: careful            12 ms`."""
    left = panel_title(key("tune.open"), "TUNE", active=active)
    if tuning.known is not None:
        left.append(Part(f"  in force: {shown(tuning.in_force.label)}", "dim"))
    if tuning.agent:
        left.append(Part(f" · without {shown(tuning.agent)}'s profile", "warn"))
    took = figures.milliseconds(tuning.tried.took_ms) if tuning.tried else ""
    return spread(left, [Part(f"{took} ", "dim")], width)


def tuning_foot(tuning: Tuning, key: KeyOf) -> Line:
    """What the setting does, or what is wrong with its value."""
    if tuning.problem:
        return [Part("✗ ", "bad"), Part(shown(tuning.problem), "bad")]
    if tuning.known is None:
        return [Part("◌ waiting for the engine…", "dim")]
    if tuning.setting is not None:
        return [Part(tuning.setting.about, "dim")]
    keys = "{tune.take} use   {tune.compare} compare   {tune.forget} delete"
    return [Part(with_keys(keys, key), "dim")]


def passing_pins(tried: TunedSearch | None, pins: int) -> Line:
    """`38 of 41 pins pass`; `… of 41 pins pass` until the pins have run."""
    total = tried.pins if tried and tried.pins else pins
    if not total:
        return []
    text = f"of {figures.counted(total, 'pin')} {'passes' if total == 1 else 'pass'}"
    if tried is None or tried.passing is None:
        return [Part(f"… {text}", "dim")]
    return [passing_part(tried.passing, total)]


def banner_line(tuning: Tuning, pins: int, width: int, key: KeyOf) -> Line:
    """`≈ trying: fusion.weight 0.62 · 38 of 41 pins pass            s save  R reset`."""
    right = [
        Part(key("tune.save"), "key", "save"),
        Part(" save  ", "dim", "save"),
        Part(key("tune.reset_all"), "key", "reset_all"),
        Part(" reset ", "dim", "reset_all"),
    ]
    passing = passing_pins(tuning.tried.a if tuning.tried else None, pins)
    if tuning.problem and not tuning.typed:
        passing = [Part("✗ cannot be tried", "bad")]
    tail = [Part(" · ", "dim"), *passing] if passing else []
    room = width - cells(tail) - cells(right) - 12
    values = clip(shown(tuning.values_text), max(12, room))
    left = [Part(" ≈ ", "accent"), Part("trying: ", "accent"), Part(values, "strong"), *tail]
    return spread(left, right, width)
