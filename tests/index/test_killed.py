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

from tests.index import making
from tests.index.agreeing import assert_agreeing
from tests.index.history import held, state_of

ROOT = Path(__file__).parents[2]
KILLS = 10


@pytest.fixture
def writers() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.index.changing_forever"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        yield process


@pytest.mark.timeout(240)
def test_a_killed_writer_leaves_what_the_next_start_repairs(
    directory: Path, writers: subprocess.Popen[str]
) -> None:
    draw = random.Random(26)
    reached = 0
    for kill in range(KILLS):
        last = _killed_after(
            writers, directory, steps=draw.randint(1, 60), pause=draw.randint(0, 500_000)
        )
        index = making.opened(directory)
        try:
            generation = index.generation.number
            assert held(index) == state_of(generation), f"kill {kill} after {last!r}"
            assert_agreeing(index)
            assert generation >= reached
            reached = generation
        finally:
            index.close()
    assert reached > 2 * KILLS


def _killed_after(
    writers: subprocess.Popen[str], directory: Path, *, steps: int, pause: int
) -> str:
    """Starts a writer and kills it (SIGKILL) some time after its step number `steps`; returns that
    step."""
    assert writers.stdin is not None
    assert writers.stdout is not None
    writers.stdin.write(f"{directory}\n")
    writers.stdin.flush()
    pid = int(writers.stdout.readline())
    assert writers.stdout.readline() == "begins\n"
    for _ in range(steps):
        last = writers.stdout.readline().strip()
    sum(range(pause))  # so as to come somewhere within the next step
    os.kill(pid, signal.SIGKILL)
    while writers.stdout.readline() != "ended\n":
        pass
    return last
