"""A folder's memory for blocking programs: `AsyncMemory` on an event loop in a thread."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, TypeVar

from membrowse.api.async_memory import AsyncMemory
from membrowse.wire.diagnosis import DiagnosisReport
from membrowse.wire.engine import EngineState, Status
from membrowse.wire.explanation import Explanation
from membrowse.wire.notes import NoteLines
from membrowse.wire.pins import PinRun
from membrowse.wire.search import NO_FILTERS, Filters, SearchResponse

T = TypeVar("T")


class Memory:
    """The memory in a folder, a collection or a store; see `AsyncMemory` for what arguments mean.

        with Memory("~/notes", client="planner") as memory:
            for hit in memory.search("which port does staging use?").hits:
                print(hit.path, hit.start_line, hit.snippet)

    May be used from several threads.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        collection: str = "",
        store: str = "",
        client: str = "",
        session: str = "",
        start: bool = True,
    ) -> None:
        self._memory = AsyncMemory(
            folder,
            collection=collection,
            store=store,
            client=client,
            session=session,
            start=start,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="membrowse", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Memory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; no other call may follow. Closing twice does nothing."""
        if self._loop.is_closed():
            return
        try:
            self._run(self._memory.close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def search(
        self,
        query: str,
        *,
        k: int | None = None,
        min_score: float | None = None,
        root: str = "",
        path: str = "",
        tag: str = "",
        after: str = "",
        before: str = "",
        syntax: str = "literal",
    ) -> SearchResponse:
        """The first `k` hits of every ranking; `response.hits` are those of the reranked one."""
        return self._run(
            self._memory.search(
                query,
                k=k,
                min_score=min_score,
                root=root,
                path=path,
                tag=tag,
                after=after,
                before=before,
                syntax=syntax,
            )
        )

    def why(
        self,
        query: str,
        path: str = "",
        *,
        line: int | None = None,
        text: str = "",
        k: int | None = None,
        filters: Filters = NO_FILTERS,
        syntax: str = "literal",
        suggest: bool = True,
    ) -> DiagnosisReport:
        """Why a note is not in the top k, and what would bring it there."""
        asked = self._memory.why(
            query,
            path,
            line=line,
            text=text,
            k=k,
            filters=filters,
            syntax=syntax,
            suggest=suggest,
        )
        return self._run(asked)

    def explain(
        self,
        query: str,
        path: str = "",
        *,
        line: int | None = None,
        text: str = "",
        filters: Filters = NO_FILTERS,
        syntax: str = "literal",
    ) -> Explanation:
        """The rank of a chunk, term by term."""
        asked = self._memory.explain(
            query, path, line=line, text=text, filters=filters, syntax=syntax
        )
        return self._run(asked)

    def get(self, path: str, start: int = 1, end: int | None = None) -> NoteLines:
        """The lines `start` to `end` (1-based, inclusive) of an indexed note, as on disk."""
        return self._run(self._memory.get(path, start, end))

    def status(self) -> Status:
        """The engine, its index, and how the folder differs from it."""
        return self._run(self._memory.status())

    def state(self) -> EngineState:
        """The engine's state."""
        return self._run(self._memory.state())

    def reindex(self, paths: Sequence[str] = ()) -> EngineState:
        """Compare the folder with the index now, and index these notes even if unchanged."""
        return self._run(self._memory.reindex(paths))

    def wait_until_current(self) -> EngineState:
        """Wait until folder and index agree. Raises `NeverCurrent` if they will not."""
        return self._run(self._memory.wait_until_current())

    def pin(
        self,
        query: str,
        path: str = "",
        *,
        line: int | None = None,
        text: str = "",
        k: int | None = None,
        filters: Filters = NO_FILTERS,
    ) -> PinRun:
        """Pin the query to the note it should find, and run all pins."""
        asked = self._memory.pin(query, path, line=line, text=text, k=k, filters=filters)
        return self._run(asked)

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        """What `call` returns; an interrupt cancels it."""
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
