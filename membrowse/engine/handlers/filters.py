"""The values that filters can be chosen from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from membrowse.engine.components import Components
from membrowse.engine.priority import Pause
from membrowse.index.generation import Generation
from membrowse.ranking.query_dates import DateReader
from membrowse.roots import Roots
from membrowse.wire.filters import (
    DateReading,
    DateReadingRequest,
    FilterValue,
    FilterValues,
    FilterValuesRequest,
)

MOST_VALUES = 2_000
"""Folders, and tags: those with the most notes."""
_PAUSES = 1_000


def filter_values(
    components: Components, _request: FilterValuesRequest, pause: Pause
) -> FilterValues:
    """Roots, folders and tags of the indexed notes, and the dates between which they are."""
    generation = components.index.generation
    folders: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    for number, path in enumerate(generation.notes):
        if number % _PAUSES == 0:
            pause()
        folders.update(folders_of(path))
        tags.update(_tags(generation, path))
    roots = tuple(_roots(components.roots, folders))
    for root in roots:
        del folders[f"{root.value}/"]
    dates = [note.date[:10] for note in generation.notes.values()]
    return FilterValues(
        values=(
            *roots,
            *_most("path", folders, by_value=True),
            *_most("tag", tags, by_value=False),
        ),
        first_date=min(dates, default=""),
        last_date=max(dates, default=""),
    )


def read_date(components: Components, request: DateReadingRequest, _pause: Pause) -> DateReading:
    """What a date filter reads `request.text` as."""
    ranker = components.configuration.ranker
    reader = ranker.date_reader(components.index.generation) or DateReader(ranker.today())
    period = reader.period(request.text.casefold())
    if period is None:
        return DateReading(typed=request.text)
    first, after = (day.isoformat() for day in period)
    return DateReading(typed=request.text, first=first, after=after)


def folders_of(path: str) -> Iterator[str]:
    """The folders that a note is in, with a trailing `/`."""
    end = path.find("/")
    while end >= 0:
        yield path[: end + 1]
        end = path.find("/", end + 1)


def _tags(generation: Generation, path: str) -> set[str]:
    """The tags of a note, and those above nested ones (`ops` above `ops/ssh`)."""
    rows = generation.rows(path)
    own = generation.chunks[rows[0]].tags if rows else ()
    plain = [tag.lstrip("#") for tag in own]
    return {above.rstrip("/") for tag in plain for above in (tag, *folders_of(tag)) if above}


def _roots(roots: Roots, folders: Counter[str]) -> Iterator[FilterValue]:
    for root in roots if roots.is_collection else ():
        yield FilterValue(kind="root", value=root.name, notes=folders[root.prefix])


def _most(kind: str, counted: Counter[str], *, by_value: bool) -> list[FilterValue]:
    most = counted.most_common(MOST_VALUES)
    if by_value:
        most.sort()
    return [FilterValue(kind=kind, value=value, notes=notes) for value, notes in most]
