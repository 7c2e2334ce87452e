"""How figures are written: scores, shares, counts, sizes, durations, ages, times."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from membrowse.counts import counted as counted
from membrowse.counts import number as number

NONE = "–"
"""A figure that does not exist."""


def score(value: float | None) -> str:
    """A score in at most five cells: `.71`, `-.02`, `11.8`, `1042`."""
    if value is None or math.isnan(value):
        return NONE
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}"
    return _without_leading_zero(f"{value:.2f}")


def exact(value: float | None) -> str:
    """A score with three decimals, so that sums can be checked: `.713`, `11.803`."""
    return NONE if value is None else _without_leading_zero(f"{value:.3f}")


def _without_leading_zero(text: str) -> str:
    if not text.strip("-0."):
        return "0"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def weight(value: float) -> str:
    """A weight or another parameter, as a person would write it: `1`, `0.5`, `0.17`."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if round(value, 2) else "0"


def percent(share: float) -> str:
    """A share from 0 to 1: `31%`."""
    return f"{share:.0%}"


AT_LEAST = "≥"
"""Before a figure that is a lower bound."""


def rank(value: int | None, *, at_least: bool = False) -> str:
    """`#3`, `≥#401` if the rank is a lower bound, or a dash if there is none."""
    return NONE if value is None else f"{AT_LEAST if at_least else ''}#{number(value)}"


def size(count: int) -> str:
    """Bytes with a decimal unit: `812 B`, `4.1 kB`, `2.0 MB`."""
    value = float(count)
    unit = "B"
    for larger in ("kB", "MB", "GB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"


def milliseconds(value: float) -> str:
    """The time a stage took: `3 ms`, `1.2 s`."""
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 0.95 else "<1 ms"


def duration(seconds: float) -> str:
    """An approximate time: `7 s`, `3 min`, `2 h`."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5700 else f"{round(seconds / 3600)} h"


def age(day: str, now: datetime) -> str:
    """Age of an ISO date in at most five cells: `<1d`, `3d`, `5w`, `4mo`, `2y`; `+2d` if it is in
    the future, empty if it is no date."""
    try:
        then = date.fromisoformat(day[:10])
    except ValueError:
        return ""
    days = (now.date() - then).days
    if days == 0:
        return "<1d"
    sign, days = ("+", -days) if days < 0 else ("", days)
    for limit, length, unit in ((14, 1, "d"), (60, 7, "w"), (730, 30, "mo")):
        if days < limit:
            return f"{sign}{days // length}{unit}"
    return f"{sign}{days // 365}y"


def local_time(moment: str, now: datetime) -> str:
    """An ISO time in the time zone of `now`: `12:04:31` today, `21 Nov 12:04` this year, else
    `2025-11-21`; empty if it is no time."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return ""
    then = (then if then.tzinfo else then.replace(tzinfo=UTC)).astimezone(now.tzinfo)
    if then.date() == now.date():
        return then.strftime("%H:%M:%S")
    return then.strftime("%d %b %H:%M" if then.year == now.year else "%Y-%m-%d")
