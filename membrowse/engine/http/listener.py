"""The Unix socket of an engine: bound for the right users, and removed only by its owner."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from membrowse import paths

_ENTER = stat.S_IXGRP | stat.S_IXOTH
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket and its file."""

    socket: socket.socket
    path: Path
    identity: tuple[int, int]
    """Device and inode of the file."""

    @property
    def reachable(self) -> bool:
        """Whether the file is still there and still this socket's."""
        try:
            found = self.path.lstat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self.identity

    def close(self) -> None:
        """Close the socket and remove its file, unless the file is another engine's by now."""
        self.socket.close()
        if self.reachable:
            with contextlib.suppress(OSError):
                self.path.unlink()


def bind(path: Path, group: str | None = None) -> Listener:
    """Listen at `path`, for the owner only, or also for `group`.

    The caller holds the index's lock, so an existing socket file belongs to a dead engine. For a
    group, everybody may enter the directory, but not list it: others are refused by the socket.
    Raises `Untrusted` if somebody else could put a socket there.
    """
    paths.private(path.parent)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        listening.bind(str(fresh))
    finally:
        os.umask(mask)
    if group is not None:
        _open_to_others(path.parent)
        shutil.chown(fresh, group=group)
        fresh.chmod(0o660)
    listening.listen(_BACKLOG)
    found = fresh.lstat()
    fresh.replace(path)
    return Listener(listening, path, (found.st_dev, found.st_ino))


def _open_to_others(directory: Path) -> None:
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & _ENTER != _ENTER:
        directory.chmod(mode | _ENTER)
