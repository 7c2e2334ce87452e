"""What is typed, taken apart: words, and on request operators and filters.

Literal (the default): everything typed is words. Operators:

| typed                         | keyword                        | every ranking              |
|-------------------------------|--------------------------------|----------------------------|
| `"a phrase"`                  | only chunks that hold it       |                            |
| `-word`, `-"a phrase"`        | no chunks that hold it         |                            |
| `title:word`, `body:"a b"` …  | only chunks with it there      |                            |
| `path:runbooks`, `path:*.txt` |                                | the path holds, matches it |
| `tag:ops`                     |                                | tagged `ops`, or `ops/…`   |
| `after:2026-03`               |                                | dated in or after          |
| `before:2026-03-02`           |                                | dated before               |

Fields are title, headings, body and tags; the path is asked for by its filter. `-` before a filter
turns it round. Several filters must all pass. An operator that cannot be one is a word, with a
warning; so is everything unknown before a colon. The encoder gets the words without operators, and
not the excluded ones.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from datetime import date
from fnmatch import translate

from membrowse.index.analyser import QueryTerms, phrase_terms, query_terms
from membrowse.notes.chunk import Chunk

LITERAL, OPERATORS = "literal", "operators"
FIELDS = {name: name for name in ("title", "headings", "body", "tags")} | {"heading": "headings"}
FILTERS = ("path", "tag", "after", "before")

LONGEST = 20_000
"""Characters of a query that are looked at; more gives a warning."""

_ITEM = re.compile(
    r'(?P<negative>-(?=[\w"“.]))?'
    r"(?:(?P<field>[A-Za-z]+):(?!//))?"
    r'(?:["“](?P<quoted>[^"“”]*)["”]|(?P<word>\S*))'
)
_TYPED = re.compile(r"\S+")
_DAY = re.compile(r"(\d{4})(?:-(\d\d?))?(?:-(\d\d?))?")


@dataclass(frozen=True, slots=True)
class Constraint:
    """What the chunks of the keyword ranking must hold, or must not."""

    terms: tuple[str, ...]
    """At consecutive positions of one field; one term where a word is meant."""
    field: str | None
    """None: any field."""
    excluded: bool
    typed: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a chunk's note, in force for every ranking."""

    kind: str
    """One of `FILTERS`."""
    value: str
    """Folded; a date is completed to `YYYY-MM-DD`, a path pattern is a regular expression."""
    excluded: bool
    typed: str

    def passes(self, chunk: Chunk) -> bool:
        """Whether `chunk` is in scope as far as this filter goes."""
        return self._holds(chunk) != self.excluded

    def _holds(self, chunk: Chunk) -> bool:
        if self.kind == "path":
            return re.search(self.value, chunk.path.casefold()) is not None
        if self.kind == "tag":
            tags = [tag.casefold().lstrip("#") for tag in chunk.tags]
            return any(tag == self.value or tag.startswith(f"{self.value}/") for tag in tags)
        day = chunk.date[:10]
        return day >= self.value if self.kind == "after" else day < self.value


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query as understood."""

    text: str
    syntax: str
    words: str
    """The words to look for, without operators and filters: what the encoder gets."""
    terms: QueryTerms
    """`words`, analysed; spans are into `words`."""
    constraints: tuple[Constraint, ...] = ()
    filters: tuple[Filter, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Parts:
    words: list[str] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def parse(text: str, syntax: str = LITERAL) -> ParsedQuery:
    """Understand `text`; `syntax` is `LITERAL` or `OPERATORS`. Never fails."""
    parts = _Parts()
    looked_at = text[:LONGEST]
    if len(text) > LONGEST:
        parts.warnings.append(f"only the first {LONGEST:,} characters are used")
    if syntax == OPERATORS:
        for match in _ITEM.finditer(looked_at):
            if match[0]:
                _take(match, parts)
        words = " ".join(parts.words)
    else:
        words = looked_at.strip()
    return ParsedQuery(
        text=text,
        syntax=OPERATORS if syntax == OPERATORS else LITERAL,
        words=words,
        terms=query_terms(words),
        constraints=tuple(parts.constraints),
        filters=tuple(parts.filters),
        warnings=tuple(parts.warnings),
    )


def items(text: str, syntax: str = LITERAL) -> list[tuple[int, int]]:
    """Where the words of `text` are, or, with `OPERATORS`, words and operators; spans."""
    pattern = _ITEM if syntax == OPERATORS else _TYPED
    return [match.span() for match in pattern.finditer(text[:LONGEST]) if match[0]]


def _take(match: re.Match[str], parts: _Parts) -> None:
    typed, name, quoted = match[0], (match["field"] or "").lower(), match["quoted"]
    value = (quoted if quoted is not None else match["word"]).strip()
    excluded = match["negative"] is not None
    if name in FILTERS:
        _take_filter(Filter(name, value, excluded, typed), parts)
    elif name and name not in FIELDS:
        if quoted is None and value:
            known = ", ".join([*FIELDS, *FILTERS])
            parts.warnings.append(f"{typed}: no such field, taken as words (fields: {known})")
        parts.words.append(typed)
    elif quoted is None and value.startswith(('"', "“")):
        parts.warnings.append(f"{typed}: the quotation mark is not closed, taken as words")
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
        parts.warnings.append(f"{typed}: nothing to look for, left out")
        return
    parts.constraints.append(Constraint(terms, name, excluded, typed))
    if not excluded:
        parts.words.append(value)


def _take_filter(found: Filter, parts: _Parts) -> None:
    value = _filter_value(found.kind, found.value)
    if value is None:
        wanted = "a date such as 2026, 2026-03 or 2026-03-02"
        what = wanted if found.kind in ("after", "before") else "a value"
        parts.warnings.append(f"{found.typed}: needs {what}, taken as words")
        parts.words.append(found.typed)
    else:
        parts.filters.append(Filter(found.kind, value, found.excluded, found.typed))


def _filter_value(kind: str, value: str) -> str | None:
    """What a filter compares with, or None where `value` cannot be one."""
    folded = value.casefold()
    if kind == "path" and folded:
        return _path_pattern(folded)
    if kind == "tag":
        return folded.lstrip("#").rstrip("/") or None
    return _day(folded) if kind in ("after", "before") else None


def _path_pattern(value: str) -> str:
    """A glob matches the whole path or from any `/`; anything else matches anywhere."""
    if not re.search(r"[*?\[]", value):
        return re.escape(value)
    return rf"(?:\A|/){translate(value.removeprefix('/'))}"


def _day(value: str) -> str | None:
    """The first day of the year, month or day that `value` names."""
    match = _DAY.fullmatch(value)
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
    if not (1 <= year and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    return date(year, month, day).isoformat()
