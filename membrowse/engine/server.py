"""The protocol over HTTP on a Unix socket: requests in, the service's answers out."""

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
from typing import Any, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from membrowse.engine import peers, wire
from membrowse.engine.courtesy import Cancelled
from membrowse.engine.inspections import INSPECTIONS, Inspection
from membrowse.engine.protocol import (
    PROTOCOL,
    ChunkRequest,
    Hello,
    PageRequest,
    Problem,
    RecallRequest,
    ReindexRequest,
    Right,
    WatchRequest,
)
from membrowse.engine.refusals import Impossible, NotReady, Unknown
from membrowse.engine.service import Service
from membrowse.settings import SettingsError

log = logging.getLogger(__name__)

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]

_JSON = "application/json"
_LINES = "application/x-ndjson"
_EVENTS = "text/event-stream"
_BACKLOG = 128
_GRACE_SECONDS = 3


class _Refused(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


def _json(value: object, status: int = 200) -> Response:
    return Response(wire.encoded(value), status, media_type=_JSON)


def _guarded(handler: Handler, right: Right) -> Handler:
    """`handler` for callers who have `right`, its failures as a `Problem`."""

    async def answer(request: Request) -> Response:
        try:
            if right not in _rights(request):
                raise _Refused(403, "rights", f"this needs the right to {right}")
            return await handler(request)
        except _Refused as refused:
            return _json(Problem(message=str(refused), kind=refused.kind), refused.status)
        except SettingsError as error:
            return _json(Problem(message=str(error), kind="settings"), 400)
        except Impossible as error:
            return _json(Problem(message=str(error), kind="impossible"), 409)
        except NotReady as error:
            return _json(Problem(message=str(error), kind="not ready"), 503)
        except Unknown as error:
            return _json(Problem(message=str(error), kind="unknown"), 404)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.url.path)
            message = f"{type(error).__name__}: {error}; the engine's log has the details"
            return _json(Problem(message=message, kind="internal"), 500)

    return answer


def _rights(request: Request) -> tuple[Right, ...]:
    peer = request.client  # as PeerProtocol sets it
    return peers.rights(peer.port) if peer is not None else ()


async def _body(request: Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.DecodeError as error:
        raise _Refused(400, "bad request", f"{request.url.path}: {error}") from error


async def _gone(request: Request) -> None:
    """Until the client closes its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Api:
    """The routes of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def application(self) -> Starlette:
        """The ASGI application."""
        read, reindex, administer = peers.EVERY_RIGHT
        table: list[tuple[str, str, Handler, Right]] = [
            ("GET", "/hello", self._hello, read),
            ("GET", "/status", self._status, read),
            ("GET", "/events", self._events, read),
            ("GET", "/files", self._files, read),
            ("GET", "/check", self._check, read),
            ("POST", "/recall", self._recall, read),
            ("POST", "/page", self._page, read),
            ("POST", "/chunk", self._chunk, read),
            ("POST", "/reindex", self._reindex, reindex),
            ("POST", "/watching", self._watching, reindex),
            ("POST", "/stop", self._stop, administer),
            *(
                ("POST", route.path, partial(self._inspect, kind), route.right)
                for kind, route in INSPECTIONS.items()
            ),
        ]
        return Starlette(
            routes=[
                Route(path, _guarded(handler, right), methods=[method])
                for method, path, handler, right in table
            ]
        )

    async def _hello(self, request: Request) -> Response:
        return _json(
            Hello(
                protocol=PROTOCOL,
                folder=str(self._service.folder),
                rights=_rights(request),
                engine=self._service.info(),
            )
        )

    async def _status(self, _request: Request) -> Response:
        return _json(await self._service.status())

    async def _files(self, _request: Request) -> Response:
        return _json(await self._service.files())

    async def _check(self, _request: Request) -> Response:
        return _json(await self._service.check())

    async def _events(self, _request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            async with self._service.attended():
                async for state in self._service.states():
                    yield b"data: " + wire.encoded(state) + b"\n\n"

        return StreamingResponse(events(), media_type=_EVENTS)

    async def _recall(self, request: Request) -> Response:
        asked = await _body(request, RecallRequest)
        recalls = self._service.recall(asked)
        first = await anext(recalls)  # its failures still have a status of their own

        async def lines() -> AsyncIterator[bytes]:
            yield wire.encoded(first) + b"\n"
            async for recall in recalls:
                yield wire.encoded(recall) + b"\n"

        return StreamingResponse(lines(), media_type=_LINES)

    async def _page(self, request: Request) -> Response:
        return _json(await self._service.page(await _body(request, PageRequest)))

    async def _chunk(self, request: Request) -> Response:
        return _json(await self._service.chunk(await _body(request, ChunkRequest)))

    async def _reindex(self, request: Request) -> Response:
        asked = await _body(request, ReindexRequest)
        if asked.rebuild and Right.ADMINISTER not in _rights(request):
            raise _Refused(403, "rights", "a full rebuild needs the right to administer")
        return _json(await self._service.reindex(asked))

    async def _watching(self, request: Request) -> Response:
        return _json(await self._service.set_watching(await _body(request, WatchRequest)))

    async def _inspect(self, kind: type[Inspection[Any]], request: Request) -> Response:
        asked = await _body(request, kind)
        courtesy = self._service.courtesy()
        work = asyncio.ensure_future(self._service.inspect(asked, courtesy))
        gone = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                courtesy.cancel()
            return _json(await work)
        except Cancelled as error:
            raise _Refused(499, "cancelled", str(error)) from error
        finally:
            courtesy.cancel()
            gone.cancel()

    async def _stop(self, _request: Request) -> Response:
        log.info("asked to stop")
        return _json(self._service.begin_stop())


def bind(path: Path, group: str | None = None) -> socket.socket:
    """A listening socket at `path`, for the owner only, or also for `group`.

    The caller holds the index's lock, so that a socket file which lies there is a dead engine's.
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
    """Ends when the service does, and tells the service when a signal ends it."""

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
        Api(service).application(),
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
