"""What the benchmarks share: an index home of their own, an engine, percentiles, tables."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from membrowse import places
from membrowse.engine import lifecycle
from membrowse.engine.client import EngineClient
from membrowse.engine.protocol import State
from membrowse.recall import RankingState


@contextmanager
def home() -> Iterator[Path]:
    """The `MEMBROWSE_HOME` of this run: the caller's, else a temporary one."""
    given = os.environ.get("MEMBROWSE_HOME")
    if given:
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(prefix="membrowse-bench-") as directory:
        os.environ["MEMBROWSE_HOME"] = directory
        yield Path(directory)
        del os.environ["MEMBROWSE_HOME"]


@contextmanager
def copy_of(folder: Path) -> Iterator[Path]:
    """A copy of `folder` to change, with the index that this home has of it."""
    with tempfile.TemporaryDirectory(prefix="membrowse-bench-") as directory:
        notes = Path(directory).resolve() / "notes"
        shutil.copytree(folder, notes)
        index = places.index_dir(notes)
        if places.index_dir(folder).is_dir():
            shutil.copytree(places.index_dir(folder), index)
        try:
            yield notes
        finally:
            shutil.rmtree(index, ignore_errors=True)


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[EngineClient]:
    """A client of a running engine, which ends with the block."""
    client = await lifecycle.connect(folder)
    try:
        yield client
    finally:
        await client.close()
        await lifecycle.stop(folder)


async def until_current(client: EngineClient) -> State:
    """Wait until every note is indexed, every chunk has its vector, and the encoder is there."""
    async for state in client.states():
        if state.problem:
            sys.exit(f"the engine says: {state.problem}")
        ready = state.encoder.state is RankingState.READY
        done = ready and state.encoded == state.chunks and state.progress is None
        if done and state.chunks and not state.pending.total:
            return state
    sys.exit("the engine ended")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(rows: Sequence[Sequence[object]]) -> None:
    """Print `rows` as a Markdown table; the first is the head."""
    head, *rest = [[_cell(value) for value in row] for row in rows]
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rest:
        print("| " + " | ".join(row) + " |")


def _cell(value: object) -> str:
    return (
        f"{value:.3g}"
        if isinstance(value, float) and value < 10
        else (f"{value:.1f}" if isinstance(value, float) else str(value))
    )
