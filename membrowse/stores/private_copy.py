"""A private copy of a store's files: its library migrates, locks and writes what it opens."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from membrowse.stores.source import StoreUnreadable

_ATTEMPTS = 4
_PAUSE_SECONDS = 0.5
_SPARE_BYTES = 200 << 20
_PIECE = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHROMA = re.compile(r"chroma\.sqlite3.*|[0-9a-f]{8}-[0-9a-f-]{27}")
"""Names of Chroma's files and folders: a program may keep others beside them."""

Version = tuple[str, int, int]
"""A file's path below the store, its size, and when it last changed (ns)."""


def fingerprint(store: Path) -> str:
    """A hash that changes when a file of `store` is written. Raises `StoreUnreadable`."""
    try:
        return hashlib.sha256(repr(_versions(store)).encode()).hexdigest()
    except OSError as error:
        raise StoreUnreadable(
            f"{error.filename or store}: cannot be read: {error.strerror}"
        ) from error


def copy(store: Path, target: Path) -> str:
    """Copy a file, or the files of a directory, to `target`, and return the fingerprint.

    Nothing is locked or opened for writing. A copy during which a file changed is made again.
    Raises `StoreUnreadable`.
    """
    try:
        for attempt in range(_ATTEMPTS):
            time.sleep(_PAUSE_SECONDS * attempt)
            before = _versions(store)
            _require_room(store, target, sum(size for _, size, _ in before))
            if _copied(store, target, before) and _versions(store) == before:
                return hashlib.sha256(repr(before).encode()).hexdigest()
            _remove(target)
    except OSError as error:
        raise StoreUnreadable(
            f"{error.filename or store}: cannot be copied: {error.strerror}"
        ) from error
    raise StoreUnreadable(
        f"{store} changes all the time: no copy of it is whole. Refresh when its program rests"
    )


def _versions(store: Path) -> list[Version]:
    return sorted(_files(store))


def _files(store: Path) -> Iterator[Version]:
    """Every regular file of a store; links are not followed. Raises `OSError`."""
    if not store.is_dir():
        found = store.stat()
        yield "", found.st_size, found.st_mtime_ns
        return

    def fail(error: OSError) -> None:
        raise error

    chroma = (store / "chroma.sqlite3").is_file()
    for place, folders, names in os.walk(store, onerror=fail):
        if chroma and place == str(store):
            folders[:], names = (list(filter(_CHROMA.fullmatch, each)) for each in (folders, names))
        for name in names:
            file = Path(place, name)
            found = file.lstat()
            if stat.S_ISREG(found.st_mode):
                yield str(file.relative_to(store)), found.st_size, found.st_mtime_ns


def _require_room(store: Path, target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < needed + _SPARE_BYTES:
        raise StoreUnreadable(
            f"{store} is copied before it is opened: that needs {needed >> 20} MB in "
            f"{target.parent}, where {free >> 20} MB are free"
        )


def _copied(store: Path, target: Path, files: list[Version]) -> bool:
    """Copy `files`; False if one of them is gone or has become something else."""
    for name, size, _ in files:
        source, copied = (store / name, target / name) if name else (store, target)
        copied.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(source, _READ)
        except FileNotFoundError:
            return False
        with os.fdopen(descriptor, "rb") as reader, copied.open("xb") as writer:
            if not stat.S_ISREG(os.fstat(reader.fileno()).st_mode):
                return False
            _copy_bytes(reader.fileno(), writer.fileno(), size)
    return True


def _copy_bytes(source: int, target: int, size: int) -> None:
    """Copy at most `size` bytes: a file that grows meanwhile is seen afterwards."""
    while size > 0:
        piece = os.read(source, min(_PIECE, size))
        if not piece:
            return
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]
        size -= len(piece)


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
