"""What grows: `soak.py FOLDER QUERIES.jsonl [--queries 10000] [--edits 1000] [--pause 0.01]`.

Asks and edits a *copy* of FOLDER (with the index that `MEMBROWSE_HOME` has of it), and samples the
engine along the way: memory, file descriptors, threads, bytes of each store. Edits keep
the folder's size: paragraphs are replaced, notes renamed there and back, written and removed. What
the second quarter and the last hold is compared by its median.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from membrowse.client.engine import EngineClient
from membrowse.wire.engine import HelloRequest, StatusRequest
from membrowse.wire.notes import ChunkRequest
from membrowse.wire.search import RERANKED, SearchRequest
from tests.benchmarks import bench

_SAMPLES = 40
_MIB = 1 << 20
_TOLERATED = {"memory MiB": 10.0, "mapped MiB": 20.0, "descriptors": 10.0, "threads": 2.0}
"""How much more the last quarter may hold than the second did. Mapped are libraries and weights,
of which more is read as more words come; descriptors are those of the keyword index's segments,
which gather until they are merged."""
_STORE_TOLERATED = 10.0
"""Spare vectors, the journal and what was deleted gather up to their bounds."""

Sample = dict[str, float]


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked and edited, and the pause (seconds) after each question."""

    queries: int
    edits: int
    pause: float


async def sample(client: EngineClient, process: psutil.Process) -> Sample:
    sizes = (await client.ask(StatusRequest())).sizes
    memory = process.memory_info()
    return {
        "memory MiB": (memory.rss - memory.shared) / _MIB,
        "mapped MiB": memory.shared / _MIB,
        "descriptors": process.num_fds(),
        "threads": process.num_threads(),
        **{f"{name} MiB": size / _MIB for name, size in sizes.items()},
    }


async def ask(client: EngineClient, text: str) -> None:
    """A question, and its first hit looked at, as in the browser."""
    async for recall in client.stream(SearchRequest(text=text, client="tui")):
        hits = recall.rankings[RERANKED].hits
    if hits:
        await client.ask(ChunkRequest(chunk=hits[0].chunk, text=text))


def edits(folder: Path) -> Iterator[None]:
    """Each step changes a note; in the long run the folder stays as large as it is."""
    dice = random.Random(7)
    originals = {path: path.read_text() for path in sorted(folder.rglob("*.md"))}
    for number in itertools.count():
        path, text = dice.choice(list(originals.items()))
        path.write_text(f"{text}\n\nEdit {number}: the blue door of house {number % 97}.\n")
        yield
        moved = path.with_stem(f"{path.stem}-moved")
        path.rename(moved)
        yield
        moved.rename(path)
        yield
        path.write_text(text)
        yield
        fresh = folder / f"fresh-{number % 5}.md"
        fresh.write_text(f"# Fresh\n\nNumber {number} of the fresh notes.\n")
        yield
        fresh.unlink()
        yield


async def soak(client: EngineClient, folder: Path, texts: list[str], load: Load) -> list[Sample]:
    process = psutil.Process((await client.ask(HelloRequest())).engine.pid)
    questions, changes = itertools.cycle(texts), edits(folder)
    samples: list[Sample] = []
    edited = 0
    for number in range(load.queries):
        await ask(client, next(questions))
        while edited * load.queries < number * load.edits:
            next(changes)
            edited += 1
        if number % max(1, load.queries // _SAMPLES) == 0:
            samples.append({"queries": number, "edits": edited, **await sample(client, process)})
        await asyncio.sleep(load.pause)
    await bench.until_current(client)
    samples.append({"queries": load.queries, "edits": edited, **await sample(client, process)})
    return samples


def verdict(samples: list[Sample]) -> None:
    """Print, for each figure, whether it is flat."""
    quarter = max(1, len(samples) // 4)
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    rows: list[list[object]] = [["figure", "second quarter", "last quarter", ""]]
    for name in samples[0].keys() - {"queries", "edits"}:
        before = statistics.median(one[name] for one in second)
        after = statistics.median(one[name] for one in last)
        flat = after - before <= _TOLERATED.get(name, _STORE_TOLERATED)
        rows.append([name, before, after, "flat" if flat else "GROWS"])
    bench.table([rows[0], *sorted(rows[1:], key=str)])


async def main(folder: Path, queries: Path, load: Load) -> None:
    texts = [json.loads(line)["query"] for line in queries.read_text().splitlines()]
    async with bench.engine(folder) as client:
        await bench.until_current(client)
        samples = await soak(client, folder, texts, load)
    bench.table([list(samples[0]), *(list(one.values()) for one in samples)])
    print()
    verdict(samples)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--edits", type=int, default=1_000)
    parser.add_argument("--pause", type=float, default=0.01)
    given = parser.parse_args()
    wanted = Load(given.queries, given.edits, given.pause)
    with bench.home(), bench.copy_of(given.folder.resolve()) as notes:
        asyncio.run(main(notes, given.questions, wanted))
