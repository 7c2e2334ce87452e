"""How long a query takes, by ranking: `latency.py FOLDER QUERIES.jsonl [--busy]`.

`all` is a client's time from asking to the complete reply; the rest is each stage's own time in the
engine. `--busy` forgets the index first and asks while it is built again from nothing, from the
first vectors on.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections import defaultdict
from pathlib import Path

from membrowse import paths
from membrowse.client.engine import EngineClient
from membrowse.wire.engine import StatesRequest, StatusRequest
from membrowse.wire.search import SearchRequest
from tests.benchmarks import bench

_QUERIES = 300
_WARM_UP = 10


async def ask(client: EngineClient, text: str) -> dict[str, float]:
    started = time.perf_counter()
    times = {}
    async for recall in client.stream(SearchRequest(text=text)):
        times = {name: ranking.took_ms for name, ranking in recall.rankings.items()}
    return times | {"all": (time.perf_counter() - started) * 1000}


async def main(folder: Path, queries: Path, *, busy: bool) -> None:
    lines = queries.read_text(encoding="utf-8").splitlines()[:_QUERIES]
    texts = [json.loads(line)["query"] for line in lines]
    if busy:
        shutil.rmtree(paths.index_dir(folder), ignore_errors=True)
    async with bench.engine(folder) as client:
        if busy:
            async for state in client.stream(StatesRequest()):
                if state.encoded:
                    break
        else:
            await bench.until_current(client)
        for text in texts[:_WARM_UP]:
            await ask(client, text)
        samples: dict[str, list[float]] = defaultdict(list)
        for text in texts:
            for name, took in (await ask(client, text)).items():
                samples[name].append(took)
        status = await client.ask(StatusRequest())
    state = status.state
    print(f"{state.chunks} chunks, {state.encoded} encoded, {len(texts)} queries")
    rows: list[list[object]] = [["ranking", "p50 ms", "p95 ms", "worst ms"]]
    rows += [
        [name, bench.percentile(took, 0.5), bench.percentile(took, 0.95), max(took)]
        for name, took in samples.items()
    ]
    bench.table(rows)


if __name__ == "__main__":
    with bench.home():
        asyncio.run(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), busy="--busy" in sys.argv))
