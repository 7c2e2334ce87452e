"""What filters can be chosen from: the roots, folders and tags of the notes, and dates in words."""

from __future__ import annotations

import msgspec

from membrowse.wire.request import Request


class FilterValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a filter can have."""

    kind: str
    """`root`, `path` or `tag`."""
    value: str
    """A root's name, a folder with a trailing `/`, or a tag."""
    notes: int
    """Notes that it lets pass."""


class FilterValues(msgspec.Struct, frozen=True, kw_only=True):
    """The values of all indexed notes."""

    values: tuple[FilterValue, ...]
    """Roots in their order, then folders by path, then tags with the most notes first."""
    first_date: str = ""
    """ISO date of the oldest note; empty if there is none."""
    last_date: str = ""


class FilterValuesRequest(Request[FilterValues], frozen=True, kw_only=True):
    """Collect the values that filters can be chosen from."""


class DateReading(msgspec.Struct, frozen=True, kw_only=True):
    """A period, as it is typed and read."""

    typed: str
    first: str = ""
    """ISO date of its first day; empty if it is no date."""
    after: str = ""
    """ISO date of the day after its last."""


class DateReadingRequest(Request[DateReading], frozen=True, kw_only=True):
    """Read `last week`, `2026-03` or `March 2nd`, as a date filter does."""

    text: str
