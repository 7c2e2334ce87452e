"""What the engine and the reader of a store say to each other."""

from __future__ import annotations

import msgspec

from membrowse.stores.directory import OpenedStore
from membrowse.stores.fields import Fields
from membrowse.stores.spool import SpooledRecord


class ReadStore(msgspec.Struct, frozen=True, kw_only=True, tag="read"):
    """Read every record into a spool."""

    store: OpenedStore
    directory: str
    """Where the spool and the copy go."""
    spool: str
    """File name of the spool."""
    root: str = ""
    """Folder of all paths, if an earlier reading found one."""
    known: str = ""
    """Fingerprint of the files at the last reading: if they are the same, nothing is read."""


class SearchStore(msgspec.Struct, frozen=True, kw_only=True, tag="search"):
    """Ask the store's own search."""

    store: OpenedStore
    directory: str
    copy: str
    """The copy of the last reading; empty for a server."""
    collection: str
    fields: Fields
    root: str = ""
    text: str
    vector: tuple[float, ...] = ()
    k: int


Work = ReadStore | SearchStore


class Progressed(msgspec.Struct, frozen=True, tag="progress"):
    records: int
    total: int


class Unchanged(msgspec.Struct, frozen=True, tag="unchanged"):
    """The files are those of the last reading."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    problem: str


class Description(msgspec.Struct, frozen=True, kw_only=True, tag="description"):
    """A collection as it was read."""

    collection: str
    space: str
    """How its own search compares vectors."""
    model: str
    """What made its vectors, as far as it says."""
    records: int
    dimension: int
    """0 if no record has a vector."""
    preset: str
    fields: Fields
    root: str = ""
    """The folder that all paths lie in, with a `/` at its end; notes are named below it."""
    facts: tuple[str, ...] = ()
    """What a person should know about how it is read."""
    fingerprint: str = ""
    copy: str = ""
    """Name of the copy that was read, which is kept for the store's own search."""


class FoundRecord(msgspec.Struct, frozen=True, kw_only=True):
    record: SpooledRecord
    score: float | None


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    found: tuple[FoundRecord, ...]
    warning: str = ""


Message = Progressed | Unchanged | Failed | Description | Answered
