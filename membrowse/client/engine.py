"""The connection to an engine: one method for requests, one for streams.

httpx takes a fifth of a second to import, so it is imported when the first request is made.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from membrowse.credentials import peer_uid
from membrowse.errors import MembrowseError
from membrowse.shell_commands import command
from membrowse.wire.request import IDLE_CONNECTION_SECONDS, Problem, Request, StreamRequest
from membrowse.wire.requests import ENDPOINTS, AnyRequest

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_BASE_URL = "http://membrowse"
_CONNECT_SECONDS = 2.0


class EngineUnavailable(MembrowseError):
    """No engine answers; the message says why and what to do."""


class EngineHangs(EngineUnavailable):
    """An engine accepts connections, but does not answer in time."""


class EngineUntrusted(EngineUnavailable):
    """Something answers at an engine's address that is not the user's engine, or a service's."""


class EngineRefused(MembrowseError):
    """The engine answered with a problem; `status` is the HTTP status."""

    def __init__(self, problem: Problem, status: int) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.status = status


class Engine(Protocol):
    """An engine that owns an index.

    Both methods raise `EngineUnavailable` if the engine is gone and `EngineRefused` if it answers
    with a problem. Cancelling a call cancels the work in the engine.
    """

    async def ask(self, request: Request[T]) -> T:
        """The reply to `request`."""
        ...

    def stream(self, request: StreamRequest[T]) -> AsyncGenerator[T, None]:
        """The replies to `request`, as they come; closing the generator ends the stream."""
        ...

    async def close(self) -> None: ...


class EngineClient:
    """`Engine` over the Unix socket at `socket`, whose process must run as user `owner`.

    `folder` is what it serves, if that is known.
    """

    def __init__(self, socket: Path, owner: int, folder: Path | None = None) -> None:
        self._socket = socket
        self._owner = owner
        self._folder = folder
        self._http: httpx.AsyncClient | None = None

    async def ask(self, request: Request[T]) -> T:
        async with self._response(request) as response:
            body = await response.aread()
        reply: T = msgspec.json.decode(body, type=ENDPOINTS[type(request)].reply)
        return reply

    async def stream(self, request: StreamRequest[T]) -> AsyncGenerator[T, None]:
        decoder = msgspec.json.Decoder[T](ENDPOINTS[type(request)].reply)
        async with self._response(request) as response:
            async for line in _body_lines(response):
                yield decoder.decode(line)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            import ssl

            import httpx

            unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # else 40 ms go to reading CA files
            limits = httpx.Limits(keepalive_expiry=IDLE_CONNECTION_SECONDS / 2)
            self._http = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(
                    uds=str(self._socket), verify=unused, limits=limits
                ),
                base_url=_BASE_URL,
                trust_env=False,
            )
        return self._http

    def _check_peer(self, response: httpx.Response) -> None:
        """Raise `EngineUntrusted` if the process that answers runs as another user."""
        peer = peer_uid(response.extensions["network_stream"].get_extra_info("socket"))
        if peer != self._owner:
            raise EngineUntrusted(
                f"the process at {self._socket} runs as user {peer} instead of {self._owner}: "
                "not connecting to it"
            )

    @asynccontextmanager
    async def _response(self, request: AnyRequest) -> AsyncIterator[httpx.Response]:
        """The open response to `request`; failures become our two exceptions."""
        import httpx

        endpoint, body = ENDPOINTS[type(request)], msgspec.json.encode(request)
        timeout = httpx.Timeout(endpoint.seconds, connect=_CONNECT_SECONDS)
        try:
            async with self._client().stream(
                "POST", endpoint.path, content=body, timeout=timeout
            ) as response:
                self._check_peer(response)
                if response.is_error:
                    raise EngineRefused(
                        _decoded_problem(await response.aread()), response.status_code
                    )
                yield response
        except httpx.ReadTimeout as error:
            reason = f"the engine at {self._socket} has not answered for {endpoint.seconds:.0f} s"
            raise EngineHangs(f"{reason}: run {command('doctor', self._folder)}") from error
        except (httpx.TransportError, OSError) as error:
            raise EngineUnavailable(f"the engine at {self._socket} is gone: {error}") from error


async def _body_lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """The lines of a response's body, as they arrive."""
    rest = b""
    async for piece in response.aiter_raw():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line:
                yield line
    if rest:
        yield rest


def _decoded_problem(body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        return Problem(message=body.decode(errors="replace")[:500], kind="unknown")
