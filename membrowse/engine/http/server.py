"""The protocol over HTTP on a Unix socket: every request of the table, answered by the service."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from membrowse.engine.errors import Impossible, NotReady, Unknown
from membrowse.engine.http import peers
from membrowse.engine.priority import Cancelled
from membrowse.engine.service import Service
from membrowse.settings import SettingsError
from membrowse.wire.codec import encode
from membrowse.wire.engine import Right
from membrowse.wire.request import Problem
from membrowse.wire.requests import ENDPOINTS, AnyRequest

log = logging.getLogger(__name__)

T = TypeVar("T")
Respond = Callable[[HttpRequest], Awaitable[Response]]

_JSON = "application/json"
_JSON_LINES = "application/x-ndjson"
_BACKLOG = 128
_GRACE_SECONDS = 3


class _Refused(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type=_JSON)


def _guarded(respond: Respond, right: Right) -> Respond:
    """`respond` for callers that have `right`; failures become a `Problem`."""

    async def answer(http: HttpRequest) -> Response:
        try:
            if right not in _rights(http):
                raise _Refused(403, "rights", f"permission denied: this needs the right to {right}")
            return await respond(http)
        except Exception as error:
            return _problem(error, http)

    return answer


def _problem(error: Exception, http: HttpRequest) -> Response:
    match error:
        case _Refused():
            status, kind = error.status, error.kind
        case SettingsError():
            status, kind = 400, "settings"
        case Impossible():
            status, kind = 409, "impossible"
        case NotReady():
            status, kind = 503, "not ready"
        case Unknown():
            status, kind = 404, "unknown"
        case Cancelled():
            status, kind = 499, "cancelled"
        case _:
            log.error("%s failed", http.url.path, exc_info=error)
            message = f"{type(error).__name__}: {error}; the engine's log has the details"
            return _json(Problem(message=message, kind="internal"), 500)
    return _json(Problem(message=str(error), kind=kind), status)


def _rights(http: HttpRequest) -> tuple[Right, ...]:
    peer = http.client  # as PeerProtocol sets it
    return peers.rights(peer.port) if peer is not None else ()


async def _body(http: HttpRequest, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await http.body(), type=kind)
    except msgspec.DecodeError as error:
        raise _Refused(400, "bad request", f"{http.url.path}: {error}") from error


async def _disconnected(http: HttpRequest) -> None:
    """Wait until the client closes its connection."""
    while (await http.receive())["type"] != "http.disconnect":
        pass


def application(service: Service) -> Starlette:
    """The ASGI application: one route for each request of the table."""
    routes = []
    for kind, endpoint in ENDPOINTS.items():
        respond = _stream if endpoint.streams else _reply
        guarded = _guarded(partial(respond, service, kind), endpoint.right)
        routes.append(Route(endpoint.path, guarded, methods=["POST"]))
    return Starlette(routes=routes)


async def _reply(service: Service, kind: type[AnyRequest], http: HttpRequest) -> Response:
    """One reply; a client that disconnects cancels the work."""
    request = await _body(http, kind)
    work = service.background_work()
    answer = asyncio.ensure_future(service.answer(request, _rights(http), work))  # type: ignore[arg-type]
    disconnected = asyncio.ensure_future(_disconnected(http))
    try:
        await asyncio.wait({answer, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            work.cancel()
        return _json(await answer)
    finally:
        work.cancel()
        disconnected.cancel()


async def _stream(service: Service, kind: type[AnyRequest], http: HttpRequest) -> Response:
    """A stream of JSON lines. A failure before the first line becomes an error response."""
    replies = service.stream(await _body(http, kind))  # type: ignore[arg-type]
    first = await anext(replies)

    async def lines() -> AsyncIterator[bytes]:
        try:
            yield encode(first) + b"\n"
            async for reply in replies:
                yield encode(reply) + b"\n"
        finally:
            await replies.aclose()

    return StreamingResponse(lines(), media_type=_JSON_LINES)


def bind(path: Path, group: str | None = None) -> socket.socket:
    """A listening socket at `path`, for the owner only, or also for `group`.

    The caller holds the index's lock, so an existing socket file belongs to a dead engine.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        listener.bind(str(fresh))
    finally:
        os.umask(mask)
    if group is not None:
        shutil.chown(path.parent, group=group)
        path.parent.chmod(0o750)
        shutil.chown(fresh, group=group)
        fresh.chmod(0o660)
    listener.listen(_BACKLOG)
    fresh.replace(path)
    return listener


class _Server(uvicorn.Server):
    """Ends with the service, and stops the service on a signal."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        log.info("received %s", signal.Signals(sig).name)
        self._service.begin_stop()
        super().handle_exit(sig, frame)


async def run(service: Service, listener: socket.socket) -> None:
    """Serve until the service stops."""
    config = uvicorn.Config(
        application(service),
        http=peers.PeerProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, service)

    async def end_with_service() -> None:
        await service.stopped()
        server.should_exit = True

    await service.start()
    watcher = asyncio.create_task(end_with_service())
    try:
        await server.serve(sockets=[listener])
    finally:
        watcher.cancel()
        service.begin_stop()
        await service.close()
