"""`membrowse search --batch`: many queries, a few in flight, answered in the order they came."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from membrowse.cli import output
from membrowse.cli.connection import brought_up_to_date, engine_of, recalled, until_loaded
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.searching import Asking, found
from membrowse.client.engine import Engine, EngineRefused
from membrowse.wire.search import SearchResponse

STDIN = Path("-")
IN_FLIGHT = 4
"""Queries at the engine at once: enough that it never waits for this side."""
_READ_BYTES = 1 << 16
_READ_AHEAD = 1000
_BAD_REQUEST = 400


class BadLine(Exception):
    """A line that holds no query; the message says what is wrong with it."""


class Question(msgspec.Struct, frozen=True):
    """One line of the input; other keys are ignored."""

    query: str
    id: Any = None


class _Batch:
    """The state of one run: what is in flight, and how it went."""

    def __init__(self, engine: Engine, asking: Asking) -> None:
        self._engine = engine
        self._asking = asking
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self._flying: asyncio.Queue[tuple[int, Question, asyncio.Task[SearchResponse]] | None] = (
            asyncio.Queue()
        )
        self.hits = False
        self.bad = 0

    async def run(self, lines: AsyncIterator[tuple[int, bytes]]) -> None:
        """Ask what `lines` hold and print the answers, each as soon as it is next."""
        asking = asyncio.create_task(self._ask(lines))
        asking.add_done_callback(lambda _: self._flying.put_nowait(None))
        try:
            while (flight := await self._flying.get()) is not None:
                await self._land(*flight)
                self._room.release()
            await asking
        finally:
            await self._cancel(asking)

    async def _ask(self, lines: AsyncIterator[tuple[int, bytes]]) -> None:
        async for number, line in lines:
            try:
                question = parsed(line)
            except BadLine as error:
                self._complain(number, str(error))
                continue
            await self._room.acquire()
            answer = recalled(self._engine, self._asking.request(question.query))
            self._flying.put_nowait((number, question, asyncio.create_task(answer)))

    async def _land(
        self, number: int, question: Question, task: asyncio.Task[SearchResponse]
    ) -> None:
        try:
            recall = await task
        except EngineRefused as refusal:
            if refusal.status != _BAD_REQUEST:
                raise
            self._complain(number, str(refusal))
        else:
            self.hits = found(recall) or self.hits
            output.write_json(recall, {"id": question.id})

    async def _cancel(self, asking: asyncio.Task[None]) -> None:
        tasks: list[asyncio.Task[Any]] = [asking]
        while not self._flying.empty():
            flight = self._flying.get_nowait()
            if flight is not None:
                tasks.append(flight[2])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _complain(self, number: int, message: str) -> None:
        self.bad += 1
        output.say(f"line {number}: {message}")


async def search_batch(folder: Path, file: Path, asking: Asking) -> Exit:
    """Answer every query of `file` (`-`: stdin), a line of JSON each, as soon as it is known.

    Lines that hold no query are reported and left out; the status is then `Exit.USAGE`.
    """
    descriptor = _opened(file)
    try:
        async with engine_of(folder) as engine:
            if asking.wait:
                await brought_up_to_date(engine)
            await until_loaded(engine)
            batch = _Batch(engine, asking)
            await batch.run(_numbered_lines(descriptor))
    finally:
        if file != STDIN:
            os.close(descriptor)
    if batch.bad:
        output.say(f"{batch.bad} lines were left out")
        return Exit.USAGE
    return Exit.DONE if batch.hits else Exit.NONE


def parsed(line: bytes) -> Question:
    """The query of one line; raises `BadLine`."""
    try:
        question = msgspec.json.decode(line, type=Question)
    except msgspec.ValidationError as error:
        raise BadLine(f'not a query, which is {{"id": …, "query": "…"}}: {error}') from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadLine(f"not JSON: {error}") from error
    if not question.query.strip():
        raise BadLine("the query is empty")
    return question


def _opened(file: Path) -> int:
    if file == STDIN:
        return 0
    try:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Stop(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from error


async def _numbered_lines(descriptor: int) -> AsyncIterator[tuple[int, bytes]]:
    """The lines that are not blank, with their 1-based numbers, as they come.

    They are read ahead on a daemon thread, so that a terminal or a pipe that says nothing delays
    neither the answers nor the end.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[int, bytes] | OSError | None] = asyncio.Queue()
    room = threading.Semaphore(_READ_AHEAD)
    own = os.dup(descriptor)

    def hand_over(item: tuple[int, bytes] | OSError | None) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, item)

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants more
            try:
                for item in enumerate(_lines(own), start=1):
                    room.acquire()
                    hand_over(item)
            except OSError as error:
                hand_over(error)
            else:
                hand_over(None)
        os.close(own)

    threading.Thread(target=read, name="batch input", daemon=True).start()
    while (item := await queue.get()) is not None:
        if isinstance(item, OSError):
            raise Stop(Exit.USAGE, f"the queries cannot be read: {item.strerror}")
        room.release()
        if item[1].strip():
            yield item


def _lines(descriptor: int) -> Iterator[bytes]:
    rest: list[bytes] = []
    while piece := os.read(descriptor, _READ_BYTES):
        first, *more = piece.split(b"\n")
        rest.append(first)
        for start in more:
            yield b"".join(rest)
            rest = [start]
    if last := b"".join(rest):
        yield last
