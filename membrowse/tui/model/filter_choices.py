"""The choices of the filter picker: what can be removed, and what can be set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, clip, fit, spread
from membrowse.text import shown
from membrowse.tui.model.fuzzy_match import lower_case, match
from membrowse.wire.filters import DateReading, FilterValues
from membrowse.wire.search import Filters

KINDS = ("root", "path", "tag", "after", "before")
DATES = ("after", "before")
KIND_CELLS = 14
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
        found += [_removal(kind, value) for kind, value in filters.given.items()]
    found += _known(typed, filters, values)
    if values is not None and not typed.value and typed.kind in ("", *DATES):
        found += _usual_dates(typed, values)
    return found + list(_as_typed(typed))


def _removal(kind: str, value: str) -> FilterChoice:
    return FilterChoice("remove", f"{kind} {value}", "no longer filter by it", ((kind, ""),))


def _dates(typed: FilterTyped, reading: DateReading | None) -> Iterator[FilterChoice]:
    """The typed text read as a date, if the engine did so."""
    if reading is None or not reading.first or reading.typed != typed.value:
        return
    first, after = reading.first, reading.after
    last = date.fromordinal(date.fromisoformat(after).toordinal() - 1).isoformat()
    when = first if first == last else f"{first} to {last}"
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
        value = f"{each.value}*" if each.kind == "path" else each.value
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
    if typed.kind in ("", "path"):
        glob = any(sign in value for sign in "*?[")
        about = "paths that match this glob" if glob else "paths that contain this"
        yield FilterChoice("path", value, about, (("path", value),))
    if typed.kind in ("root", "tag"):
        yield FilterChoice(typed.kind, value, "as typed", ((typed.kind, value),))


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


def chip_line(filters: Filters, width: int, right: Sequence[Part]) -> Line:
    """` only  root team ×  tag ops ×      s filter  S remove`; each × can be clicked."""
    chips: Line = [Part(" only ", "dim")]
    for kind, value in filters.given.items():
        remove = f"screen.drop_filter('{kind}')"
        room = max(12, width // 3)
        chips += [Part(f" {kind} ", "dim"), Part(clip(shown(value), room), "accent")]
        chips.append(Part(" × ", "key", remove))
    fits = cells(chips) + cells(list(right)) < width
    return spread(chips, list(right) if fits else [], width)


def without_chips(filters: Filters, typed: Iterable[str]) -> tuple[str, ...]:
    """The filters of a query, as typed, without those that chips show."""
    chips = {f"{kind}:{value}" for kind, value in filters.given.items()}
    chips |= {f'{kind}:"{value}"' for kind, value in filters.given.items()}
    return tuple(each for each in typed if each not in chips)
