"""Fifty faults by seed: kills, damage to the files of an open index, a full disk.

After each, the index equals the folder (here: the texts that were written), or what it raises names
the command that mends it and the next try succeeds.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from membrowse.index.manifest import IndexCorrupt
from tests.index import factories
from tests.index.edit_history import State, after, indexed_state, operation, state_of
from tests.index.factories import encode_all
from tests.index.store_agreement import assert_stores_agree

ROOT = Path(__file__).parents[2]
KILLS, DAMAGES, FULL_DISKS = 12, 26, 12
TRIES = 3
STORES = ("manifest.sqlite*", "vectors.sqlite*", "tokens.sqlite*", "keyword/*.seg", "chroma/*/*")


class Folder:
    """An open index and what it should contain."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.index = factories.opened(directory)
        self.state: State = {}
        self._operations = 1
        for _ in range(6):
            self.edit()

    def edit(self, tries: int = TRIES) -> None:
        """Change some notes; what fails is tried again, as the engine does."""
        changes = operation(self._operations, self.state)
        for _ in range(tries):
            try:
                self.index.apply(changes)
                encode_all(self.index)
            except IndexCorrupt as error:
                assert "rebuild the index" in str(error)
            except (OSError, sqlite3.Error):
                pass
            else:
                self.state = after(changes, self.state)
                self._operations += 1
                return
        assert tries == 1

    def assert_repaired(self) -> None:
        """The daily check repairs everything; the stores then have what the folder has."""
        if any(one.kind != "damaged" for one in self.index.check()):
            self.index.repair()
        assert self.index.check() == []
        assert indexed_state(self.index) == self.state
        assert self.index.approximate_nearest(factories.vector("ssh"), 3)
        assert self.index.generation.encoded.all()

    def reopen(self) -> None:
        self.index.close()
        self.index = factories.opened(self.directory)
        encode_all(self.index)


@pytest.fixture
def folder(directory: Path) -> Iterator[Folder]:
    folder = Folder(directory)
    folder.index.open_chroma()
    yield folder
    folder.index.close()


def damage(directory: Path, dice: random.Random) -> None:
    """Delete, cut, empty, garble or flip bits of a file; a cut `-shm` ends any process."""
    files = sorted(directory.glob(dice.choice(STORES)))
    kind = dice.choice(("delete", "cut", "empty", "garble", "flip"))
    file = dice.choice([each for each in files if each.is_file() and each.suffix != ".sqlite-shm"])
    data = file.read_bytes()
    if kind == "delete":
        file.unlink()
        return
    flipped = bytearray(data)
    for place in range(0, len(data), 97):
        flipped[place] ^= 1 << dice.randrange(8)
    written = {"cut": data[: len(data) // 2], "empty": b"", "garble": dice.randbytes(len(data))}
    with file.open("r+b") as stream:
        stream.truncate(len(written.get(kind, flipped)))
        stream.write(written.get(kind, flipped))


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file may become larger than `limit` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_open_index_survives_damage_and_full_disks(folder: Folder) -> None:
    assert KILLS + DAMAGES + FULL_DISKS == 50
    faults = ["damage"] * DAMAGES + ["full disk"] * FULL_DISKS
    random.Random(12).shuffle(faults)
    for seed, fault in enumerate(faults):
        dice = random.Random(seed)
        if fault == "damage":
            damage(folder.directory, dice)
        else:
            with full_disk(dice.choice((1, 4096, 40_000, 150_000))):
                folder.edit(tries=1)
        folder.index.approximate_nearest(factories.vector("ssh"), 3)
        folder.edit()
        folder.assert_repaired()
        if seed % 6 == 5:
            folder.reopen()
            folder.assert_repaired()


@pytest.fixture
def writers() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.index.endless_writer"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        yield process


def test_the_next_start_repairs_what_a_killed_writer_left(
    directory: Path, writers: subprocess.Popen[str]
) -> None:
    dice, reached = random.Random(26), 0
    for kill in range(KILLS):
        pause = dice.randint(0, 500_000)
        last = killed_after(writers, directory, steps=dice.randint(1, 60), pause=pause)
        with closing(factories.opened(directory)) as index:
            generation = index.generation.number
            assert indexed_state(index) == state_of(generation), f"kill {kill} after {last!r}"
            assert_stores_agree(index)
            assert generation >= reached
            reached = generation
    assert reached > 2 * KILLS


def killed_after(writers: subprocess.Popen[str], directory: Path, *, steps: int, pause: int) -> str:
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
