"""Disk space for the index: whether there is enough to go on writing, and what to do if not."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

from membrowse.shell_commands import command

_MIB = 1 << 20
_SQLITE_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
"""The second: there is no room for the shared memory of a WAL."""


class DiskNearlyFull(Exception):
    """Indexing pauses until there is room; the message says how much is needed and where."""


class DiskSpace:
    """The disk with the index of `folder` in `directory`; `reserve_mb` of it stay free."""

    def __init__(self, folder: Path, directory: Path, reserve_mb: int) -> None:
        self._folder = folder
        self._directory = directory
        self._reserve_mb = reserve_mb

    def require(self) -> None:
        """Raise `DiskNearlyFull` if less than the reserve is free."""
        free = shutil.disk_usage(self._directory).free
        if free < self._reserve_mb * _MIB:
            raise DiskNearlyFull(
                f"the disk is nearly full ({free // _MIB} MB free at {self._directory}): indexing "
                f"pauses until {self._reserve_mb} MB are free (engine.reserve_mb); "
                "searches are answered from what is indexed"
            )

    def explain(self, error: Exception) -> str:
        """What to do about `error` if the index is gone or the disk is full; else an empty text."""
        if not self._directory.is_dir():
            restart = command("engine restart", self._folder)
            return f"the index {self._directory} was deleted: {restart} makes it again"
        if not is_full(error):
            return ""
        return (
            f"the disk is full at {self._directory}: free some; indexing goes on by itself, and "
            "searches are answered from what is indexed"
        )


def is_full(error: Exception) -> bool:
    """Whether `error` means that a disk is full, or a quota is used up."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", 0) in _SQLITE_FULL
