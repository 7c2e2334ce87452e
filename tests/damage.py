"""Damage to files, as a failing disk leaves it."""

from __future__ import annotations

from pathlib import Path

from membrowse.sqlite import MendingDatabase

_HEADER_BYTES = 100


def damage(database: MendingDatabase, path: Path) -> None:
    """Overwrite all but the header of the file at `path`, which `database` has open."""
    database.run(lambda each: each.executescript("PRAGMA wal_checkpoint(TRUNCATE)"))
    with path.open("r+b") as file:
        file.seek(_HEADER_BYTES)
        file.write(b"\xff" * (path.stat().st_size - _HEADER_BYTES))
    database.run(lambda each: each.execute("PRAGMA shrink_memory"))  # it reads all anew
