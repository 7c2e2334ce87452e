"""Decide which files belong to a folder: symbolic links leave it only where a setting allows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class LinkPolicy:
    """A folder and the directories outside it that its symbolic links may lead to."""

    def __init__(self, folder: Path, follow: Sequence[str] = ()) -> None:
        self.root = os.path.realpath(folder)
        allowed = (os.path.realpath(Path(path).expanduser()) for path in follow)
        self._roots = (self.root, *allowed)

    def allows(self, real: str) -> bool:
        """Whether `real`, a path without symbolic links, lies in one of the directories."""
        return any(real == root or real.startswith(root.rstrip("/") + "/") for root in self._roots)
