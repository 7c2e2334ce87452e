"""Every test has a home of its own and no clipboard, editor or colour setting of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standin.components import close_all


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `MEMBROWSE_HOME` for this test alone."""
    home = tmp_path / "membrowse-home"
    monkeypatch.setenv("MEMBROWSE_HOME", str(home))
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "TMUX", "DISPLAY", "WAYLAND_DISPLAY", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(autouse=True)
def stand_ins_closed() -> Iterator[None]:
    """Close the indexes that the test opened."""
    yield
    close_all()
