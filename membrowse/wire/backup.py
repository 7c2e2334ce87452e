"""A backup of an index, and what restoring one did."""

from __future__ import annotations

import msgspec

from membrowse.wire.request import StreamRequest

BACKUP_FORMAT = 1
"""Version of the archive: a gzipped tar whose first member is `backup.json`."""


class BackupPart(msgspec.Struct, frozen=True, kw_only=True):
    """The next bytes of the archive."""

    data: bytes
    total: int
    """Bytes of the whole archive."""


class BackupRequest(StreamRequest[BackupPart], frozen=True, kw_only=True):
    """An archive of what cannot be derived from the folder, consistent while the engine serves."""

    with_vectors: bool = False
    """Add vectors and token vectors, which can be computed again in time."""


class BackupContent(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive consists of: its member `backup.json`."""

    format: int
    version: str
    """Version of the program that made it."""
    folder: str
    at: str
    files: dict[str, str]
    """Member → SHA-256 of its content, in hex."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse restore` did."""

    content: BackupContent
    restored: tuple[str, ...]
    """Members whose files are in place now."""
    kept: tuple[str, ...] = ()
    """Members that were left out, because such a file exists already."""
