"""A separate home for every test, and the program as a function."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from membrowse.__main__ import run
from membrowse.client import discovery
from membrowse.client.engine import Engine
from membrowse.wire.engine import Right
from tests.standin.components import close_all
from tests.standin.engine import StandIn
from tests.standin.replies import everything
from tests.waiting import until


@dataclass(frozen=True)
class Ran:
    """How a run of the program ended."""

    status: int
    out: str
    err: str


Program = Callable[..., Ran]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "home"
    monkeypatch.setenv("MEMBROWSE_HOME", str(path))
    monkeypatch.delenv("MEMBROWSE_INDEX_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture(autouse=True)
def stand_ins_closed() -> Iterator[None]:
    """Close the indexes that the test opened."""
    yield
    close_all()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fail a test that leaves a thread with a name of its own, unlike those of pools.

    What waits for an engine would find the stand-in of a later test.
    """
    before = set(threading.enumerate())
    yield

    def left() -> list[str]:
        names = [each.name for each in threading.enumerate() if each not in before]
        return [name for name in names if not re.search(r"[-_]\d", name)]

    until(lambda: not left(), f"the end of {left()}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.mkdir()
    return path


@pytest.fixture
def program(capfd: pytest.CaptureFixture[str]) -> Program:
    def call(*arguments: str | Path) -> Ran:
        status = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Ran(status, captured.out, captured.err)

    return call


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn(rights=tuple(Right), replies=everything())

    async def connect(folder: Path, *, start: bool = True, say: object = None) -> Engine:
        return stand_in

    monkeypatch.setattr(discovery, "connect", connect)
    return stand_in
