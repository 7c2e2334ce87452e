"""The terms of a day: what people write and say for it, and what a query's dates are read as."""

from __future__ import annotations

from datetime import date

from membrowse.index.analyser import Token, TokenKind, analyse

_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def day_tokens(iso: str) -> list[Token]:
    """Return the tokens of a note's ISO date.

    `2026-11-03` gives `tuesday`, `3rd`, `3`, `novemb` (the stem of November), `nov`, `2026`, `11/3`
    and the terms of the day, its week, its month and the day of any year (see below). Any other
    text is analysed as text.
    """
    try:
        day = date.fromisoformat(iso[:10])
    except ValueError:
        return analyse(iso)
    month = _MONTHS[day.month - 1]
    ordinal = f"{day.day}{_ORDINALS.get(day.day, 'th')}"
    text = f"{_WEEKDAYS[day.weekday()]} {ordinal} {month} {day.year}"
    others = {
        day_term(day),
        day_term(day).replace("-", ""),
        day_of_year_term(day),
        week_term(day),
        month_term(day),
        f"{day.month}/{day.day}",
        month[:3].lower(),
        "sept" if day.month == 9 else month[:3].lower(),
    }
    tokens = analyse(text)
    written = {token.term for token in tokens}
    end = tokens[-1].position
    parts = (Token(each, 0, len(text), end, TokenKind.PART) for each in sorted(others - written))
    return [*tokens, *parts]


def day_term(day: date) -> str:
    """`2026-11-03`"""
    return day.isoformat()


def day_of_year_term(day: date) -> str:
    """`11-03`: the day in any year."""
    return f"{day.month:02}-{day.day:02}"


def week_term(day: date) -> str:
    """`2026-w45`: the ISO week, Monday to Sunday."""
    year, week, _ = day.isocalendar()
    return f"{year}-w{week:02}"


def month_term(day: date) -> str:
    """`2026-11`"""
    return f"{day.year:04}-{day.month:02}"
