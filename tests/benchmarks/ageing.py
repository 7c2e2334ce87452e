"""Years of an engine in hours: `ageing.py FOLDER [DAYS] [--every 50]`, 1,400 days by default.

Needs Debian's `libfaketime`: the engine's clock is what this script says, its timers are real. Each
day notes of a *copy* of FOLDER are edited, written, renamed and removed, its pins' queries are
asked, and the pins run. Some days have a kill, a stop, a restart, a rebuild, or a clock that is
years wrong. A row is printed per `--every` days; at its end the stores must agree.

With `MEMBROWSE_HOME`, notes and index are kept there, and the next run goes on with the next day.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import EngineClient, EngineUnavailable
from membrowse.wire.engine import HelloRequest, RebuildRequest, StatusRequest
from membrowse.wire.health import StoreCheckRequest
from membrowse.wire.notes import FilesRequest
from membrowse.wire.pins import PinsRequest
from membrowse.wire.search import KEYWORD, SearchRequest
from tests.benchmarks import bench

_LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
_FIRST_DAY = datetime(2026, 1, 1, 9, tzinfo=UTC)
_FRESH_NOTES = 40
"""Notes written beside those of the folder before the oldest is removed."""
_QUERIES = 4
_PINS = 4
"""They run after every change."""
_ATTEMPTS = 30
_NOTICED_SECONDS = 10.0
"""On a busy machine; the folder is compared with the index every half minute anyway."""
_KIB, _MIB = 1 << 10, 1 << 20
_KILL, _STOP, _RESTART, _REBUILD, _WRONG_CLOCK = 12, 9, 31, 97, 41
"""Each happens on every n-th day."""

Row = dict[str, object]


class Clock:
    """The clock of every engine that this process starts."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self.set(_FIRST_DAY)
        (directory / "tmp").mkdir(exist_ok=True)
        os.environ |= {
            "TMPDIR": str(directory / "tmp"),
            "LD_PRELOAD": _LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, moment: datetime) -> None:
        seconds = (moment - datetime.now(UTC)).total_seconds()
        temporary = self._file.with_suffix(".new")
        temporary.write_text(f"{seconds:+.0f}\n")
        temporary.replace(self._file)


