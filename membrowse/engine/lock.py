"""One engine for each index: a lock that dies with its process and names its holder."""

from __future__ import annotations

import fcntl
import os
import pwd
from pathlib import Path

import msgspec

from membrowse.paths import private

LOCK_NAME = "lock"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns an index."""

    pid: int
    user: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user}, since {self.since}"


class IndexLocked(Exception):
    """Another process owns the index; `holder` is None where it could not be read."""

    def __init__(self, directory: Path, holder: Holder | None) -> None:
        super().__init__(f"{directory} is in use by {holder or 'another process'}")
        self.holder = holder


def user_name(uid: int) -> str:
    """The account name of `uid`, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class IndexLock:
    """Holds the kernel's lock on an index directory from `acquire` to `release`.

    The lock is the kernel's (`flock`), so a killed process never leaves a stale one: no time-out is
    guessed, and a lock file that merely lies there means nothing.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def acquire(self, since: str) -> None:
        """Take the lock or raise `IndexLocked`, at once."""
        private(self._directory)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._directory / LOCK_NAME, flags, 0o600)
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
        """Give the lock back; the file stays, empty."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder(directory: Path) -> Holder | None:
    """Who holds the lock on `directory` as its file tells, or None."""
    try:
        return msgspec.json.decode((directory / LOCK_NAME).read_bytes(), type=Holder)
    except (OSError, msgspec.DecodeError):
        return None
