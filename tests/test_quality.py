"""Style and types are tests too, so that one command checks everything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = Path(sys.executable).parent
SOURCES = ("membrowse", "tests")
_POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{+[\d,]+\}+)\+")


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", *SOURCES), ("ruff", "format", "--check", *SOURCES), ("mypy",)],
    ids=["ruff check", "ruff format", "mypy strict"],
)
def test_the_tools_find_nothing(command: tuple[str, ...]) -> None:
    tool, *arguments = command
    done = subprocess.run(
        [TOOLS / tool, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_pattern_repeats_a_group_possessively() -> None:
    """Python before 3.11.5 matches such patterns wrongly; a Debian of today has 3.11.2."""
    files = sorted((ROOT / "membrowse").rglob("*.py"))
    found = [str(file) for file in files if _POSSESSIVE_GROUP.search(file.read_text("utf-8"))]
    assert not found
