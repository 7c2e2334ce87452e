"""Figures as they are written on the screen: scores, sizes, ages, times."""

from __future__ import annotations

from datetime import UTC, date, datetime


def score(value: float | None) -> str:
    """A score in at most five cells: `.71`, `-.02`, `11.8`, `1042`; none is `–`."""
    if value is None:
        return "–"
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}"
    text = f"{value:.2f}"
    if text in ("0.00", "-0.00"):
        return "0"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def milliseconds(value: float) -> str:
    """`3 ms`, `1.2 s`."""
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 0.95 else "<1 ms"


def size(count: int) -> str:
    """Bytes with a decimal unit: `812 B`, `4.1 kB`, `2.0 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def duration(seconds: float) -> str:
    """Time left, roughly: `7 s`, `3 min`, `2 h`."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5700 else f"{round(seconds / 3600)} h"


def number(count: int) -> str:
    """A count with thin thousands: `19 042`."""
    return f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def counted(count: int, noun: str) -> str:
    """`1 note`, `3 notes`."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def age(day: str, now: datetime) -> str:
    """How long ago an ISO date was, in at most five cells: `<1d`, `3d`, `5w`, `4mo`, `2y`."""
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


def at(moment: str, now: datetime) -> str:
    """A time in the person's zone (that of `now`): `12:04:31` today, `21 Nov 12:04` before."""
    then = _moment(moment)
    if then is None:
        return ""
    then = then.astimezone(now.tzinfo)
    if then.date() == now.date():
        return then.strftime("%H:%M:%S")
    if then.year == now.year:
        return then.strftime("%d %b %H:%M")
    return then.strftime("%Y-%m-%d")
