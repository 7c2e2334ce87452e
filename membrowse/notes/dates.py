"""Find dates as written in file names, titles and front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

_NUMERIC = re.compile(r"(?<!\d)(\d{4})([-_/.]?)(\d{1,2})\2(\d{1,2})(?!\d)")
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_MONTHS = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_DAY_FIRST = re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+(\d{{4}})\b")
_MONTH_FIRST = re.compile(rf"\b{_MONTH}\s+{_DAY},?\s+(\d{{4}})\b")


def find_date(text: str) -> str:
    """Return the first valid date in `text` (2026-03-02, 2026_03_02, 20260302 …) as ISO, or ""."""
    return next(_numeric(text), "")


def mentions_date(text: str, day: str) -> bool:
    """Whether `text` contains the ISO date `day`, in digits or in English words."""
    return day in _numeric(text) or day in _written_out(text.lower())


def _numeric(text: str) -> Iterator[str]:
    for match in _NUMERIC.finditer(text):
        year, separator, month, day = match.groups()
        if separator or len(match.group()) == len("20260302"):
            yield from _iso(int(year), int(month), int(day))


def _written_out(text: str) -> Iterator[str]:
    for match in _DAY_FIRST.finditer(text):
        day, month, year = match.groups()
        yield from _iso(int(year), _MONTHS.index(month) + 1, int(day))
    for match in _MONTH_FIRST.finditer(text):
        month, day, year = match.groups()
        yield from _iso(int(year), _MONTHS.index(month) + 1, int(day))


def _iso(year: int, month: int, day: int) -> Iterator[str]:
    try:
        parsed = date(year, month, day)
    except ValueError:
        return
    if _FIRST_YEAR <= year <= _LAST_YEAR:
        yield parsed.isoformat()
