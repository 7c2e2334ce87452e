"""The first run over a folder, with nothing prepared: `first_run.py FOLDER [RUNS]`.

Each run has a home of its own and a copy of FOLDER. CPU seconds are those of the engine and the
processes it started, and say more than seconds on a busy machine.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from membrowse.wire.engine import EngineState, HelloRequest, StatesRequest
from tests.benchmarks import bench

_RUNS = 3


async def first_run(folder: Path) -> dict[str, float]:
    """Seconds from starting an engine to what it can do, and its CPU seconds."""
    started = time.perf_counter()
    found: dict[str, float] = {}
    async with bench.engine(folder) as client:
        engine = psutil.Process((await client.ask(HelloRequest())).engine.pid)
        found["progress"] = time.perf_counter() - started
        async for state in client.stream(StatesRequest()):
            for name in _reached(state):
                found.setdefault(name, time.perf_counter() - started)
            if "all vectors" in found:
                break
        await bench.until_current(client)
        found["CPU of all"] = sum(engine.cpu_times()[:4])
    return found


def _reached(state: EngineState) -> list[str]:
    steps = {
        "keyword, first notes": state.chunks > 0,
        "keyword, all notes": state.chunks > 0 and not state.pending.total,
        "first vectors": state.encoded > 0,
        "all vectors": 0 < state.chunks == state.encoded and not state.pending.total,
    }
    return [name for name, reached in steps.items() if reached]


def main(folder: Path, runs: int) -> None:
    samples: dict[str, list[float]] = {}
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="membrowse-bench-") as home:
            os.environ["MEMBROWSE_HOME"] = home
            with bench.copy_of(folder) as notes:
                for name, took in asyncio.run(first_run(notes)).items():
                    samples.setdefault(name, []).append(took)
    rows: list[list[object]] = [["what", "median s", "worst s"]]
    rows += [[name, statistics.median(took), max(took)] for name, took in samples.items()]
    bench.table(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else _RUNS)
