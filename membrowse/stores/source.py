"""What every kind of store offers to its reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any, Protocol

from membrowse.counts import counted

BATCH = 500
"""Records that are fetched at once."""
_LISTED_CHARACTERS = 400
"""Of the collections that an error lists."""


class StoreUnreadable(Exception):
    """A store cannot be read; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the store has it."""

    id: str
    document: str | None
    metadata: Mapping[str, Any]
    vector: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """What a store says of a collection."""

    name: str
    records: int
    space: str = ""
    """How its own search compares vectors: `l2`, `cosine` or `ip`."""
    model: str = ""
    """What made its vectors, as far as it says."""
    facts: tuple[str, ...] = field(default=())
    """What a person should know about how it is read."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record that the store's own search returned."""

    record: Record
    score: float | None
    """On the store's own scale; the greater, the better."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store's own search returned."""

    found: Sequence[Found]
    warning: str = ""


class RecordSource(Protocol):
    """An open store. Every method raises `StoreUnreadable`, or what its library raises."""

    def collections(self) -> list[str]:
        """The names of its collections."""
        ...

    def use(self, collection: str) -> CollectionFacts:
        """Open one of its collections."""
        ...

    def records(self) -> Iterator[Sequence[Record]]:
        """All records of the collection in use, a batch at a time."""
        ...

    def search(self, text: str, vector: Sequence[float] | None, k: int) -> Answer:
        """Search as programs do that use this store; `vector` is the query's, if it is known."""
        ...

    def close(self) -> None: ...


def chosen_collection(source: RecordSource, named: str, address: str) -> str:
    """The named collection, else the only one. Raises `StoreUnreadable` with a list of them."""
    known = sorted(source.collections())
    if not known:
        raise StoreUnreadable(f"{address} has no collection")
    if named in known:
        return named
    if named:
        raise StoreUnreadable(
            f"there is no collection {named!r} in {address}: it has {_listed(known, named)}"
        )
    if len(known) > 1:
        raise StoreUnreadable(
            f"{address} has {len(known)} collections: name one, such as {address}#{known[0]} "
            f"(it has {_listed(known)})"
        )
    return known[0]


def _listed(names: Sequence[str], wanted: str = "") -> str:
    """The names, those nearest to `wanted` first, and how many others there are."""

    def distance(name: str) -> float:
        return -SequenceMatcher(None, wanted.casefold(), name.casefold()).ratio()

    nearest = sorted(names, key=distance)
    ends = accumulate(len(name) + 2 for name in nearest)
    count = max(1, sum(end <= _LISTED_CHARACTERS for end in ends))
    others = f" and {counted(len(names) - count, 'other')}" if count < len(names) else ""
    return ", ".join(nearest[:count]) + others
