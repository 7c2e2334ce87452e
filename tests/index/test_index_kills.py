"""A process that changes the index is killed at random moments; the next start repairs."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index import factories
from tests.index.edit_history import indexed_state, state_of
from tests.index.store_agreement import assert_stores_agree

ROOT = Path(__file__).parents[2]
KILLS = 10


@pytest.fixture
def writers() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.index.endless_writer"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        yield process


@pytest.mark.timeout(240)
def test_the_next_start_repairs_what_a_killed_writer_left(
    directory: Path, writers: subprocess.Popen[str]
) -> None:
    draw = random.Random(26)
    reached = 0
    for kill in range(KILLS):
        last = _killed_after(
            writers, directory, steps=draw.randint(1, 60), pause=draw.randint(0, 500_000)
        )
        index = factories.opened(directory)
        try:
            generation = index.generation.number
            assert indexed_state(index) == state_of(generation), f"kill {kill} after {last!r}"
            assert_stores_agree(index)
            assert generation >= reached
            reached = generation
        finally:
            index.close()
    assert reached > 2 * KILLS


def _killed_after(
    writers: subprocess.Popen[str], directory: Path, *, steps: int, pause: int
) -> str:
    """Start a writer and kill it (SIGKILL) some time after step `steps`; return that step."""
    assert writers.stdin is not None
    assert writers.stdout is not None
    writers.stdin.write(f"{directory}\n")
    writers.stdin.flush()
    pid = int(writers.stdout.readline())
    assert writers.stdout.readline() == "begins\n"
    for _ in range(steps):
        last = writers.stdout.readline().strip()
    sum(range(pause))  # to end up somewhere within the next step
    os.kill(pid, signal.SIGKILL)
    while writers.stdout.readline() != "ended\n":
        pass
    return last
