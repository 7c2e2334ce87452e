"""How long an agent waits: `agent.py FOLDER QUERIES.jsonl`.

Time until `initialize` is answered (median of 5 starts), then 200 calls of `search`, one after
another, by the SDK's own client over stdin and stdout, with the index current.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from mcp import Client, StdioServerParameters

_STARTS, _CALLS, _WARM_UP = 5, 200, 5
_HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "benchmark", "version": "1"},
    },
}


def initialize_seconds(command: list[str]) -> float:
    started = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(_HELLO).encode() + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        took = time.perf_counter() - started
        process.stdin.close()
    return took


async def main(folder: Path, queries: Path) -> None:
    command = [sys.executable, "-m", "membrowse", "mcp", str(folder)]
    starts = [initialize_seconds(command) for _ in range(_STARTS)]
    print(f"initialize: median {statistics.median(starts):.3f} s of {_STARTS}")
    texts = [json.loads(line)["query"] for line in queries.read_text("utf-8").splitlines()]
    server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    async with Client(server) as client:
        times = []
        for number in range(_WARM_UP + _CALLS):
            started = time.perf_counter()
            result = await client.call_tool("search", {"query": texts[number % len(texts)]})
            assert not result.is_error, result.content
            times.append((time.perf_counter() - started) * 1000)
        status = (await client.call_tool("status", {})).structured_content
        children = psutil.Process().children(recursive=True)
        memory = max(each.memory_info().rss for each in children if "mcp" in each.cmdline())
    cuts = statistics.quantiles(times[_WARM_UP:], n=20)
    print(f"{status['chunks']} chunks, current: {status['current']}")
    print(f"search: p50 {cuts[9]:.1f} ms, p95 {cuts[18]:.1f} ms of {_CALLS}")
    print(f"memory of the server: {memory / 1e6:.0f} MB")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
