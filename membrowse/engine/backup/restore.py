"""`python -m membrowse.engine.backup.restore [--force] < FILE`: put a backup in place.

Runs in a separate process, as the user who owns the index and who may be unable to open the file,
and prints one `Restored` as JSON. Exit status 1 with a message on stderr if nothing was restored.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import IO

from membrowse import interpreter, paths, sqlite
from membrowse.engine import clock
from membrowse.engine.backup import archive
from membrowse.engine.lock import IndexLock, IndexLocked
from membrowse.index.index_directory import discard
from membrowse.index.local_stores import MANIFEST, TERMS
from membrowse.wire.backup import BackupContent, Restored
from membrowse.wire.codec import encode


class Occupied(Exception):
    """There is an index already; the message says how to replace it."""


def restore(backup: IO[bytes], folder: Path, *, force: bool) -> Restored:
    """Put `backup` in place as the index of `folder`; settings that exist are kept.

    Everything is unpacked and checked before anything is replaced. Raises `UnusableArchive`,
    `IndexLocked`, `Occupied` or `OSError`.
    """
    directory = paths.private(paths.index_dir(folder))
    archive.remove_leftovers(directory)
    lock = IndexLock(directory)
    lock.acquire(clock.now())
    try:
        _check_free(directory, folder, force)
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=directory) as temporary:
            content = archive.unpack(backup, Path(temporary))
            discard(directory)
            members = _members(content)
            kept = [name for name in members if not _put_member(name, Path(temporary), folder)]
    finally:
        lock.release()
    restored = tuple(name for name in members if name not in kept)
    return Restored(content=content, restored=restored, kept=tuple(kept))


def check(backup: IO[bytes], folder: Path, *, force: bool) -> Restored:
    """Raise what `restore` would raise for this backup; nothing is changed, also beside an engine.

    Returns what `restore` would put in place.
    """
    directory = paths.index_dir(folder)
    _check_free(directory, folder, force)
    with tempfile.TemporaryDirectory(prefix="membrowse-") as temporary:
        content = archive.unpack(backup, Path(temporary))
    return Restored(content=content, restored=tuple(_members(content)), kept=())


def _members(content: BackupContent) -> list[str]:
    """The members to put in place: not the counts of terms that older archives contain, since the
    rows in Milvus are of another state."""
    return [name for name in content.files if name != f"index/{TERMS}"]


def _check_free(directory: Path, folder: Path, force: bool) -> None:
    if (directory / MANIFEST).exists() and not force:
        raise Occupied(f"{folder} has an index already; --force replaces it")


def _put_member(member: str, unpacked: Path, folder: Path) -> bool:
    """Move the file of a member into place; False if a setting exists and is kept."""
    place = archive.place_of(member, folder)
    if archive.is_setting(member) and place.exists():
        return False
    paths.private(place.parent)
    if place.suffix == ".sqlite":
        sqlite.delete_database(place)
    copy = unpacked / member
    copy.chmod(0o600)
    copy.replace(place)
    return True


def main() -> int:
    """Restore the folder that the environment names, and print what was done."""
    folder = Path(os.path.realpath(interpreter.given_folder()))
    os.umask(0o077)
    action = check if "--check" in sys.argv[1:] else restore
    try:
        restored = action(sys.stdin.buffer, folder, force="--force" in sys.argv[1:])
    except (archive.UnusableArchive, Occupied, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except IndexLocked as error:
        sys.stderr.write(f"{error}: stop the engine first\n")
        return 1
    sys.stdout.buffer.write(encode(restored))
    return 0


if __name__ == "__main__":
    sys.exit(main())
