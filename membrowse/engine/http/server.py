"""The protocol over HTTP on a Unix socket: every request of the table, answered by the service."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from membrowse.engine.errors import Impossible, NotReady, Unknown
from membrowse.engine.http import peers
from membrowse.engine.http.listener import Listener
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
_GRACE_SECONDS = 3
_BODY_BYTES = 1_000_000
_BODY_SECONDS = 30.0
_SOCKET_CHECK_SECONDS = 2.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


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
    """The request's record. Raises `_Refused` if it is too large, too slow or malformed."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in http.stream():
                body += piece
                if len(body) > _BODY_BYTES:
                    reason = f"{http.url.path}: the request is larger than {_BODY_BYTES:,} bytes"
                    raise _Refused(413, "bad request", reason)
        return msgspec.json.decode(body, type=kind)
    except TimeoutError as error:
        raise _Refused(408, "bad request", f"{http.url.path}: the request took too long") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
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
            raise Cancelled("cancelled: client disconnected")
        return _json(await answer)
    finally:
        work.cancel()
        answer.cancel()
        disconnected.cancel()


async def _stream(service: Service, kind: type[AnyRequest], http: HttpRequest) -> Response:
    """A stream of JSON lines. A failure before the first line becomes an error response."""
    replies = service.stream(await _body(http, kind))  # type: ignore[arg-type]
    answer = asyncio.ensure_future(anext(replies))
    disconnected = asyncio.ensure_future(_disconnected(http))
    try:
        await asyncio.wait({answer, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise Cancelled("cancelled: client disconnected")
        first = await answer
    finally:
        answer.cancel()
        disconnected.cancel()

    async def lines() -> AsyncIterator[bytes]:
        try:
            yield encode(first) + b"\n"
            async for reply in replies:
                yield encode(reply) + b"\n"
        finally:
            await replies.aclose()

    return StreamingResponse(lines(), media_type=_JSON_LINES)


class _Server(uvicorn.Server):
    """Leaves signals to `run`: uvicorn raises them again before the service is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(service: Service, listener: Listener) -> None:
    """Serve until the service stops, a signal arrives, or the socket file is gone."""
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
    server = _Server(config)

    def stop(signal_: signal.Signals) -> None:
        log.info("received %s", signal_.name)
        service.begin_stop()

    async def end_with_service() -> None:
        await service.stopped()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for each in _SIGNALS:
        loop.add_signal_handler(each, stop, each)
    await service.start()
    tasks = [asyncio.create_task(each) for each in (end_with_service(), _guard(listener, service))]
    try:
        await server.serve(sockets=[listener.socket])
    finally:
        for task in tasks:
            task.cancel()
        service.begin_stop()
        await service.close()


async def _guard(listener: Listener, service: Service) -> None:
    """Stop the service when its socket file is gone, because no client could find it any more."""
    while listener.reachable:
        await asyncio.sleep(_SOCKET_CHECK_SECONDS)
    log.warning("the socket %s is gone: stopping", listener.path)
    service.begin_stop()
