"""The engine on its event loop: it opens the index, runs handlers on threads, and ends when idle.

Nothing here blocks the loop.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import psutil

from membrowse import paths
from membrowse.engine.broadcast import StateBroadcast
from membrowse.engine.errors import NotReady
from membrowse.engine.health.condition import engine_health, overdue
from membrowse.engine.info import engine_info
from membrowse.engine.metrics import Counts, Sample, exposition
from membrowse.engine.priority import BackgroundWork, QueryTraffic
from membrowse.engine.state import open_state, unopened_state
from membrowse.settings import Settings, SettingsError
from membrowse.shell_commands import command
from membrowse.stores.directory import forget
from membrowse.wire.backup import BackupPart, BackupRequest
from membrowse.wire.engine import (
    PROTOCOL,
    EngineState,
    Hello,
    HelloRequest,
    Metrics,
    MetricsFormat,
    MetricsRequest,
    RebuildRequest,
    Right,
    StopRequest,
)
from membrowse.wire.health import EngineHealth, HealthRequest
from membrowse.wire.recalls import (
    FollowRecallsRequest,
    NewRecalls,
    ReplayProgress,
    ReplayRequest,
)
from membrowse.wire.request import Request, StreamRequest
from membrowse.wire.search import SearchRequest, SearchResponse

if TYPE_CHECKING:
    from membrowse.engine.components import Components
    from membrowse.engine.querying.searcher import Stage

log = logging.getLogger(__name__)

T = TypeVar("T")

_RANKING_THREADS = 2
_BACKGROUND_THREADS = 3
_IDLE_CHECK_SECONDS = 5.0
_UNREAD_IDLE_SECONDS = 10.0
_OPENING_SECONDS = 60.0
_BACKUP_PART_BYTES = 1 << 20


class Service:
    """The engine of `folder`.

    `idle_seconds` without clients end it (0: never); sooner, and without a trace, if it is of a
    store that could never be read. The index is opened on a thread, so that the socket answers at
    once, before the index's modules are even imported; requests that need the index wait for it.
    """

    def __init__(self, folder: Path, settings: Settings, *, idle_seconds: float) -> None:
        self._folder = folder
        self._settings = settings
        self._idle_seconds = idle_seconds
        self._components: Components | None = None
        self._problem = ""
        self._broadcast = StateBroadcast(self.state)
        self._ranking = ThreadPoolExecutor(_RANKING_THREADS, thread_name_prefix="ranking")
        self._background = ThreadPoolExecutor(_BACKGROUND_THREADS, thread_name_prefix="background")
        self._traffic = QueryTraffic()
        self._in_progress: Counter[Executor] = Counter()
        self.counts = Counts()
        self.unused_settings = ""
        """Why the settings file, which changed since the start, is not used."""
        self._opening = threading.Lock()
        self._opened = asyncio.Event()
        self._stopped = asyncio.Event()
        self._ended_idle = False
        self._clients = 0
        self._last_request = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to open the index; returns at once."""
        self._broadcast.open()
        loop = asyncio.get_running_loop()
        self._last_request = loop.time()

        def opening() -> None:
            self._open()
            if not gc.isenabled():  # once: what is garbage by then would be kept for ever
                gc.freeze()
                gc.enable()
            loop.call_soon_threadsafe(self._opened.set)
            self._broadcast.changed()

        self._opener = threading.Thread(target=opening, name="opening", daemon=True)
        self._opener.start()
        if self._idle_seconds:
            self._tasks.add(asyncio.create_task(self._end_when_idle()))

    def state(self) -> EngineState:
        stopping = self._stopped.is_set()
        if self._components is not None:
            return open_state(self._components, stopping=stopping)
        return unopened_state(
            self._folder, self._settings, problem=self._problem, stopping=stopping
        )

    def states(self) -> AsyncGenerator[EngineState, None]:
        """The state now and after each change, until the engine stops."""
        return self._broadcast.states()

    async def pass_through_ranking(self) -> None:
        """Wait until a ranking thread has been free for a moment, which shows that it is alive."""
        await self._on(self._ranking, bool)

    def health(self) -> EngineHealth:
        """Whether the engine does its work."""
        state = self.state()
        health = engine_health(state, opened=self._components is not None)
        reasons = list(health.reasons)
        if reason := overdue(state, self._settings.engine.check_seconds):
            reasons.append(reason)
        if self._components is not None and self._components.recalls.problem:
            reasons.append(self._components.recalls.problem)
        if self.unused_settings:
            reason = "the settings are not used, and prevent the next start"
            reasons.append(f"{reason}: {self.unused_settings}")
        return msgspec.structs.replace(health, reasons=tuple(reasons))

    async def metrics(self, text_format: MetricsFormat = MetricsFormat.OPENMETRICS) -> Metrics:
        """What a monitoring system reads."""
        components = self._components

        def exposed() -> str:
            sample = Sample(
                service=os.environ.get(paths.SERVICE) or paths.folder_key(self._folder),
                state=self.state(),
                info=engine_info(self._folder),
                open_files=psutil.Process().num_fds(),
                in_progress={
                    "ranking": self._in_progress[self._ranking],
                    "background": self._in_progress[self._background],
                },
                store_bytes=components.sizes() if components is not None else {},
                ready=self.health().ready,
                recalls=dict(components.recalls.counts) if components is not None else {},
                recalls_lost=components.recalls.lost if components is not None else 0,
            )
            return exposition(self.counts, sample, text_format)

        return Metrics(text=await asyncio.to_thread(exposed))

    def background_work(self) -> BackgroundWork:
        """For one request; cancel it when its client disconnects."""
        return BackgroundWork(self._traffic)

    async def answer(
        self, request: Request[Any], rights: tuple[Right, ...], work: BackgroundWork
    ) -> object:
        """The reply to `request`. Raises the exceptions of `engine.errors`, and `SettingsError`."""
        match request:
            case HelloRequest():
                return Hello(
                    protocol=PROTOCOL,
                    folder=str(self._folder),
                    rights=rights,
                    engine=engine_info(self._folder),
                    roots={root.name: root.path for root in self.state().roots},
                )
            case HealthRequest():
                return self.health()
            case MetricsRequest():
                return await self.metrics(request.text_format)
            case StopRequest():
                log.info("asked to stop")
                return self.begin_stop()
            case RebuildRequest():
                await self._wait_for_opening()
                await self._on(self._ranking, self._reopen_empty)
        components = await self._until_open()
        from membrowse.engine.handlers import quick

        quick_handler = quick.HANDLERS.get(type(request))

        def handle() -> object:
            handler = quick_handler
            if handler is None:
                from membrowse.engine.handlers import long

                handler = long.HANDLERS[type(request)]
            components.configurations.refresh()
            return handler(components, request, work.pause)

        threads = self._background if quick_handler is None else self._ranking
        async with self._attended():
            return await self._on(threads, handle)

    async def stream(self, request: StreamRequest[Any]) -> AsyncGenerator[object, None]:
        """The replies to `request`, as they come. Raises like `answer`."""
        async with self._attended(), aclosing(self._replies(request)) as replies:
            async for reply in replies:
                yield reply

    def _replies(self, request: StreamRequest[Any]) -> AsyncGenerator[object, None]:
        match request:
            case SearchRequest():
                return self._search(request)
            case FollowRecallsRequest():
                return self._follow_recalls(request)
            case ReplayRequest():
                return self._replay(request)
            case BackupRequest():
                return self._backup(request)
            case _:
                return self.states()

    async def _search(self, request: SearchRequest) -> AsyncGenerator[SearchResponse, None]:
        """The response after each ranking, or only the complete one."""
        components = await self._until_open()

        def begin() -> Iterable[Stage]:
            components.configurations.refresh()
            return components.searcher.stages(request)

        stages = await self._on(self._ranking, begin)
        with self._traffic.query():
            for stage in stages if request.progressive else [partial(_last_response, stages)]:
                response = await self._on(self._ranking, stage)
                if response is not None:
                    yield response
                    if response.complete:
                        self.counts.searched(response)

    async def _follow_recalls(
        self, request: FollowRecallsRequest
    ) -> AsyncGenerator[NewRecalls, None]:
        """New recalls, until the engine stops."""
        components = await self._until_open()
        from membrowse.engine.handlers.recalls import summary_of

        async with aclosing(components.recalls.feed.follow()) as batches:
            async for batch in batches:
                chosen = (recall for recall in batch if request.agent in ("", recall.agent))
                yield NewRecalls(recalls=tuple(map(summary_of, chosen)))

    async def _replay(self, request: ReplayRequest) -> AsyncGenerator[ReplayProgress, None]:
        """Recalls as they are replayed, beside queries."""
        components = await self._until_open()
        from membrowse.engine.recalls.replay import replay

        work = self.background_work()
        try:
            components.configurations.refresh()
            steps = replay(components, request, work.pause)
            while progress := await self._on(self._background, partial(next, steps, None)):
                yield progress
        finally:
            work.cancel()

    async def _backup(self, request: BackupRequest) -> AsyncGenerator[BackupPart, None]:
        """The archive in parts, written to a nameless file first."""
        await self._until_open()
        from membrowse.engine.backup.archive import write_archive

        with tempfile.TemporaryFile(dir=paths.index_dir(self._folder)) as archive:
            write = partial(write_archive, self._folder, archive, with_vectors=request.with_vectors)
            await self._on(self._background, write)
            total = archive.seek(0, os.SEEK_END)
            archive.seek(0)
            while data := await asyncio.to_thread(archive.read, _BACKUP_PART_BYTES):
                yield BackupPart(data=data, total=total)

    def begin_stop(self) -> EngineState:
        """Begin to stop: clients are notified, and `stopped` returns."""
        self._stopped.set()
        self._broadcast.changed()
        if self._components is not None:
            self._components.recalls.feed.end()
            self._components.models.ending.set()
        return self.state()

    async def stopped(self) -> None:
        """Wait until the engine is to end."""
        await self._stopped.wait()

    async def close(self) -> None:
        """Finish what is being written and close the stores."""
        for task in self._tasks:
            task.cancel()
        await asyncio.to_thread(self._opener.join)
        if self._components is not None:
            await asyncio.to_thread(self._close, self._components)
        self._ranking.shutdown(wait=False, cancel_futures=True)
        self._background.shutdown(wait=False, cancel_futures=True)

    def _close(self, components: Components) -> None:
        """Close the stores. Nothing is left of a store that nobody could open and nobody uses."""
        unread = components.unread and not components.recalls.store.counts().total
        components.close()
        if unread and self._ended_idle:
            forget(self._folder)

    def _open(self) -> None:
        """Open the index and start to keep it current; a failure becomes the state's problem."""
        try:
            from membrowse.engine.components import open_components

            components = open_components(
                self._folder, self._settings, self._traffic, self._broadcast.changed
            )
            components.start()
        except SettingsError as error:  # says what to do itself
            log.error("the index cannot be opened: %s", error)
            self._problem = f"the index cannot be opened: {error}"
        except Exception as error:  # a thread's boundary
            log.exception("the index cannot be opened; `membrowse doctor` says what to do")
            remedy = f"{command('doctor', self._folder)} says what to do"
            self._problem = f"the index cannot be opened: {error}; {remedy}"
        else:
            self._components, self._problem = components, ""

    def _reopen_empty(self) -> None:
        """Discard an index that cannot be opened and start a new one; the folder is the truth.

        Concurrent rebuild requests get the same new index.
        """
        from membrowse.index.index_directory import discard

        with self._opening:
            if self._components is None:
                discard(paths.index_dir(self._folder))
                self._open()
                self._broadcast.changed()

    async def _wait_for_opening(self) -> None:
        """Wait until the index was opened, or could not be."""
        self._last_request = asyncio.get_running_loop().time()
        try:
            await asyncio.wait_for(self._opened.wait(), _OPENING_SECONDS)
        except TimeoutError:
            raise NotReady("the index is still being opened") from None

    async def _until_open(self) -> Components:
        await self._wait_for_opening()
        if self._components is None:
            raise NotReady(self._problem)
        return self._components

    @asynccontextmanager
    async def _attended(self) -> AsyncIterator[None]:
        """While a client waits or listens, the engine is not idle."""
        self._clients += 1
        try:
            yield
        finally:
            self._clients -= 1
            self._last_request = asyncio.get_running_loop().time()

    async def _on(self, threads: Executor, function: Callable[[], T]) -> T:
        self._in_progress[threads] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function)
        finally:
            self._in_progress[threads] -= 1

    async def _end_when_idle(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_IDLE_CHECK_SECONDS, self._idle_seconds))
            busy = self._components is not None and self._components.busy
            seconds = self._idle_seconds
            if self._components is not None and self._components.unread:
                seconds = min(seconds, _UNREAD_IDLE_SECONDS)
            if self._clients or busy:
                self._last_request = loop.time()
            elif loop.time() - self._last_request >= seconds:
                log.info("no client for %.0f s: ending", seconds)
                self._ended_idle = True
                self.begin_stop()
                return


def _last_response(stages: Iterable[Stage]) -> SearchResponse | None:
    """The result of the last of `stages`, all on one thread: switching threads costs more than some
    stages take."""
    response = None
    for stage in stages:
        response = stage()
    return response
