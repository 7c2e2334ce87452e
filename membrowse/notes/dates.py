"""Find dates as written in file names, folders, titles and front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

_NUMERIC = re.compile(r"(?<!\d)(\d{4})([-_/.]?)(\d{1,2})\2(\d{1,2})(?!\d)")
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_STAMP = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?:T|[-_ ])?(?:\d{6}|\d{4})(?!\d)")
_DOTTED = re.compile(r"(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?!\d)")
_DATED_FOLDERS = re.compile(r"(?:^|/)(\d{4})[-/](\d{1,2})\b[^/]*/(\d{1,2})(?:[ _-][^/\d]*)?$")
_LONGEST = 64
"""Characters of a value that may be a date."""
_LANGUAGES = "en de fr es it pt nl sv da pl cs ru uk tr ja zh ko".split()
"""Languages of months in front matter; all of `dateparser`'s take 10 s to load."""
_MONTHS = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_DAY_FIRST = re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+(\d{{4}})\b")
_MONTH_FIRST = re.compile(rf"\b{_MONTH}\s+{_DAY},?\s+(\d{{4}})\b")


def find_date(text: str) -> str:
    """Return the first valid date in `text` as ISO, or "".

    In digits from the year on (2026-03-02, 20260302, 202603021230), else from the day on with dots
    (2.3.2026), else in English words (March 2nd, 2026).
    """
    for dates in (_numeric(text), _stamps(text), _dotted(text), _written_out(text.lower())):
        if day := next(dates, ""):
            return day
    return ""


def find_path_date(path: str) -> str:
    """Return the date in a path without extension: of its file name, else of its folders.

    Folders are dated by their names (2026-03-02/) or by year, month and day (2026/03/02).
    """
    *folders, name = path.split("/")
    if day := find_date(name):
        return day
    if match := _DATED_FOLDERS.search(path):
        year, month, day_of_month = map(int, match.groups())
        return next(_iso(year, month, day_of_month), "")
    return next(filter(None, map(find_date, reversed(folders))), "")


def parse_date(value: str) -> str:
    """Return the date that a front matter value is, in any usual form, as ISO, or ""."""
    value = value.strip()[:_LONGEST]
    if not any(map(str.isdigit, value)):
        return ""
    if day := next(_numeric(value), "") or next(_dotted(value), ""):
        return day
    from dateparser.date import DateDataParser  # 0.1 s, and as much for the languages

    settings = {
        "REQUIRE_PARTS": ["day", "month", "year"],
        "PARSERS": ["timestamp", "absolute-time"],
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
    found = DateDataParser(languages=_LANGUAGES, settings=settings).get_date_data(value).date_obj
    return next(_iso(found.year, found.month, found.day), "") if found else ""


def mentions_date(text: str, day: str) -> bool:
    """Whether `text` contains the ISO date `day`, in digits or in English words."""
    return day in _numeric(text) or day in _written_out(text.lower())


def _numeric(text: str) -> Iterator[str]:
    for match in _NUMERIC.finditer(text):
        year, separator, month, day = match.groups()
        if separator or len(match.group()) == len("20260302"):
            yield from _iso(int(year), int(month), int(day))


def _stamps(text: str) -> Iterator[str]:
    for match in _STAMP.finditer(text):
        yield from _iso(*map(int, match.groups()))


def _dotted(text: str) -> Iterator[str]:
    for match in _DOTTED.finditer(text):
        day, month, year = map(int, match.groups())
        yield from _iso(year, month, day)


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
