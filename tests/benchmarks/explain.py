"""How long explaining takes, cursor by cursor: `explain.py FOLDER QUERIES.jsonl [COUNT]`.

For each of COUNT queries (50), the cursor moves down the first 20 of the reranked ranking, and each
chunk is explained: a client's time from asking to the decoded record. Then the first is compared
with the twentieth, and the query is laid beside the rulers with the first chunk.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

from membrowse.client.engine import EngineClient
from membrowse.wire.comparison import CompareRequest
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.rank_flow import RankFlowRequest
from membrowse.wire.request import Request
from membrowse.wire.search import RERANKED, SearchRequest, Target
from membrowse.wire.tokens import TokensRequest
from tests.benchmarks import bench

_QUERIES = 50
_WARM_UP = 3
_DEPTH = 20

T = TypeVar("T")


class Watch:
    """Asks, and notes how long that took."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self.samples: dict[str, list[float]] = defaultdict(list)

    async def ask(self, name: str, request: Request[T]) -> T:
        started = time.perf_counter()
        found = await self._client.ask(request)
        self.samples[name].append((time.perf_counter() - started) * 1000)
        return found

    async def follow(self, text: str) -> None:
        """The cursor goes down the ranking of one query."""
        request = SearchRequest(text=text, limit=_DEPTH)
        chunks = [
            hit.chunk
            async for recall in self._client.stream(request)
            if RERANKED in recall.rankings
            for hit in recall.rankings[RERANKED].hits
        ]
        for number, chunk in enumerate(chunks):
            name = "next" if number else "first under a query"
            found = await self.ask(name, ExplainRequest(text=text, chunk=chunk))
            self.samples["explain itself, in the engine"].append(found.took_ms["explain"])
        if chunks:
            last = Target(chunk=chunks[-1])
            await self.ask("compare", CompareRequest(text=text, left=chunks[0], right=last))
            await self.ask("rulers", TokensRequest(text=text, chunk=chunks[0]))
            await self.ask("flow", RankFlowRequest(text=text))


async def main(folder: Path, queries: Path, count: int) -> None:
    lines = queries.read_text(encoding="utf-8").splitlines()[: count + _WARM_UP]
    texts = [json.loads(line)["query"] for line in lines]
    async with bench.engine(folder) as client:
        state = await bench.until_current(client)
        watch = Watch(client)
        for text in texts[:_WARM_UP]:
            await watch.follow(text)
        watch.samples.clear()
        for text in texts[_WARM_UP:]:
            await watch.follow(text)
    samples = watch.samples
    every = {"under the cursor": samples["first under a query"] + samples["next"]} | samples
    print(f"{state.chunks} chunks, {len(texts) - _WARM_UP} queries")
    rows: list[list[object]] = [["what", "samples", "p50 ms", "p95 ms", "worst ms"]]
    rows += [
        [
            name,
            len(took),
            bench.percentile(took, 0.5),
            bench.percentile(took, 0.95),
            max(took),
        ]
        for name, took in every.items()
    ]
    bench.table(rows)


if __name__ == "__main__":
    with bench.home():
        wanted = int(sys.argv[3]) if len(sys.argv) > 3 else _QUERIES
        asyncio.run(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), wanted))
