"""Who is at the other end of a Unix socket, according to the kernel."""

from __future__ import annotations

import socket
import struct
import sys

_UCRED = struct.Struct("3i")
_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED = 0, 1, struct.Struct("2I")


def peer_uid(connection: socket.socket) -> int:
    """The user id of the peer process."""
    if sys.platform == "darwin":
        packed = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76)
        return int(_XUCRED.unpack_from(packed)[1])
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(packed)[1])
