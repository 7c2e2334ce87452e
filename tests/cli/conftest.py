"""A separate home for every test, and the program as a function."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from membrowse.__main__ import run
from membrowse.client import discovery
from membrowse.client.engine import Engine
from membrowse.wire.engine import Right
from tests.standin.engine import StandIn
from tests.standin.replies import everything


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
def no_thread_is_left() -> Iterator[None]:
    """Fail a test that leaves a thread with a name of its own, unlike those of pools.

    What waits for an engine would find the stand-in of a later test.
    """
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5.0
    while left := [
        each.name
        for each in threading.enumerate()
        if each not in before and not re.search(r"[-_]\d", each.name)
    ]:
        assert time.monotonic() < deadline, f"threads that the test left: {left}"
        time.sleep(0.01)


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
