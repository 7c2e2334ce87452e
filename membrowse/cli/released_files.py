"""Files released with the program: in the wheel, or in the checkout."""

from __future__ import annotations

from pathlib import Path

import membrowse
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit


def released(name: str) -> Path:
    """The directory `assets/NAME`. Raises `Stop` if this installation lacks it."""
    package = Path(membrowse.__file__).parent
    for candidate in (package / "assets" / name, package.parent / "assets" / name):
        if candidate.is_dir():
            return candidate
    raise Stop(Exit.INTERNAL, f"assets/{name} is missing from this installation ({package})")
