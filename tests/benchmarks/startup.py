"""Start-up, with no engine running: `startup.py FOLDER [QUERY]`. FOLDER is indexed first.

The browser runs in a real pseudo-terminal; a time is taken when its screen first shows the text in
question.
"""

from __future__ import annotations

import asyncio
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from membrowse.client import discovery
from tests.benchmarks import bench

_RUNS = 5
_GIVE_UP_SECONDS = 30.0


def timed(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([bench.PROGRAM, *arguments], check=True, capture_output=True)
    return time.perf_counter() - started


def browser(folder: Path, query: str) -> dict[str, float]:
    """Seconds from starting the browser to what its screen shows."""
    started = time.perf_counter()
    seen = bytearray()
    times: dict[str, float] = {}
    with bench.browser(folder) as (_, terminal):

        def until(name: str, condition: Callable[[bytes], bool]) -> None:
            while not condition(bytes(seen)):
                if time.perf_counter() - started > _GIVE_UP_SECONDS:
                    sys.exit(f"{name} did not show within {_GIVE_UP_SECONDS:.0f} s")
                if select.select([terminal], [], [], 0.01)[0]:
                    seen.extend(os.read(terminal, 65536))
            times[name] = time.perf_counter() - started

        until("first paint", lambda screen: b"membrowse" in screen)
        os.write(terminal, query.encode())
        until("keyword", lambda screen: b"KEYWORD" in screen and b"#1 of" in screen)
        until("all three rankings", lambda screen: b"pool " in screen)
        os.write(terminal, b"\x1b\x1bq")
    return times


async def stop(folder: Path) -> None:
    await discovery.stop(folder)


def main(folder: Path, query: str) -> None:
    subprocess.run([bench.PROGRAM, "index", str(folder)], check=True, capture_output=True)
    samples: dict[str, list[float]] = {}

    def note(name: str, took: float) -> None:
        samples.setdefault(name, []).append(took)

    for _ in range(_RUNS):
        asyncio.run(stop(folder))
        note("membrowse --version", timed(["--version"]))
        note("membrowse index, unchanged", timed(["index", str(folder)]))
        asyncio.run(stop(folder))
        for name, took in browser(folder, query).items():
            note(f"browser: {name}", took)
    asyncio.run(stop(folder))
    rows: list[list[object]] = [["what", "median s", "worst s"]]
    rows += [[name, statistics.median(took), max(took)] for name, took in samples.items()]
    bench.table(rows)


if __name__ == "__main__":
    with bench.home():
        main(
            Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else "how is it deployed"
        )
