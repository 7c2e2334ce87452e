"""Who crowds out whom: the shares of the first places by root, folder and note."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.wire.request import Request
from membrowse.wire.search import NO_FILTERS, Filters


class CrowdingSource(StrEnum):
    """Whose hits are counted."""

    QUERY = "query"
    """The first k hits of one query."""
    PINS = "pins"
    """Those of every pin's query."""
    LOG = "log"
    """What agents got, as the recall log has it."""


class PlaceShare(msgspec.Struct, frozen=True, kw_only=True):
    """The places of one root, folder or note."""

    name: str
    """A root, a folder with a trailing `/`, or the path of a note."""
    places: int
    share: float
    """Of all places, 0 to 1."""
    chunk_share: float
    """Its share of all chunks of the index, or of those that pass the query's filters, 0 to 1."""
    lists: int
    """Lists that it has a place in."""


class Crowding(msgspec.Struct, frozen=True, kw_only=True):
    """The places of the first k hits, counted."""

    source: CrowdingSource
    k: int | None
    """None for the log: each agent has its own."""
    lists: int
    """Queries or recalls with at least one hit."""
    places: int
    roots: tuple[PlaceShare, ...] = ()
    """Of a collection; most places first, as in the others."""
    folders: tuple[PlaceShare, ...] = ()
    """The folder that a note is in; a note at the top is in ``."""
    notes: tuple[PlaceShare, ...] = ()
    near_duplicates: int = 0
    """Places of chunks that resemble a better ranked chunk of the same list."""
    near_duplicate_share: float = 0.0
    filters: tuple[str, ...] = ()
    """Of the query, as typed."""
    gone: int = 0
    """Places of notes that are no longer indexed; not counted above."""


class CrowdingRequest(Request[Crowding], frozen=True, kw_only=True):
    """Count who has the first places."""

    source: CrowdingSource
    text: str = ""
    syntax: str = "literal"
    filters: Filters = NO_FILTERS
    k: int | None = None
    """None: the agent's."""