class Life:
    """The folder, its engine, and what was measured since the last row."""

    def __init__(self, folder: Path, originals: Path, clock: Clock) -> None:
        """`folder` is the copy of `originals` that ages."""
        self.folder = folder
        self.dice = random.Random()
        self._clock = clock
        self._originals = {
            folder / path.relative_to(originals): path.read_text()
            for path in sorted(originals.rglob("*.md"))
        }
        written = (folder / "days").glob("*.md")
        self._fresh = sorted(written, key=lambda path: int(path.stem.partition("-")[0]))
        self.query_ms: list[float] = []
        self.seen_ms: list[float] = []
        self.day_ms: list[float] = []
        self.kills = 0

    async def day(self, number: int) -> None:
        started = time.perf_counter()
        self.dice.seed(number)
        today = _FIRST_DAY + timedelta(days=number)
        wrong = timedelta(days=self.dice.choice((-1200, 3650)) if number % _WRONG_CLOCK == 7 else 0)
        self._clock.set(today + wrong)
        async with connected(self.folder) as client:
            self._edit(number)
            await self._save_and_find(client, number)
            await self._ask(client)
            await client.ask(PinsRequest())
            if number % _REBUILD == 50:
                await client.ask(RebuildRequest())
            await self._disturb(client, number)
        if number % _RESTART == 20:
            await discovery.stop(self.folder)
        self.day_ms.append(1000 * (time.perf_counter() - started))

    def _edit(self, number: int) -> None:
        path, text = self.dice.choice(list(self._originals.items()))
        path.write_text(f"{text}\n\nOn day {number} the blue door of house {number} was shut.\n")
        for earlier in self.dice.sample(list(self._originals), 1):
            if earlier != path:
                earlier.write_text(self._originals[earlier])
        fresh = self.folder / "days" / f"{number}.md"
        fresh.parent.mkdir(exist_ok=True)
        fresh.write_text(f"# Day {number}\n\nA ladder of {number} rungs was lent to number 7.\n")
        if fresh not in self._fresh:  # a day that was not finished begins again
            self._fresh.append(fresh)
        if len(self._fresh) > _FRESH_NOTES:
            self._fresh.pop(0).unlink()
        elif number % 5 == 0:
            moved = self._fresh[0].with_stem(f"{self._fresh[0].stem}-kept")
            self._fresh[0] = self._fresh[0].rename(moved)

    async def _save_and_find(self, client: EngineClient, number: int) -> None:
        word = f"unheard{number}"
        (self.folder / "today.md").write_text(f"# Today\n\nThe {word} lamp of day {number}.\n")
        started = time.perf_counter()
        while not await found(client, word):
            if time.perf_counter() - started > 60:
                sys.exit(f"day {number}: a saved note is not found")
            await asyncio.sleep(0.02)
        self.seen_ms.append(1000 * (time.perf_counter() - started))
        await bench.until_current(client)

    async def _ask(self, client: EngineClient) -> None:
        pins = (await client.ask(PinsRequest())).results
        for pin in self.dice.sample(pins, min(_QUERIES, len(pins))):
            started = time.perf_counter()
            async for _ in client.stream(SearchRequest(text=pin.pin.query, client="tui")):
                pass
            self.query_ms.append(1000 * (time.perf_counter() - started))

    async def _disturb(self, client: EngineClient, number: int) -> None:
        pid = (await client.ask(HelloRequest())).engine.pid
        if number % _STOP == 4:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(0.3)
            os.kill(pid, signal.SIGCONT)
        if number % _KILL == 8:
            (self.folder / "today.md").write_text(f"# Today\n\nUnfinished {number}.\n")
            await asyncio.sleep(self.dice.uniform(0, 0.6))
            os.kill(pid, signal.SIGKILL)
            self.kills += 1

    async def _gone_and_indexed(self, client: EngineClient) -> set[str]:
        """Indexed notes that the folder lacks, after the time that the watcher may take."""
        deadline = time.perf_counter() + _NOTICED_SECONDS
        there = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*.md")}
        while True:
            files = await client.ask(FilesRequest())
            gone = {each.path for each in files if each.chunks} - there
            if not gone or time.perf_counter() > deadline:
                return gone
            await asyncio.sleep(0.1)

    async def row(self, number: int) -> Row:
        """What the engine uses now; ends the script if the stores do not agree."""
        async with connected(self.folder) as client:
            await bench.until_current(client)
            report = await client.ask(StoreCheckRequest())
            if report.discrepancies:
                sys.exit(f"day {number}: the stores do not agree: {report.discrepancies}")
            if gone := await self._gone_and_indexed(client):
                sys.exit(f"day {number}: gone notes are indexed: {sorted(gone)}")
            status = await client.ask(StatusRequest())
            process = psutil.Process(status.engine.pid)
            memory = process.memory_full_info()
            row: Row = {
                "day": number,
                "generation": status.state.generation,
                "notes": status.state.notes,
                "RSS MiB": memory.rss // _MIB,
                "private MiB": memory.uss // _MIB,
                "fds": process.num_fds(),
                "threads": process.num_threads(),
                **{f"{name} KiB": size // _KIB for name, size in status.sizes.items()},
                **_contents(self.folder),
                "query p50 ms": bench.percentile(self.query_ms, 0.5),
                "p95": bench.percentile(self.query_ms, 0.95),
                "saved → found p50 ms": bench.percentile(self.seen_ms, 0.5),
                "p95 found": bench.percentile(self.seen_ms, 0.95),
                "kills": self.kills,
                "ms a day": sum(self.day_ms) / len(self.day_ms),
            }
        self.query_ms, self.seen_ms, self.day_ms = [], [], []
        return row


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[EngineClient]:
    client = await patiently(folder)
    try:
        yield client
    finally:
        with contextlib.suppress(EngineUnavailable):
            await client.close()


async def patiently(folder: Path) -> EngineClient:
    """A client of the engine, which has minutes to answer on a busy machine."""
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(EngineUnavailable):
            return await discovery.connect(folder)
    return await discovery.connect(folder)


async def found(client: EngineClient, word: str) -> bool:
    async for response in client.stream(SearchRequest(text=word, progressive=False)):
        hits = response.rankings[KEYWORD].hits
    return bool(hits) and hits[0].path == "today.md"


def _contents(folder: Path) -> Row:
    """Rows of the databases, and files and bytes of everything that belongs to the index."""
    index, home = paths.index_dir(folder), Path(os.environ["MEMBROWSE_HOME"])
    files = [path for path in index.rglob("*") if path.is_file()]
    return {
        "journal rows": _rows(index / "manifest.sqlite", "journal"),
        "successors": _rows(index / "manifest.sqlite", "successors"),
        "vector rows": _rows(index / "vectors.sqlite", "vectors"),
        "files": len(files),
        "home KiB": paths.tree_size(home) // _KIB,
        "log KiB": sum(path.stat().st_size for path in index.glob("*.log*")) // _KIB,
        "temporary files": len(list((home / "tmp").rglob("*"))),
    }


def _rows(database: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return int(count)


async def main(originals: Path, home: Path, days: int, every: int) -> None:
    folder, mark = home.resolve() / "aged", home / "day"
    first = int(mark.read_text()) if mark.exists() else 0
    if not first:
        shutil.copytree(originals, folder)
        pins = folder / "golden.jsonl"
        pins.write_text("".join(pins.read_text().splitlines(keepends=True)[:_PINS]))
    life, headed = Life(folder, originals, Clock(home)), False
    try:
        for number in range(first, days):
            await life.day(number)
            mark.write_text(str(number + 1))
            if number % every == every - 1 or number == days - 1:
                row = await life.row(number + 1)
                if not headed:
                    print("| " + " | ".join(row) + " |\n|" + "---|" * len(row), flush=True)
                    headed = True
                print("| " + " | ".join(map(_cell, row.values())) + " |", flush=True)
    finally:
        await discovery.stop(folder)


def _cell(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("days", type=int, nargs="?", default=1400)
    parser.add_argument("--every", type=int, default=50)
    given = parser.parse_args()
    with bench.home() as own:
        asyncio.run(main(given.folder.resolve(), own, given.days, given.every))
