"""The base of all requests: the type parameter is the type of the reply."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

Reply = TypeVar("Reply")

IDLE_CONNECTION_SECONDS = 5.0
"""After which the engine closes a connection without a request. A client uses none that has been
idle for half as long: its request could meet the end of the connection."""


class Request(msgspec.Struct, Generic[Reply], frozen=True, kw_only=True):
    """A request with one reply."""


class StreamRequest(msgspec.Struct, Generic[Reply], frozen=True, kw_only=True):
    """A request answered by a stream of replies."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an error response: what went wrong and what to do."""

    message: str
    kind: str = ""
    """`bad request`, `rights`, `settings`, `filter`, `impossible`, `not ready`, `unknown`,
    `cancelled`, `store` (it does not answer), `disk full` or `internal`."""
