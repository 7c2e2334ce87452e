"""Resident memory: `memory.py FOLDER QUERIES.jsonl`: of the engine, its children at their peak, and
of a browser.

Indexes a copy of FOLDER from nothing, asks 1,000 queries, makes 20 edits. Then a browser types ten
of the queries and moves through their hits.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import psutil

from membrowse.client.engine import EngineClient
from membrowse.wire.engine import HelloRequest
from membrowse.wire.search import SearchRequest
from tests.benchmarks import bench

_QUERIES = 1000
_EDITS = 20
_TYPED = 10
_MIB = 1 << 20


async def watch(pid: int, peak: dict[str, int]) -> None:
    """Keep the highest resident memory of engine and children, together and alone."""
    while True:
        try:
            process = psutil.Process(pid)
            own = process.memory_info().rss
            children = sum(child.memory_info().rss for child in process.children(recursive=True))
        except psutil.NoSuchProcess:
            await asyncio.sleep(0.2)
            continue
        peak["engine"] = max(peak["engine"], own)
        peak["engine and children"] = max(peak["engine and children"], own + children)
        await asyncio.sleep(0.2)


async def ask(client: EngineClient, text: str) -> None:
    async for _ in client.stream(SearchRequest(text=text)):
        pass


def browsed(folder: Path, texts: list[str]) -> int:
    """Bytes that a browser holds after some use."""
    with bench.browser(folder) as (pid, terminal):
        bench.drain(terminal, 3.0)
        for text in texts[:_TYPED]:
            os.write(terminal, f"\x15{text}\r".encode())
            bench.drain(terminal, 1.0)
            os.write(terminal, b"jjjjjjjjjj/")
            bench.drain(terminal, 1.0)
        return int(psutil.Process(pid).memory_info().rss)


async def main(folder: Path, queries: Path) -> None:
    texts = [json.loads(line)["query"] for line in queries.read_text().splitlines()]
    peak = {"engine": 0, "engine and children": 0}
    async with bench.engine(folder) as client:
        pid = (await client.ask(HelloRequest())).engine.pid
        watching = asyncio.create_task(watch(pid, peak))
        state = await bench.until_current(client)
        for text in itertools.islice(itertools.cycle(texts), _QUERIES):
            await ask(client, text)
        for number, note in zip(range(_EDITS), itertools.cycle(sorted(folder.rglob("*.md")))):
            with note.open("a") as file:
                file.write(f"\n\nEdit {number}: the blue door.\n")
            await asyncio.sleep(1)
        await bench.until_current(client)
        after = psutil.Process(pid).memory_info().rss
        watching.cancel()
        browser = await asyncio.to_thread(browsed, folder, texts)
    bench.table(
        [
            ["chunks", "browser", "engine after", "at its peak", "with its children at their peak"],
            [
                state.chunks,
                f"{browser / _MIB:.0f} MiB",
                f"{after / _MIB:.0f} MiB",
                f"{peak['engine'] / _MIB:.0f} MiB",
                f"{peak['engine and children'] / _MIB:.0f} MiB",
            ],
        ]
    )


if __name__ == "__main__":
    with bench.home(), tempfile.TemporaryDirectory() as copy:
        shutil.copytree(sys.argv[1], Path(copy) / "notes")
        asyncio.run(main(Path(copy).resolve() / "notes", Path(sys.argv[2])))
