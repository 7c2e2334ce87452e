"""What the benchmarks share: an index home of their own, an engine, percentiles, tables."""

from __future__ import annotations

import os
import pty
import select
import shutil
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import EngineClient
from membrowse.wire.engine import EngineState, StatesRequest
from membrowse.wire.search import RankingState

PROGRAM = str(Path(sys.executable).with_name("membrowse"))
_COLUMNS, _LINES = 160, 45


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
        index = paths.index_dir(notes)
        if paths.index_dir(folder).is_dir():
            shutil.copytree(paths.index_dir(folder), index)
        try:
            yield notes
        finally:
            shutil.rmtree(index, ignore_errors=True)


@contextmanager
def browser(folder: Path) -> Iterator[tuple[int, int]]:
    """The browser in a real pseudo-terminal: its process, and the terminal to type into and read
    from. It ends with the block."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        os.execv(PROGRAM, [PROGRAM, str(folder)])  # noqa: S606  (our own program, no shell)
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
    try:
        yield pid, terminal
    finally:
        os.kill(pid, 15)
        os.close(terminal)
        os.waitpid(pid, 0)


def drain(terminal: int, seconds: float) -> None:
    """Read what comes within `seconds`, so that the browser can go on painting."""
    until = time.perf_counter() + seconds
    while (left := until - time.perf_counter()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[EngineClient]:
    """A client of a running engine, which ends with the block."""
    client = await discovery.connect(folder)
    try:
        yield client
    finally:
        await client.close()
        await discovery.stop(folder)


async def until_current(client: EngineClient) -> EngineState:
    """Wait until every note is indexed, every chunk has its vector, and the encoder is there."""
    async for state in client.stream(StatesRequest()):
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
