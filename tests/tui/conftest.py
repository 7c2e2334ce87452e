"""Every test has a home of its own and no clipboard, editor or colour setting of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `MEMBROWSE_HOME` for this test alone."""
    home = tmp_path / "membrowse-home"
    monkeypatch.setenv("MEMBROWSE_HOME", str(home))
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "TMUX", "DISPLAY", "WAYLAND_DISPLAY", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    return home
