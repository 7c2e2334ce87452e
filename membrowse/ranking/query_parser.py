"""Parse a query into words and, on request, operators and filters.

Literal syntax (the default): everything is words. Operator syntax:

| typed                         | keyword                        | every ranking                |
|-------------------------------|--------------------------------|------------------------------|
| `"a phrase"`                  | only chunks with the phrase    |                              |
| `-word`, `-"a phrase"`        | no chunks with it              |                              |
| `title:word`, `body:"a b"` …  | only chunks with it there      |                              |
| `root:team`                   |                                | in this root, or subfolder   |
| `path:runbooks`, `path:*.txt` |                                | path contains or matches it  |
| `tag:ops`                     |                                | tagged `ops`, or `ops/…`     |
| `after:2026-03`               |                                | dated in or after            |
| `before:2026-03-02`           |                                | dated before                 |

`like:logs/ports.md:31` lets the vector ranking search by the vector of the chunk at that line.

Fields are title, headings, body and tags; for the path there is a filter. `-` before a filter
negates it, and several filters must all pass. An invalid operator and an unknown field become
words, with a warning. The encoder gets the words without operators, filters and excluded words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fnmatch import translate
from typing import Protocol

import msgspec

from membrowse.index.analyser import QueryTerms, phrase_terms, query_terms
from membrowse.ranking.query_dates import DateExpression, DateReader
from membrowse.text import normal_form, shown
from membrowse.wire.search import Filters

LITERAL, OPERATORS = "literal", "operators"
FIELDS = {name: name for name in ("title", "headings", "body", "tags")} | {"heading": "headings"}
FILTERS = ("root", "path", "tag", "after", "before")
DATES = ("after", "before")
LIKE = "like"

MAX_QUERY_CHARACTERS = 20_000
"""A longer query is cut, with a warning."""

MAX_FILTER_CHARACTERS = 1000
A_DATE = "a date such as 2026, 2026-03, 2026-03-02 or last week"

_ISO_DATE = re.compile(r"\d{4}(?:-\d{1,2}){0,2}")
_ITEM = re.compile(
    r'(?P<negative>-(?=[\w"“.]))?'
    r"(?:(?P<field>[A-Za-z]+):(?!//))?"
    r'(?:["“](?P<quoted>[^"“”]*)["”]|(?P<word>\S*))'
)
_TYPED = re.compile(r"\S+")


class InvalidFilter(ValueError):
    """A filter of a request that cannot be applied; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """What chunks of the keyword ranking must contain, or must not."""

    terms: tuple[str, ...]
    """At consecutive positions of one field; a single term for a word."""
    field: str | None
    """None: any field."""
    excluded: bool
    typed: str


