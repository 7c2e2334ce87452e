"""The peer of a Unix socket connection, and its rights."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys

from uvicorn.protocols.http.h11_impl import H11Protocol

from membrowse.wire.engine import Right

_UCRED = struct.Struct("3i")
_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED = 0, 1, struct.Struct("2I")

EVERY_RIGHT = (Right.READ, Right.REINDEX, Right.ADMINISTER)


def peer_uid(connection: socket.socket) -> int:
    """The user id of the peer process, from the kernel."""
    if sys.platform == "darwin":
        packed = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76)
        return int(_XUCRED.unpack_from(packed)[1])
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(packed)[1])


def rights(uid: int) -> tuple[Right, ...]:
    """The engine's owner and root have every right; anyone else who can connect may read."""
    return EVERY_RIGHT if uid in (0, os.getuid()) else (Right.READ,)


class PeerProtocol(H11Protocol):
    """HTTP whose `client` is the peer's user id, as (`uid`, number), instead of an address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.client = ("uid", peer_uid(transport.get_extra_info("socket")))
