"""Recall of every ranking on sets of questions: `recall.py SET…`, the mean over all questions.

A piece of evidence is found at rank r when the hit at rank r covers its line, or overlaps its
characters. R@k is the mean share of a question's evidence within the first k hits; MRR@10 takes the
first hit that covers any.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from membrowse.wire.search import RANKINGS, Hit, SearchRequest
from tests.benchmarks import bench

_DEPTH = 20


def covers(hit: Hit, evidence: dict[str, Any]) -> bool:
    if hit.path != evidence["path"]:
        return False
    if "start" in evidence:
        return bool(hit.start_offset < evidence["end"] and evidence["start"] < hit.end_offset)
    return "line" not in evidence or bool(hit.start_line <= evidence["line"] <= hit.end_line)


def score(evidence: list[dict[str, Any]], hits: tuple[Hit, ...]) -> dict[str, float]:
    first: dict[int, int] = {}
    for hit in hits:
        for number, piece in enumerate(evidence):
            if number not in first and covers(hit, piece):
                first[number] = hit.rank
    best = min((rank for rank in first.values() if rank <= 10), default=0)
    shares = {
        f"R@{k}": sum(rank <= k for rank in first.values()) / len(evidence) for k in (1, 5, 10)
    }
    return shares | {"MRR@10": 1 / best if best else 0.0}


async def measure(directory: Path, totals: dict[str, list[dict[str, float]]]) -> None:
    lines = (directory / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    async with bench.engine(directory / "md") as client:
        state = await bench.until_current(client)
        print(f"{directory.name}: {state.notes} notes, {state.chunks} chunks", file=sys.stderr)
        for question in map(json.loads, lines):
            request = SearchRequest(text=question["query"], limit=_DEPTH)
            async for recall in client.stream(request):
                for name in RANKINGS:
                    hits = recall.rankings[name].hits
                    totals[name].append(score(question["relevant"], hits))


async def main(directories: list[Path]) -> None:
    totals: dict[str, list[dict[str, float]]] = defaultdict(list)
    for directory in directories:
        await measure(directory.resolve(), totals)
    rows: list[list[object]] = [["ranking", "questions", "R@1", "R@5", "R@10", "MRR@10"]]
    for name, scores in totals.items():
        means = [sum(s[key] for s in scores) / len(scores) for key in scores[0]]
        rows.append([name, len(scores), *means])
    bench.table(rows)


if __name__ == "__main__":
    with bench.home():
        asyncio.run(main([Path(argument) for argument in sys.argv[1:]]))
