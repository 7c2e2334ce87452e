"""What an engine does for its clients, on one event loop: nothing here blocks it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from membrowse import __version__, places
from membrowse.engine import clock, unopened
from membrowse.engine.courtesy import Courtesy, Traffic
from membrowse.engine.hub import StateHub
from membrowse.engine.inspections import Inspection
from membrowse.engine.lock import user_name
from membrowse.engine.protocol import (
    CheckReport,
    ChunkRequest,
    ChunkView,
    EngineInfo,
    FileRecord,
    PageRequest,
    RecallRequest,
    ReindexRequest,
    State,
    Status,
    WatchRequest,
)
from membrowse.engine.refusals import NotReady
from membrowse.recall import Ranking, Recall
from membrowse.settings import Settings

if TYPE_CHECKING:
    from membrowse.engine.questions import Step
    from membrowse.engine.work import Work

log = logging.getLogger(__name__)

T = TypeVar("T")

_RANKING_THREADS = 2
_INSPECTING_THREADS = 3
_IDLE_LOOKS_SECONDS = 5.0
_OPENING_SECONDS = 60.0


def _last(steps: Iterable[Step]) -> Recall | None:
    """What the last of `steps` returns, on one thread: a hop for each would cost more than some."""
    recall = None
    for step in steps:
        recall = step()
    return recall


class Service:
    """The engine of `folder`.

    `idle_seconds` without clients end it (0: never). The index is opened on a thread, so that the
    socket answers from the first moment, before the rooms below are even imported; what needs them
    waits for them.
    """

    def __init__(self, folder: Path, settings: Settings, *, idle_seconds: float) -> None:
        self.folder = folder
        self._settings = settings
        self._idle_seconds = idle_seconds
        self._since = clock.now()
        self._process = psutil.Process()
        self._work: Work | None = None
        self._problem = ""
        self._hub = StateHub(self.state)
        self._pool = ThreadPoolExecutor(_RANKING_THREADS, thread_name_prefix="ranking")
        self._inspecting = ThreadPoolExecutor(_INSPECTING_THREADS, thread_name_prefix="inspecting")
        self._traffic = Traffic()
        self._opened = asyncio.Event()
        self._stopped = asyncio.Event()
        self._attending = 0
        self._last_asked = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to open the index; returns at once."""
        self._hub.open()
        loop = asyncio.get_running_loop()
        self._last_asked = loop.time()

        def opening() -> None:
            try:
                self._open()
            except Exception as error:  # a thread's boundary
                log.exception("the engine cannot begin")
                self._problem = f"the engine cannot begin: {error}"
            loop.call_soon_threadsafe(self._opened.set)
            self._hub.changed()

        self._opener = threading.Thread(target=opening, name="opening", daemon=True)
        self._opener.start()
        if self._idle_seconds:
            self._tasks.add(asyncio.create_task(self._end_when_idle()))

    def _open(self) -> None:
        from membrowse.engine.work import Work

        work = Work(self.folder, self._settings, self._hub.changed, self._traffic)
        self._work = work
        work.open()

    def info(self) -> EngineInfo:
        return EngineInfo(
            pid=os.getpid(),
            user=user_name(os.getuid()),
            since=self._since,
            version=__version__,
            memory_bytes=self._process.memory_info().rss,
            log=str(places.log_file(self.folder)),
        )

    def state(self) -> State:
        stopping = self._stopped.is_set()
        if self._work is not None:
            return self._work.state(stopping=stopping)
        return unopened.state(self.folder, self._settings, problem=self._problem, stopping=stopping)

    def states(self) -> AsyncIterator[State]:
        return self._hub.states()

    @asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """While a client listens, the engine is not idle."""
        self._attending += 1
        try:
            yield
        finally:
            self._attending -= 1
            self._last_asked = asyncio.get_running_loop().time()

    async def recall(self, request: RecallRequest) -> AsyncIterator[Recall]:
        """The recall as each ranking is finished, or only the complete one."""
        steps = await self._ready(lambda work: work.begin(request))
        async with self.attended():
            for stage in steps if request.progressive else [partial(_last, steps)]:
                with self._traffic.query():
                    recall = await self._in_pool(stage)
                if recall is not None:
                    yield recall

    async def page(self, request: PageRequest) -> Ranking:
        return await self._ready(lambda work: work.page(request))

    async def chunk(self, request: ChunkRequest) -> ChunkView:
        return await self._ready(lambda work: work.chunk(request))

    async def inspect(self, request: Inspection[Any], courtesy: Courtesy) -> object:
        """The answer to an inspection, on a thread of its own; queries come first."""
        work = await self._until_open()
        async with self.attended():
            inspect = partial(work.inspect, request, courtesy.pause)
            return await asyncio.get_running_loop().run_in_executor(self._inspecting, inspect)

    def courtesy(self) -> Courtesy:
        """For one inspection; whoever waits for it may cancel it."""
        return Courtesy(self._traffic)

    async def files(self) -> list[FileRecord]:
        return await self._ready(lambda work: work.files())

    async def status(self) -> Status:
        return await self._ready(lambda work: work.status(self.info()))

    async def check(self) -> CheckReport:
        return await self._ready(lambda work: work.check())

    async def reindex(self, request: ReindexRequest) -> State:
        return await self._ready(lambda work: work.reindex(request))

    async def set_watching(self, request: WatchRequest) -> State:
        return await self._ready(lambda work: work.set_watching(request))

    def begin_stop(self) -> State:
        """End soon: listeners are told, and `stopped` returns."""
        self._stopped.set()
        self._hub.changed()
        return self.state()

    async def stopped(self) -> None:
        """Wait until the engine is to end."""
        await self._stopped.wait()

    async def close(self) -> None:
        """Finish what is being written and let go of the stores."""
        for task in self._tasks:
            task.cancel()
        await asyncio.to_thread(self._opener.join)
        if self._work is not None:
            await asyncio.to_thread(self._work.close)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._inspecting.shutdown(wait=False, cancel_futures=True)

    async def _ready(self, function: Callable[[Work], T]) -> T:
        """`function` on a ranking thread, once the index is open."""
        work = await self._until_open()
        return await self._in_pool(lambda: function(work))

    async def _until_open(self) -> Work:
        self._last_asked = asyncio.get_running_loop().time()
        try:
            await asyncio.wait_for(self._opened.wait(), _OPENING_SECONDS)
        except TimeoutError:
            raise NotReady("the index is still being opened") from None
        if self._work is None:
            raise NotReady(self._problem)
        return self._work

    async def _in_pool(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)

    async def _end_when_idle(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_IDLE_LOOKS_SECONDS, self._idle_seconds))
            busy = self._attending or (self._work is not None and self._work.busy)
            if busy:
                self._last_asked = loop.time()
            elif loop.time() - self._last_asked >= self._idle_seconds:
                log.info("no client for %.0f s: ending", self._idle_seconds)
                self.begin_stop()
                return
