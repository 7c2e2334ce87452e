"""`kill -9` of the engine at random moments of indexing: `kills.py FOLDER [N]`, 50 by default.

Edits and rebuilds a *copy* of FOLDER; after each kill the next engine must repair what was left,
and then `membrowse doctor` must find that all stores hold the ids of the folder's notes, and no
problem. Every text is encoded once before, so that the kills hit indexing and not encoding alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from membrowse.client import discovery
from membrowse.notes.scanner import scan_folder
from membrowse.settings import NotesSettings
from membrowse.wire.engine import HelloRequest, RebuildRequest
from membrowse.wire.health import StoreCheckRequest
from membrowse.wire.notes import FilesRequest
from tests.benchmarks import bench

_PROGRAM = str(Path(sys.executable).with_name("membrowse"))
_LONGEST_SECONDS = 3.0
_VERSIONS = 3


def write_version(notes: dict[Path, str], dice: random.Random) -> None:
    """Some notes in another of their versions, some renamed there or back, some removed."""
    for path, text in notes.items():
        moved = path.with_stem(f"{path.stem}-moved")
        for stale in (path, moved):
            stale.unlink(missing_ok=True)
        if dice.random() < 0.05:
            continue
        place = moved if dice.random() < 0.1 else path
        version = dice.randrange(_VERSIONS)
        place.write_text(f"{text}\n\nVersion {version} of this note.\n" if version else text)


async def crash(folder: Path, dice: random.Random, rebuild: bool) -> float:
    """Let an engine index the folder as it is now and kill it; seconds until then."""
    client = await discovery.connect(folder)
    try:
        pid = (await client.ask(HelloRequest())).engine.pid
        if rebuild:
            await client.ask(RebuildRequest())
        moment = dice.uniform(0.0, _LONGEST_SECONDS)
        await asyncio.sleep(moment)
        os.kill(pid, signal.SIGKILL)
    finally:
        await client.close()
    return moment


async def repaired(folder: Path) -> tuple[float, int, int]:
    """Seconds until the next engine is current; its notes and chunks."""
    started = time.perf_counter()
    async with bench.engine(folder) as client:
        state = await bench.until_current(client)
        took = time.perf_counter() - started
        report = await client.ask(StoreCheckRequest())
        if report.discrepancies:
            sys.exit(f"the stores do not agree: {report.discrepancies}")
        known = {record.path for record in await client.ask(FilesRequest()) if record.chunks}
        there = {
            file.path for file in scan_folder(folder, NotesSettings()) if file.excluded is None
        }
        if known != there:
            sys.exit(f"other notes are indexed than lie there: {sorted(known ^ there)}")
        return took, state.notes, report.chunks


def healthy(folder: Path) -> None:
    done = subprocess.run(
        [_PROGRAM, "doctor", "--folder", str(folder), "--json"], capture_output=True, check=False
    )
    report = json.loads(done.stdout)
    if not report["healthy"]:
        sys.exit(f"not healthy: {report['checks']}")


async def main(folder: Path, kills: int) -> None:
    notes = {path: path.read_text() for path in sorted(folder.rglob("*.md"))}
    for version in range(_VERSIONS):
        for path, text in notes.items():
            path.write_text(f"{text}\n\nVersion {version} of this note.\n" if version else text)
        async with bench.engine(folder) as client:
            await bench.until_current(client)
    rows: list[list[object]] = [["kill", "of", "after s", "current again s", "notes", "chunks"]]
    for number in range(kills):
        dice = random.Random(number)
        write_version(notes, dice)
        rebuild = number % 3 == 0
        moment = await crash(folder, dice, rebuild)
        took, indexed, chunks = await repaired(folder)
        healthy(folder)
        rows.append([number + 1, "rebuild" if rebuild else "edits", moment, took, indexed, chunks])
    bench.table(rows)
    print(f"\n{kills} kills, every one repaired by the next start")


if __name__ == "__main__":
    with bench.home(), bench.copy_of(Path(sys.argv[1]).resolve()) as copy:
        asyncio.run(main(copy, int(sys.argv[2]) if len(sys.argv) > 2 else 50))
