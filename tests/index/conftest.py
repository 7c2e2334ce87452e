"""An index for each test, closed at its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from membrowse.index.index import Index
from tests.index import factories

Opener = Callable[[], Index]


def logged_repairs(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Warnings of the index room: what it had to repair or recreate."""
    records = (record for record in caplog.records if record.name.startswith("membrowse.index"))
    return [record.getMessage() for record in records if record.levelno >= logging.WARNING]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def open_index(directory: Path) -> Iterator[Opener]:
    """Opens the test's index; closes it at the end."""
    with ExitStack() as stack:

        def opened() -> Index:
            index = factories.opened(directory)
            stack.callback(index.close)
            return index

        yield opened


@pytest.fixture
def index(open_index: Opener) -> Index:
    return open_index()
