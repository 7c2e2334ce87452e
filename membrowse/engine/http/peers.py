"""Connections of peers: who they are, what they may do, and how much they may take."""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
from collections import Counter
from dataclasses import dataclass

from uvicorn.protocols.http.h11_impl import H11Protocol

from membrowse.credentials import peer_groups, peer_uid, user_name
from membrowse.wire.engine import Right

log = logging.getLogger(__name__)

EVERY_RIGHT = (Right.READ, Right.REINDEX, Right.ADMINISTER)
OPERATORS_RIGHTS = (Right.READ, Right.REINDEX)

REQUEST_SECONDS = 10.0
"""A connection that has not sent a whole request head by then is closed."""
CONNECTIONS_PER_USER = 128
"""Further connections of the same user are closed at once."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of a connection."""

    uid: int
    groups: frozenset[int] | None = None
    """What the kernel reports; None: what the user database says of its user counts."""

    def belongs_to(self, group: str) -> bool:
        try:
            gid = grp.getgrnam(group).gr_gid
            if self.groups is not None:
                return gid in self.groups
            user = pwd.getpwuid(self.uid)
        except KeyError:
            return False
        return gid in os.getgrouplist(user.pw_name, user.pw_gid)


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may do what. Whoever can connect may read; the socket's mode decides who can."""

    operators: str | None = None
    """A group whose members may also reindex and pin."""

    def of(self, peer: Peer) -> tuple[Right, ...]:
        """The rights of a process: those of the engine's owner and of root have every right."""
        if peer.uid in (0, os.getuid()):
            return EVERY_RIGHT
        operates = self.operators is not None and peer.belongs_to(self.operators)
        return OPERATORS_RIGHTS if operates else (Right.READ,)

    def holders(self, right: Right) -> str:
        """Who has `right`, for a message."""
        holders = " and ".join(dict.fromkeys((user_name(os.getuid()), "root")))
        if right in OPERATORS_RIGHTS and self.operators is not None:
            return f"{holders}, and members of the group {self.operators}"
        return holders


class PeerProtocol(H11Protocol):
    """HTTP whose requests have the `Peer` in their state, as `peer`.

    A connection must send its first request head in time, and a user may only open so many.
    """

    _open: Counter[int] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        self._peer = Peer(peer_uid(connection), peer_groups(connection))
        self.app_state = {**self.app_state, "peer": self._peer}
        self._open[self._peer.uid] += 1
        self._first_request = self.loop.call_later(REQUEST_SECONDS, self._close_if_silent)
        if self._open[self._peer.uid] > CONNECTIONS_PER_USER:
            log.debug("user %d has too many connections", self._peer.uid)
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._first_request.cancel()
        self._open[self._peer.uid] -= 1
        super().connection_lost(exc)

    def _close_if_silent(self) -> None:
        if self.cycle is None:
            self.transport.abort()
