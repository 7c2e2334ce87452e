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

from membrowse import paths, settings, sqlite
from membrowse.engine.errors import Impossible, NotReady, Unknown
from membrowse.engine.http import peers
from membrowse.engine.http.listener import Listener
from membrowse.engine.indexing.disk_space import is_full
from membrowse.engine.metrics import Counts
from membrowse.engine.priority import Cancelled
from membrowse.engine.service import Service
from membrowse.engine.service_manager import (
    ServiceManager,
    feed_watchdog,
    report_states,
)
from membrowse.index.store_errors import StoreUnavailable
from membrowse.ranking.query_parser import InvalidFilter
from membrowse.settings import SettingsError
from membrowse.wire.codec import encode
from membrowse.wire.engine import Right
from membrowse.wire.request import IDLE_CONNECTION_SECONDS, Problem
from membrowse.wire.requests import ENDPOINTS, AnyRequest

log = logging.getLogger(__name__)

T = TypeVar("T")
Respond = Callable[[HttpRequest], Awaitable[Response]]

_JSON = "application/json"
_OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_JSON_LINES = "application/x-ndjson"
_FULL = "the disk of the index is full: free some, and try again"
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


def _with_right(respond: Respond, right: Right, counts: Counts) -> Respond:
    """`respond` for callers that have `right`; failures are counted and become a `Problem`."""

    async def answer(http: HttpRequest) -> Response:
        try:
            if right not in _caller_rights(http):
                holders = http.app.state.rights.holders(right)
                work = "reindex and pin" if right is Right.REINDEX else right
                raise _Refused(403, "rights", f"permission denied: only {holders} may {work} here")
            return await respond(http)
        except Exception as error:
            status, problem = _http_problem(error, http)
            counts.failed(problem.kind)
            return _json(problem, status)

    return answer


def _http_problem(error: Exception, http: HttpRequest) -> tuple[int, Problem]:
    """The HTTP status and the body for `error`."""
    match error:
        case _Refused():
            status, kind = error.status, error.kind
        case SettingsError():
            status, kind = 400, "settings"
        case InvalidFilter():
            status, kind = 400, "filter"
        case Impossible():
            status, kind = 409, "impossible"
        case NotReady():
            status, kind = 503, "not ready"
        case StoreUnavailable():
            status, kind = 503, "store"
        case Unknown():
            status, kind = 404, "unknown"
        case Cancelled():
            status, kind = 499, "cancelled"
        case _ if is_full(error):
            log.warning("%s failed: the disk is full", http.url.path)
            return 507, Problem(message=_FULL, kind="disk full")
        case _:
            log.error(
                "%s failed; `membrowse doctor` looks for the cause", http.url.path, exc_info=error
            )
            message = (
                f"{type(error).__name__}: {sqlite.reason(error)}; the engine's log has the details"
            )
            return 500, Problem(message=message, kind="internal")
    return status, Problem(message=str(error), kind=kind)


def _caller_rights(http: HttpRequest) -> tuple[Right, ...]:
    rights: peers.Rights = http.app.state.rights
    return rights.of(http.state.peer)  # as PeerProtocol sets it


async def _request_record(http: HttpRequest, kind: type[T]) -> T:
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


def application(service: Service, rights: peers.Rights) -> Starlette:
    """The ASGI application: one route for each request of the table, and two for monitoring."""
    routes = []
    for kind, endpoint in ENDPOINTS.items():
        respond = _stream if endpoint.streams else _http_reply
        guarded = _with_right(partial(respond, service, kind), endpoint.right, service.counts)
        routes.append(Route(endpoint.path, guarded, methods=["POST"]))
    for path, get in (("/metrics", _metrics), ("/health", _health)):
        guarded = _with_right(partial(get, service), Right.READ, service.counts)
        routes.append(Route(path, guarded, methods=["GET"]))
    served = Starlette(routes=routes)
    served.state.rights = rights
    return served


async def _metrics(service: Service, _http: HttpRequest) -> Response:
    """The metrics as a monitoring system fetches them."""
    return Response((await service.metrics()).text, media_type=_OPEN_METRICS)


async def _health(service: Service, _http: HttpRequest) -> Response:
    """The health as a monitoring system fetches it: status 503 until the index is open."""
    health = service.health()
    return _json(health, 200 if health.ready else 503)


async def _http_reply(service: Service, kind: type[AnyRequest], http: HttpRequest) -> Response:
    """One reply; a client that disconnects cancels the work."""
    request = await _request_record(http, kind)
    work = service.background_work()
    answer = asyncio.ensure_future(service.answer(request, _caller_rights(http), work))  # type: ignore[arg-type]
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
    replies = service.stream(await _request_record(http, kind))  # type: ignore[arg-type]
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


async def run(
    service: Service, listener: Listener, manager: ServiceManager, rights: peers.Rights
) -> bool:
    """Serve until the service stops, a signal arrives, or the socket file is gone.

    True if the service manager wants the engine to go on with the settings as they are now.
    """
    config = uvicorn.Config(
        application(service, rights),
        http=peers.PeerProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_CONNECTION_SECONDS,  # type: ignore[arg-type]  # any number does
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    ending = _Ending(service, manager)

    async def end_with_service() -> None:
        await service.stopped()
        server.should_exit = True

    ending.handle_signals(asyncio.get_running_loop())
    await service.start()
    tasks = [
        asyncio.create_task(each)
        for each in (
            end_with_service(),
            _watch_socket(listener, service),
            report_states(service, manager),
            feed_watchdog(service, manager),
        )
    ]
    try:
        await server.serve(sockets=[listener.socket])
    finally:
        for task in tasks:
            task.cancel()
        service.begin_stop()
        await service.close()
    return ending.reload


class _Ending:
    """What signals do: all end the engine; SIGHUP of a service manager reloads its settings."""

    def __init__(self, service: Service, manager: ServiceManager) -> None:
        self._service = service
        self._manager = manager
        self.reload = False

    def handle_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for each in _SIGNALS:
            reload = each is signal.SIGHUP and self._manager.present
            loop.add_signal_handler(each, self._reload if reload else partial(self._stop, each))

    def _stop(self, signal_: signal.Signals) -> None:
        log.info("received %s", signal_.name)
        self._manager.stopping()
        self._service.begin_stop()

    def _reload(self) -> None:
        """Begin to start over, unless the new settings cannot be used."""
        try:
            settings.load(paths.config_file())
        except SettingsError as error:
            log.error("the settings are not reloaded: %s", error)
            self._service.unused_settings = str(error)
            return
        log.info("reloading the settings")
        self._manager.reloading()
        self.reload = True
        self._service.begin_stop()


async def _watch_socket(listener: Listener, service: Service) -> None:
    """Stop the service when its socket file is gone, because no client could find it any more."""
    while listener.reachable:
        await asyncio.sleep(_SOCKET_CHECK_SECONDS)
    log.warning("the socket %s is gone: stopping", listener.path)
    service.begin_stop()
