"""An index of the test's own, closed at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from membrowse.index.index import Index
from tests.index import making

Opener = Callable[[], Index]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def open_index(directory: Path) -> Iterator[Opener]:
    """Opens the test's index; what is still open at the end is closed."""
    with ExitStack() as stack:

        def opened() -> Index:
            index = making.opened(directory)
            stack.callback(index.close)
            return index

        yield opened


@pytest.fixture
def index(open_index: Opener) -> Index:
    return open_index()