class Filtered(Protocol):
    """What filters look at: a chunk, or the chunks of a note, which have these in common."""

    @property
    def path(self) -> str: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def date(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a chunk's note, applied to every ranking."""

    kind: str
    """One of `FILTERS`."""
    value: str
    """Folded; a date is completed to `YYYY-MM-DD`, a path pattern becomes a regular expression."""
    excluded: bool
    typed: str

    def passes(self, chunk: Filtered) -> bool:
        """Whether `chunk` passes this filter."""
        return self._matches(chunk) != self.excluded

    def _matches(self, chunk: Filtered) -> bool:
        if self.kind == "root":
            return normal_form(chunk.path.partition("/")[0].casefold()) == self.value
        if self.kind == "path":
            return re.search(self.value, normal_form(chunk.path.casefold())) is not None
        if self.kind == "tag":
            tags = [normal_form(tag.casefold()).lstrip("#") for tag in chunk.tags]
            return any(tag == self.value or tag.startswith(f"{self.value}/") for tag in tags)
        day = chunk.date[:10]
        return day >= self.value if self.kind == "after" else day < self.value


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A parsed query."""

    text: str
    syntax: str
    words: str
    """The words to search for, without operators and filters: the encoder's input."""
    terms: QueryTerms
    """`words`, analysed, and the terms of `dates`; spans are offsets into `words`."""
    dates: tuple[DateExpression, ...] = ()
    """Date expressions in `words`, if dates are read."""
    constraints: tuple[Constraint, ...] = ()
    filters: tuple[Filter, ...] = ()
    warnings: tuple[str, ...] = ()
    like: str = ""
    """`PATH` or `PATH:LINE` of the chunk whose vector is searched by, instead of the words'."""

    @property
    def date_spans(self) -> tuple[tuple[int, int], ...]:
        """Spans of `words` with dates that notes have."""
        return tuple((each.start, each.end) for each in self.dates if each.is_indexed)

    @property
    def typed(self) -> dict[str, str]:
        """Each term with the part of the query that it comes from."""
        spans = zip(self.terms.terms, self.terms.spans, strict=True)
        return {term: self.words[start:end] for term, (start, end) in spans}


@dataclass(slots=True)
class _Parts:
    reader: DateReader
    words: list[str] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    like: str = ""


def parse_query(text: str, syntax: str = LITERAL, reader: DateReader | None = None) -> ParsedQuery:
    """Parse `text`; `syntax` is `LITERAL` or `OPERATORS`. Never raises.

    Without a `reader`, dates are only words.
    """
    parts = _Parts(reader or DateReader(date.today()))
    read = text[:MAX_QUERY_CHARACTERS]
    if len(text) > MAX_QUERY_CHARACTERS:
        parts.warnings.append(f"only the first {MAX_QUERY_CHARACTERS:,} characters are used")
    if syntax == OPERATORS:
        for match in _ITEM.finditer(read):
            if match[0]:
                _add_operator(match, parts)
        words = " ".join(parts.words)
    else:
        words = read.strip()
    dates = reader.expressions(words) if reader is not None else ()
    return ParsedQuery(
        text=text,
        syntax=OPERATORS if syntax == OPERATORS else LITERAL,
        words=words,
        terms=_with_dates(query_terms(words), dates),
        dates=dates,
        constraints=tuple(parts.constraints),
        filters=tuple(parts.filters),
        warnings=tuple(parts.warnings),
        like=parts.like,
    )


def _with_dates(terms: QueryTerms, dates: tuple[DateExpression, ...]) -> QueryTerms:
    """Return `terms` with those of `dates`, which may replace the words they are made of."""
    replaced = [each for each in dates if each.replaces_words]
    kept = {
        term: (start, end)
        for term, (start, end) in zip(terms.terms, terms.spans, strict=True)
        if not any(_is_replaced(start, end, each) for each in replaced)
    }
    for each in dates:
        for term in each.terms:
            kept.setdefault(term, (each.start, each.end))
    return QueryTerms(tuple(kept), terms.dropped, tuple(kept.values()))


def _is_replaced(start: int, end: int, date: DateExpression) -> bool:
    """Whether the term at this span is part of `date`; all of `11/3` is also searched as it is."""
    as_typed = (start, end) == (date.start, date.end) and date.typed[0].isdigit()
    return date.start <= start and end <= date.end and not as_typed


def word_spans(text: str, syntax: str = LITERAL) -> list[tuple[int, int]]:
    """Return the spans of the words of `text`, and with `OPERATORS` those of operators."""
    pattern = _ITEM if syntax == OPERATORS else _TYPED
    return [match.span() for match in pattern.finditer(text[:MAX_QUERY_CHARACTERS]) if match[0]]


def _add_operator(match: re.Match[str], parts: _Parts) -> None:
    typed, name, quoted = match[0], (match["field"] or "").lower(), match["quoted"]
    value = (quoted if quoted is not None else match["word"]).strip()
    excluded = match["negative"] is not None
    if name == LIKE and value and not excluded:
        parts.like = value
    elif name in FILTERS:
        _take_filter(Filter(name, value, excluded, typed), parts)
    elif name and name not in FIELDS:
        if quoted is None and value:
            known = ", ".join([*FIELDS, *FILTERS, LIKE])
            parts.warnings.append(f"{typed}: unknown field, read as words (fields: {known})")
        parts.words.append(typed)
    elif quoted is None and value.startswith(('"', "“")):
        parts.warnings.append(f"{typed}: unclosed quotation mark, read as words")
        parts.words.append(typed)
    elif name or excluded or quoted is not None:
        _take_constraint(value, FIELDS.get(name), excluded, typed, parts)
    else:
        parts.words.append(typed)


def _take_constraint(
    value: str, name: str | None, excluded: bool, typed: str, parts: _Parts
) -> None:
    terms = phrase_terms(value)
    if not terms:
        parts.warnings.append(f"{typed}: nothing to search for, ignored")
        return
    parts.constraints.append(Constraint(terms, name, excluded, typed))
    if not excluded:
        parts.words.append(value)


def _take_filter(parsed: Filter, parts: _Parts) -> None:
    value = _filter_value(parsed.kind, parsed.value, parts.reader)
    if value is None:
        what = A_DATE if parsed.kind in DATES else "a value"
        parts.warnings.append(f"{parsed.typed}: needs {what}, read as words")
        parts.words.append(parsed.typed)
    else:
        typed = _as_read(parsed.kind, value, parsed.typed)
        parts.filters.append(Filter(parsed.kind, value, parsed.excluded, typed))


def _as_read(kind: str, value: str, typed: str) -> str:
    """`typed`; a date in words or with slashes as the day that it is read as."""
    name, _, written = typed.partition(":")
    needs_reading = kind in DATES and not _ISO_DATE.fullmatch(written.strip('"“”'))
    return f"{name}:{value}" if needs_reading else typed


def with_days(filters: Filters, parsed: Iterable[Filter]) -> Filters:
    """`filters` of a request with the days that dates in words were read as: `last week` is
    another one later. `parsed` are all filters of the query, those of the request last."""
    read = {each.kind: each.value for each in parsed if each.kind in DATES}
    given = {kind: value for kind, value in filters.given.items() if kind in read}
    days = {kind: read[kind] for kind, value in given.items() if not _ISO_DATE.fullmatch(value)}
    return msgspec.structs.replace(filters, **days)


def requested_filters(filters: Filters, reader: DateReader | None = None) -> tuple[Filter, ...]:
    """Return the filters of a request; `reader` reads dates in words. Raises `InvalidFilter`."""
    reader = reader or DateReader(date.today())
    given = filters.given
    parsed = {kind: _requested_filter(kind, value, reader) for kind, value in given.items()}
    if {"after", "before"} <= given.keys() and parsed["after"].value >= parsed["before"].value:
        raise InvalidFilter(
            f"no note passes both filters: after {filters.after} is not before {filters.before}"
        )
    return tuple(parsed.values())


def _requested_filter(kind: str, value: str, reader: DateReader) -> Filter:
    value = value.strip()
    typed = f'{kind}:"{value}"' if re.search(r"\s", value) else f"{kind}:{value}"
    if problem := _filter_problem(kind, value):
        raise InvalidFilter(problem)
    compared = _filter_value(kind, value, reader)
    if compared is None:
        what = A_DATE if kind in DATES else "a value"
        raise InvalidFilter(f"the filter {shown(typed)} needs {what}")
    return Filter(kind, compared, False, _as_read(kind, compared, typed))


def _filter_problem(kind: str, value: str) -> str:
    """Return why a request may not have this filter, or ""."""
    if len(value) > MAX_FILTER_CHARACTERS:
        return f"the filter {kind} is longer than {MAX_FILTER_CHARACTERS:,} characters"
    if kind == "path" and ".." in value.split("/"):
        return f"the filter path is within the folder: {shown(value)} leaves it"
    if kind == "path" and re.search(r"\[[^\]]*\Z", value):
        return f"the filter path:{shown(value)} has a [ without a ]"
    return ""


def _filter_value(kind: str, value: str, reader: DateReader) -> str | None:
    """Return the value that a filter compares with, or None if `value` is invalid."""
    folded = normal_form(value.casefold())
    if kind == "path" and folded:
        return _path_pattern(folded)
    if kind == "root":
        return folded.rstrip("/") or None
    if kind == "tag":
        return folded.lstrip("#").rstrip("/") or None
    return _first_day(folded, reader) if kind in DATES else None


def _path_pattern(value: str) -> str:
    """A glob matches the whole path or from any `/`, only the whole path if it begins with one; any
    other value matches anywhere."""
    if not re.search(r"[*?\[]", value):
        return re.escape(value)
    start = r"\A" if value.startswith("/") else r"(?:\A|/)"
    return f"{start}{translate(value.removeprefix('/'))}"


def _first_day(value: str, reader: DateReader) -> str | None:
    """Return the first day of the year, month, week or day that `value` names."""
    period = reader.period(value)
    return period[0].isoformat() if period else None
