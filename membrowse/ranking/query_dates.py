"""Dates in queries: `Nov 3rd`, `last Tuesday`, `in October` become the terms of notes' dates.

A pattern finds the expressions, since anything else ("may", "8080", "the second") would be read as
a date by mistake; `dateparser` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, NamedTuple

from membrowse.index.day_terms import day_of_year_term, day_term, month_term, week_term

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_PLAIN_MONTH = r"(?:january|february|april|june|july|august|september|october|november|december)\b"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_SHORT_WEEKDAY = rf"(?:{_WEEKDAY}|mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)\b\.?"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?\b"
_YEAR = r"(?:19|20|21)\d\d\b"
_COUNT = r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"

_EXPRESSION = re.compile(
    rf"(?<![\w.,:/\-])(?:"
    rf"(?P<dated>(?:the )?{_DAY}(?: of)?[ \-]{_MONTH}(?:,?[ \-]{_YEAR})?"
    rf"|{_MONTH}[ \-](?:the )?{_DAY}(?:,? {_YEAR})?(?! ?(?:[ap]\.?m\b|:\d))"
    rf"|(?:19|20|21)\d\d(?P<sep>[\-/.])\d\d?(?P=sep)\d\d?\b"
    rf"|\d\d?(?P<sep2>[\-/.])\d\d?(?P=sep2){_YEAR})"
    rf"|(?:(?<=\bon )|(?<=\bsince )|(?<=\bfrom )|(?<=\bbefore )|(?<=\bafter )|(?<=\buntil ))"
    rf"(?P<slashed_after>\d\d?/\d\d?)"
    rf"|(?P<slashed>(?!24/7|1/[2-5]\b|2/[35]\b|3/[45]\b)\d\d?/\d\d?)"
    r"|(?<=\bon )(?P<day>the \d\d?(?:st|nd|rd|th))"
    rf"|(?P<month>{_MONTH}(?:,| of)? {_YEAR}|(?:19|20|21)\d\d-(?:0[1-9]|1[0-2])"
    rf"|(?:(?<=\bin )|(?<=\bsince )|(?<=\bduring ))(?:{_PLAIN_MONTH}|march|may)\b"
    rf"|(?:(?:last|this|past|next) )?{_PLAIN_MONTH}|(?:last|this|past|next) (?:march|may)\b)"
    rf"|(?P<weekday>(?:(?:last|this|past|next) ){_SHORT_WEEKDAY}|{_WEEKDAY}\b(?!s)"
    rf"|(?:(?<=\bon ))(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)\b\.?)"
    rf"|(?P<weekend>(?:last|this|past|next) weekend)"
    rf"|(?P<relative>(?:the )?day (?:before yesterday|after tomorrow)|yesterday|today|tomorrow"
    r"|last night|tonight|this (?:morning|afternoon|evening)"
    rf"|{_COUNT} (?:days?|weeks?|months?|years?) ago|(?:last|this|past|next) (?:week|month|year))"
    rf")(?![\w/\-]|[.,:]\d)",
    re.IGNORECASE,
)
_HAS_YEAR = re.compile(rf"\b{_YEAR}|\b(?:19|20|21)\d\d[\-/.]")
_DIRECTION = re.compile(r"(?:last|this|past) (?=[a-z]{3,9}\Z)", re.IGNORECASE)
_NUMERIC = re.compile(r"[\d/.\-]+")
_DOTTED = re.compile(r"\d\d?\.\d\d?\.\d{4}")
_PAST = re.compile(r"\Apast ", re.IGNORECASE)
_PART_OF_DAY = re.compile(r"(?P<before>last night)|tonight|this (?:morning|afternoon|evening)")

_ISO = re.compile(r"\d{4}(?:-\d\d?){0,2}")

_MAX_EXPRESSIONS = 4


@dataclass(frozen=True, slots=True)
class DateExpression:
    """A date expression of a query."""

    typed: str
    start: int
    end: int
    meaning: str
    """What it is read as: `2026-11-17`, `2026-10`, `2026-11-16 to 2026-11-22`."""
    terms: tuple[str, ...]
    """Terms of the date field; a note of that date has at least one."""
    replaces_words: bool
    """Whether the words mean nothing but the date (`yesterday`, the parts of `11/3`), and some note
    has it."""
    is_indexed: bool
    """Whether some note has the date."""


class _Reading(NamedTuple):
    """What an expression is read as."""

    meaning: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DateReader:
    """Reads the date expressions of queries."""

    today: date
    day_first: bool = False
    """Whether 3/11 is 3 November."""
    is_indexed: Callable[[str], bool] = lambda term: True
    """Whether a note's date has this term."""

    def expressions(self, words: str) -> tuple[DateExpression, ...]:
        """Return the date expressions of `words` in order, at most `_MAX_EXPRESSIONS`."""
        return tuple(islice(self._expressions(words), _MAX_EXPRESSIONS))

    def period(self, text: str) -> tuple[date, date] | None:
        """The first day of the date, week, month or year that `text` is, and the day after it.

        None if `text` is something else.
        """
        for words in (text.strip(), f"in {text.strip()}", f"on {text.strip()}"):
            for match in _EXPRESSION.finditer(words):
                whole = match.end() == len(words) and match[0].endswith(text.strip())
                if whole and (read := self._read(match)) is not None:
                    return _period(read.meaning)
        return _period(text.strip()) if _ISO.fullmatch(text.strip()) else None

    def _expressions(self, words: str) -> Iterator[DateExpression]:
        for match in _EXPRESSION.finditer(words):
            if (read := self._read(match)) is not None:
                known = any(map(self.is_indexed, read.terms))
                yield DateExpression(
                    typed=match[0],
                    start=match.start(),
                    end=match.end(),
                    meaning=read.meaning,
                    terms=read.terms,
                    replaces_words=known and self._means_only_a_date(match),
                    is_indexed=known,
                )

    def _means_only_a_date(self, match: re.Match[str]) -> bool:
        named = match["relative"] or match["weekend"]
        return named is not None or _NUMERIC.fullmatch(match[0]) is not None

    def _read(self, match: re.Match[str]) -> _Reading | None:
        """Return the reading of an expression, or None if it is no valid date."""
        typed = match[0].replace(".", " ") if match["dated"] is None else match[0]
        weekend = match["weekend"] is not None
        typed = _PART_OF_DAY.sub(_day_of, typed.lower().replace("weekend", "saturday"))
        parsed = self._parse(typed) if match["day"] is None else self._day_of_month(match["day"])
        if parsed is None:
            return None
        day, period = parsed
        if weekend:
            days = _days(day, 2)
            return _Reading(_span(days), days)
        if period == "year":
            return _Reading(str(day.year), (str(day.year),))
        if period == "month":
            return _Reading(month_term(day), (month_term(day),))
        if period == "week":
            days = _days(day - timedelta(day.weekday()), 7)
            return _Reading(_span(days), (week_term(day),))
        any_year = not (match["weekday"] or match["relative"] or match["day"])
        if any_year and not _HAS_YEAR.search(match[0]):
            return _Reading(day_term(day), (day_term(day), day_of_year_term(day)))
        return _Reading(day_term(day), (day_term(day),))

    def _day_of_month(self, typed: str) -> tuple[date, str] | None:
        """Read `the 20th` as the latest past day with this number."""
        number = int("".join(filter(str.isdigit, typed)))
        days = (self.today - timedelta(ago) for ago in range(62))
        return next(((day, "day") for day in days if day.day == number), None)

    def _parse(self, typed: str) -> tuple[date, str] | None:
        from dateparser.date import DateDataParser  # 0.1 s

        day_first = self.day_first or _DOTTED.fullmatch(typed) is not None
        settings: dict[str, Any] = {
            "RELATIVE_BASE": datetime.combine(self.today, time(12)),
            "PREFER_DATES_FROM": "past",
            "PREFER_DAY_OF_MONTH": "first",
            "DATE_ORDER": "DMY" if day_first else "MDY",
            "PARSERS": ["relative-time", "absolute-time"],
        }
        parser = DateDataParser(languages=["en"], settings=settings)
        for text in (_PAST.sub("last ", typed), _DIRECTION.sub("", typed)):
            found = parser.get_date_data(text)
            if found.date_obj is not None:
                return found.date_obj.date(), str(found.period)
        return None


def _period(meaning: str) -> tuple[date, date] | None:
    """First day, and the day after the last, of `2026`, `2026-10`, `2026-10-02` or `… to …`."""
    first, _, last = meaning.partition(" to ")
    year, month, day = (*map(int, first.split("-")), 0, 0)[:3]
    try:
        begin = date(year, month or 1, day or 1)
        if last:
            return begin, date.fromisoformat(last) + timedelta(1)
        if day:
            return begin, begin + timedelta(1)
        return begin, date(year + (month in (0, 12)), month % 12 + 1 if month else 1, 1)
    except ValueError:
        return None


def _day_of(part: re.Match[str]) -> str:
    return "yesterday" if part["before"] else "today"


def _days(first: date, count: int) -> tuple[str, ...]:
    return tuple(day_term(first + timedelta(number)) for number in range(count))


def _span(days: tuple[str, ...]) -> str:
    return f"{days[0]} to {days[-1]}"
