"""`kill -9` of the engine at random moments of indexing: `kills.py FOLDER [N]`, 50 by default.

Edits and rebuilds a *copy* of FOLDER; after each kill the next engine must repair what was left:
all stores hold the same ids, every note is indexed with the bytes that lie in the folder, the pins
are as they were, and no byte of the folder changed. `membrowse doctor` is asked after every 25th.
Every text is encoded once before, so that the kills hit indexing and not encoding alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import EngineClient
from membrowse.client.launch import started
from membrowse.settings import NotesSettings
from membrowse.wire.engine import HelloRequest, RebuildRequest, ReindexRequest
from membrowse.wire.health import StoreCheckRequest
from tests.benchmarks import bench
from tests.notes.folder_scan import scan_folder

_PROGRAM = str(Path(sys.executable).with_name("membrowse"))
_LONGEST_SECONDS = 1.5
_VERSIONS = 3
_DOCTOR_EVERY = 25


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


async def crash(client: EngineClient, dice: random.Random, rebuild: bool) -> str:
    """Have the folder indexed as it is now and kill the engine; what it did at that moment."""
    pid = (await client.ask(HelloRequest())).engine.pid
    await client.ask(RebuildRequest() if rebuild else ReindexRequest())
    await asyncio.sleep(dice.uniform(0.0, _LONGEST_SECONDS))
    os.kill(pid, signal.SIGKILL)
    process = started[pid]
    await asyncio.to_thread(process.wait)
    return "rebuild" if rebuild else "edits"


async def repaired(folder: Path, client: EngineClient) -> tuple[float, int]:
    """Seconds until the next engine is current, and its generation; ends the script if it differs
    from the folder."""
    started = time.perf_counter()
    state = await bench.until_current(client)
    took = time.perf_counter() - started
    report = await client.ask(StoreCheckRequest())
    if report.discrepancies:
        sys.exit(f"the stores do not agree: {report.discrepancies}")
    with closing(sqlite3.connect(paths.index_dir(folder) / "manifest.sqlite")) as manifest:
        records = [json.loads(record) for (record,) in manifest.execute("SELECT record FROM notes")]
    indexed = {record["path"]: record["sha256"] for record in records}
    if indexed != hashes(folder):
        sys.exit(
            f"other notes are indexed than lie there: {indexed.items() ^ hashes(folder).items()}"
        )
    return took, state.generation


def hashes(folder: Path) -> dict[str, str]:
    """Hash of every note in the folder."""
    return {
        file.path: sha256((folder / file.path).read_bytes()).hexdigest()
        for file in scan_folder(folder, NotesSettings())
        if file.excluded is None
    }


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
    pins = (folder / "golden.jsonl").read_bytes()
    counts, seconds = Counter[str](), list[float]()
    client = await discovery.connect(folder)
    for number in range(kills):
        dice = random.Random(number)
        write_version(notes, dice)
        there = hashes(folder)
        counts[await crash(client, dice, rebuild=number % 3 == 0)] += 1
        await client.close()
        client = await discovery.connect(folder)
        took, generation = await repaired(folder, client)
        if hashes(folder) != there or (folder / "golden.jsonl").read_bytes() != pins:
            sys.exit(f"kill {number}: the folder was changed")
        seconds.append(took)
        if number % _DOCTOR_EVERY == 0:
            healthy(folder)
            print(f"{number + 1} kills, generation {generation}", flush=True)
    await client.close()
    await discovery.stop(folder)
    print(f"{dict(counts)}: all repaired; no byte of the folder changed")
    p50, p95 = (bench.percentile(seconds, share) for share in (0.5, 0.95))
    print(f"current again after {p50:.2f} s (p50), {p95:.2f} s (p95)")


if __name__ == "__main__":
    with bench.home(), bench.copy_of(Path(sys.argv[1]).resolve()) as copy:
        asyncio.run(main(copy, int(sys.argv[2]) if len(sys.argv) > 2 else 50))
