"""Why-not diagnoses, and whether what they promise comes true.

`why.py SET…`: every question whose evidence is not in the reranked top 5: share with a verdict,
time, share for which at least one change is offered. `why.py --demo N`: N random pairs of a query
and a chunk of the demo memory; every offered change is applied for real (setting saved, query
typed, note edited and indexed), and the ranks that differ from the promised ones are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from membrowse.client.diagnosis import diagnose
from membrowse.client.engine import EngineClient
from membrowse.wire.diagnosis import (
    DiagnosisReport,
    DiagnosisRequest,
    Edit,
    Outcome,
    Suggestion,
    SuggestionKind,
)
from membrowse.wire.engine import ReindexRequest, StatesRequest
from membrowse.wire.search import RERANKED, SearchRequest, SearchResponse, Target
from membrowse.wire.tuning import SaveConfigurationRequest, UseConfigurationRequest
from tests.benchmarks import bench
from tests.benchmarks.recall import covers

_K = 5
DEMO = Path(__file__).parents[2] / "assets" / "demo-memory"


async def recalled(client: EngineClient, text: str, target: Target | None = None) -> SearchResponse:
    request = SearchRequest(text=text, target=target, limit=_K)
    return [recall async for recall in client.stream(request)][-1]


async def rank_of(client: EngineClient, text: str, target: Target) -> int | None:
    expected = (await recalled(client, text, target)).target
    return expected.hit.ranks[RERANKED] if expected is not None and expected.hit else None


def replaced(file: Path, edit: Edit) -> bytes:
    """Put the edit's line into the file; the bytes that were there."""
    before = file.read_bytes()
    lines = before.decode().split("\n")
    assert lines[edit.line - 1].rstrip("\r") == edit.before, (edit, lines[edit.line - 1])
    lines[edit.line - 1] = lines[edit.line - 1].replace(edit.before, edit.after)
    file.write_bytes("\n".join(lines).encode())
    return before


async def reindexed(client: EngineClient) -> None:
    asked = (await client.ask(ReindexRequest())).requested
    async for state in client.stream(StatesRequest()):
        settled = state.progress is None and not state.pending.total
        if state.started >= asked and settled and state.encoded == state.chunks:
            return


async def applied(
    client: EngineClient, folder: Path, why: DiagnosisReport, change: Suggestion
) -> int | None:
    """The target's rank once the change is made; all is then put back."""
    if change.kind is SuggestionKind.QUERY:
        return await rank_of(client, change.query, why.target)
    if change.kind is SuggestionKind.SETTING:
        await client.ask(SaveConfigurationRequest(name="why", overrides=dict(change.settings)))
        try:
            return await rank_of(client, why.query, why.target)
        finally:
            await client.ask(UseConfigurationRequest(name=""))
    assert change.edit is not None
    file = folder / change.edit.path
    before = replaced(file, change.edit)
    try:
        await reindexed(client)
        return await rank_of(client, why.query, why.target)
    finally:
        file.write_bytes(before)
        await reindexed(client)


def pairs(folder: Path, number: int, seed: int) -> list[tuple[str, Target]]:
    """Random queries of the golden questions with random lines of random notes, or their own."""
    drawn = random.Random(seed)
    golden = [json.loads(line) for line in (DEMO / "golden.jsonl").read_text().splitlines()]
    notes = sorted(path for path in folder.rglob("*.md"))
    found: list[tuple[str, Target]] = []
    while len(found) < number:
        query = drawn.choice(golden)
        note = drawn.choice(notes)
        line = drawn.randint(1, len(note.read_text().splitlines()))
        path = note.relative_to(folder).as_posix()
        own = Target(path=query["path"], text=query["text"])
        options = [Target(path=path, line=line), Target(path=path), own]
        found.append((query["query"], drawn.choice(options)))
    return found


async def demo(number: int, seed: int) -> None:
    kinds: Counter[SuggestionKind] = Counter()
    wrong: list[str] = []
    took: list[float] = []
    helped = missing = 0
    with tempfile.TemporaryDirectory(prefix="membrowse-demo-") as directory:
        folder = Path(directory) / "demo"
        shutil.copytree(DEMO, folder)
        async with bench.engine(folder) as client:
            await bench.until_current(client)
            for query, target in pairs(folder, number, seed):
                started = time.perf_counter()
                why = await diagnose(client, DiagnosisRequest(text=query, target=target))
                took.append(time.perf_counter() - started)
                missing += not why.in_top_k
                helped += bool(why.suggestions)
                for change in why.suggestions:
                    kinds[change.kind] += 1
                    rank = await applied(client, folder, why, change)
                    if rank != change.rank:
                        wrong.append(f"{query} | {target} | {change.change}: {change.rank}, {rank}")
    print(*wrong, sep="\n", file=sys.stderr)
    bench.table(
        [
            ["pairs", "not in the top k", "helped", "changes", "wrong", "median s", "p95 s"],
            [
                number,
                missing,
                helped,
                ", ".join(f"{count} {kind.value}" for kind, count in kinds.items()),
                len(wrong),
                bench.percentile(took, 0.5),
                bench.percentile(took, 0.95),
            ],
        ]
    )


async def diagnosed(
    client: EngineClient, question: dict[str, Any]
) -> tuple[DiagnosisReport, float] | None:
    """The diagnosis of the first piece of evidence, if none is in the top `_K`."""
    recall = await recalled(client, question["query"])
    evidence = question["relevant"]
    hits = recall.rankings[RERANKED].hits
    if any(covers(hit, piece) for hit in hits for piece in evidence):
        return None
    target = Target(path=evidence[0]["path"], line=evidence[0].get("line"))
    started = time.perf_counter()
    why = await diagnose(client, DiagnosisRequest(text=question["query"], target=target, k=_K))
    return why, time.perf_counter() - started


async def sets(directories: list[Path], most: int) -> None:
    verdicts: Counter[str] = Counter()
    took: list[float] = []
    helped: Counter[str] = Counter()
    unfinished = spoken = 0
    for directory in directories:
        lines = (directory / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        async with bench.engine(directory.resolve() / "md") as client:
            await bench.until_current(client)
            done = 0
            for question in map(json.loads, lines):
                found = await diagnosed(client, question) if done < most else None
                if found is None:
                    continue
                why, seconds = found
                done += 1
                took.append(seconds)
                failing = [rung.name for rung in why.steps if rung.outcome is Outcome.FAILS]
                spoken += bool(why.verdict)
                verdicts[failing[0] if failing else "none: the nearest chunk is there"] += 1
                helped["any"] += bool(why.suggestions)
                for kind in {change.kind for change in why.suggestions}:
                    helped[kind] += 1
                unfinished += bool(why.unfinished)
    count = len(took)
    bench.table(
        [
            ["questions", "with a verdict", "helped", "unfinished", "median s", "p95 s"],
            [
                count,
                f"{spoken / count:.1%}",
                ", ".join(f"{kind} {number / count:.0%}" for kind, number in helped.items()),
                unfinished,
                bench.percentile(took, 0.5),
                bench.percentile(took, 0.95),
            ],
        ]
    )
    print("\nfirst failing rung:", dict(verdicts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", type=Path)
    parser.add_argument("--demo", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--most", type=int, default=10_000, help="questions of a set, at most")
    given = parser.parse_args()
    with bench.home():
        if given.demo:
            asyncio.run(demo(given.demo, given.seed))
        if given.sets:
            asyncio.run(sets(given.sets, given.most))
