"""Who is at the other end of a Unix socket, according to the kernel, and what users are called."""

from __future__ import annotations

import pwd
import socket
import struct
import sys

_UCRED = struct.Struct("3i")
_GROUP = struct.Struct("=I")
_SO_PEERGROUPS = 59
"""See unix(7) and Linux' `asm-generic/socket.h`; Python has no name for it."""
_LONGEST_OPTION = 1024
"""Bytes that Python can read of an option."""
_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED = 0, 1, struct.Struct("2I")


def peer_uid(connection: socket.socket) -> int:
    """The user id of the peer process."""
    if sys.platform == "darwin":
        packed = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76)
        return int(_XUCRED.unpack_from(packed)[1])
    return _ucred(connection)[1]


def peer_groups(connection: socket.socket) -> frozenset[int] | None:
    """The group ids that the peer process has; None if the kernel does not report them, or if
    there are more than 256."""
    if sys.platform != "linux":
        return None
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _LONGEST_OPTION)
    except OSError:
        return None
    return frozenset((_ucred(connection)[2], *(group for (group,) in _GROUP.iter_unpack(packed))))


def user_name(uid: int) -> str:
    """The account name of `uid`, or the number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _ucred(connection: socket.socket) -> tuple[int, int, int]:
    """Process, user and group of the peer, from when it connected."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    process, user, group = _UCRED.unpack(packed)
    return process, user, group
