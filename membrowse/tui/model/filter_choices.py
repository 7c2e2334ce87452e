"""The choices of the filter picker: what can be removed, and what can be set."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import msgspec
from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, clip, fit, spread
from membrowse.text import shown
from membrowse.tui.model.fuzzy_match import lower_case, match
from membrowse.wire.filters import DateReading, FilterValues
from membrowse.wire.search import Filters

KINDS = ("root", "path", "tag", "after", "before")
DATES = ("after", "before")
KIND_CELLS = 14
_UNCLOSED = re.compile(r"\[[^\]]*\Z")
"""In a glob that the engine refuses."""
_WHOLE_NAME = 1000.0
"""Added to the score of a value that is what is typed."""


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """A line of the picker."""

    label: str
    value: str
    about: str
    changes: tuple[tuple[str, str], ...]
    """Fields of the filters, with their new values."""
    places: frozenset[int] = frozenset()
    """Places of the typed letters in `value`."""

    def applied(self, filters: Filters) -> Filters:
        """The filters after this choice."""
        return msgspec.structs.replace(filters, **dict(self.changes))


@dataclass(frozen=True, slots=True)
class FilterTyped:
    """What is typed: perhaps a kind with a colon, then letters of a value."""

    text: str

    @property
    def kind(self) -> str:
        """One of `KINDS`, if the text begins with it and a colon."""
        kind = self.text.strip().partition(":")[0].lower()
        return kind if ":" in self.text and kind in KINDS else ""

    @property
    def value(self) -> str:
        """The text without the kind."""
        text = self.text.strip()
        return text.partition(":")[2].strip() if self.kind else text

    @property
    def words(self) -> list[str]:
        return lower_case(self.value).split()

    @property
    def may_be_date(self) -> bool:
        return bool(self.value) and self.kind in ("", *DATES)


def choices(
    typed: FilterTyped, filters: Filters, values: FilterValues | None, reading: DateReading | None
) -> list[FilterChoice]:
    """What can be chosen for the typed text; first what it says itself, then what it is like."""
    found = list(_dates(typed, reading))
    if not typed.value:
        found += [_removal(chip) for chip in chips(filters)]
    found += _known(typed, filters, values)
    if values is not None and not typed.value and typed.kind in ("", *DATES):
        found += _usual_dates(typed, values)
    return found + list(_as_typed(typed))


def _removal(chip: Chip) -> FilterChoice:
    changes = tuple((field, "") for field in chip.fields)
    return FilterChoice("remove", f"{chip.label} {chip.value}", "no longer filter by it", changes)


def _dates(typed: FilterTyped, reading: DateReading | None) -> Iterator[FilterChoice]:
    """The typed text read as a date, if the engine did so."""
    if reading is None or not reading.first or reading.typed != typed.value:
        return
    first, after = reading.first, reading.after
    when = _period(first, after)
    if not typed.kind:
        both = (("after", first), ("before", after))
        yield FilterChoice("date in", reading.typed, when, both)
    for kind in DATES:
        if typed.kind in ("", kind):
            yield FilterChoice(kind, first, f"{reading.typed}: {when}", ((kind, first),))


def _known(typed: FilterTyped, filters: Filters, values: FilterValues | None) -> list[FilterChoice]:
    """Roots, folders and tags whose names have the typed letters, the best first."""
    found: list[tuple[float, FilterChoice]] = []
    for each in values.values if values is not None else ():
        if typed.kind not in ("", each.kind):
            continue
        score, places = 0.0, frozenset[int]()
        if typed.words:
            matched = match(typed.words, lower_case(each.value))
            if matched is None:
                continue
            score, places = matched
            score += _WHOLE_NAME * (lower_case(each.value) == lower_case(typed.value))
        value = f"/{glob.escape(each.value)}*" if each.kind == "path" else each.value
        if getattr(filters, each.kind) != value:
            about = figures.counted(each.notes, "note")
            changes = ((each.kind, value),)
            found.append((score, FilterChoice(each.kind, each.value, about, changes, places)))
    found.sort(key=lambda pair: -pair[0])
    return [choice for _, choice in found]


def _usual_dates(typed: FilterTyped, values: FilterValues) -> Iterator[FilterChoice]:
    """Examples of what can be typed."""
    if values.first_date:
        between = f"notes are dated {values.first_date} to {values.last_date}"
        kinds = [typed.kind] if typed.kind else DATES
        for kind in kinds:
            yield FilterChoice(kind, "…", f"type 2026-03 or last week; {between}", ())


def _as_typed(typed: FilterTyped) -> Iterator[FilterChoice]:
    """The typed text as a part or a glob of paths, or as a tag."""
    value = typed.value
    if not value:
        return
    if typed.kind in ("", "path") and not _UNCLOSED.search(value):
        is_glob = any(sign in value for sign in "*?[")
        about = "paths that match this glob" if is_glob else "paths that contain this"
        yield FilterChoice("path", value, about, (("path", value),))
    if typed.kind in ("root", "tag"):
        yield FilterChoice(typed.kind, value, "as typed", ((typed.kind, value),))


def problem(typed: FilterTyped, reading: DateReading | None) -> str:
    """Why what is typed is no filter, or no date though it looks like one; else empty."""
    value = clip(shown(typed.value), 30)
    if typed.kind in DATES or re.match(r"\d{4}-", typed.value):
        unread = reading is not None and reading.typed == typed.value and not reading.first
        return f"{value} is not a date" if unread else ""
    return f"{value} has a [ without a ]" if _UNCLOSED.search(typed.value) else ""


def choice_line(choice: FilterChoice, width: int) -> Line:
    """`tag           ops/release                         12 notes`."""
    about = [Part(shown(choice.about), "dim")]
    room = max(8, width - KIND_CELLS - cells(about) - 2)
    style = "warn" if choice.label == "remove" else "accent"
    left = [*fit([Part(choice.label, style)], KIND_CELLS), *_marked(choice, room)]
    return spread(left, about, width)


def _marked(choice: FilterChoice, width: int) -> Line:
    """The value with the typed letters marked."""
    text = clip(shown(choice.value), width)
    return [
        Part(character, "mark" if at in choice.places else "title")
        for at, character in enumerate(text)
    ]


class Chip(NamedTuple):
    """What the line under the query shows as one filter, and one × removes."""

    label: str
    value: str
    fields: tuple[str, ...]
    """Of the filters."""


def chips(filters: Filters) -> list[Chip]:
    """A chip per filter; a first and a last day are one."""
    period = _period(filters.after, filters.before)
    found = [
        Chip(kind, value, (kind,))
        for kind, value in filters.given.items()
        if not period or kind not in DATES
    ]
    return [*found, Chip("dated", period, DATES)] if period else found


def _period(first: str, after: str) -> str:
    """`2026-11-16 to 2026-11-22`: from the day `first` to the day before `after`; empty unless both
    are days, in this order."""
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(after) - timedelta(1)
    except (ValueError, OverflowError):
        return ""
    if start >= end:
        return f"{start}" if start == end else ""
    return f"{start} to {end}"


def chip_line(filters: Filters, width: int, right: Sequence[Part]) -> Line:
    """` only  root team ×  tag ops ×      s filter  S remove`; each × can be clicked."""
    line: Line = [Part(" only ", "dim")]
    found = chips(filters)
    around = cells(line) + sum(len(f" {chip.label}  × ") for chip in found)
    room = _room([cell_len(shown(chip.value)) for chip in found], width - around)
    for chip in found:
        line += [Part(f" {chip.label} ", "dim"), Part(clip(shown(chip.value), room), "accent")]
        fields = ", ".join(map(repr, chip.fields))
        line.append(Part(" × ", "key", f"screen.drop_filter({fields})"))
    fits = cells(line) + cells(list(right)) < width
    return spread(line, list(right) if fits else [], width)


def _room(lengths: Sequence[int], free: int) -> int:
    """The most cells that each text may have so that all fit in `free`; not below 8."""
    room = max(lengths, default=0)
    while room > 8 and sum(min(length, room) for length in lengths) > free:
        room -= 1
    return room


def without_chips(filters: Filters, typed: Iterable[str]) -> tuple[str, ...]:
    """The filters of a query, as typed, without those that chips show."""
    known = {f"{kind}:{value}" for kind, value in filters.given.items()}
    known |= {f'{kind}:"{value}"' for kind, value in filters.given.items()}
    return tuple(each for each in typed if each not in known)
