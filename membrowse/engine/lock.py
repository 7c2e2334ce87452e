"""One engine per index: a lock that ends with its process and names its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

from membrowse.credentials import user_name
from membrowse.paths import open_file, private

LOCK_NAME = "lock"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The owner of an index."""

    pid: int
    user: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user}, since {self.since}"


class IndexLocked(Exception):
    """Another process owns the index; `holder` is None if it cannot be read."""

    def __init__(self, directory: Path, holder: Holder | None) -> None:
        super().__init__(f"{directory} is in use by {holder or 'another process'}")
        self.holder = holder


class IndexLock:
    """An exclusive lock on an index directory, from `acquire` to `release`.

    The kernel holds the lock (`flock`), so a killed process never leaves a stale one, and the mere
    presence of the lock file means nothing.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def acquire(self, since: str) -> None:
        """Take the lock without waiting. Raises `IndexLocked` if another process has it."""
        private(self._directory)
        descriptor = open_file(self._directory / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise IndexLocked(self._directory, holder(self._directory)) from None
        mine = Holder(pid=os.getpid(), user=user_name(os.getuid()), since=since)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(mine), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Release the lock; the file stays, empty."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder(directory: Path) -> Holder | None:
    """The holder of the lock on `directory`, according to its file, or None."""
    try:
        return msgspec.json.decode((directory / LOCK_NAME).read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
