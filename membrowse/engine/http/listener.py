"""The Unix socket of an engine: bound for the right users, and removed only by its owner."""

from __future__ import annotations

import contextlib
import grp
import os
import shutil
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from membrowse import paths

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

    The caller holds the index's lock, so an existing socket file belongs to a dead engine. Only the
    group can reach the socket. Raises `Untrusted` if somebody else could put a socket there.
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
        _give_to_group(path.parent, group, 0o750)
        _give_to_group(fresh, group, 0o660)
    listening.listen(_BACKLOG)
    found = fresh.lstat()
    fresh.replace(path)
    return Listener(listening, path, (found.st_dev, found.st_ino))


def _give_to_group(path: Path, group: str, mode: int) -> None:
    """Let `group` use `path`. Nothing is changed that is right: a sandbox may deny `chown`."""
    found = path.stat()
    if found.st_gid != grp.getgrnam(group).gr_gid:
        shutil.chown(path, group=group)
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)
