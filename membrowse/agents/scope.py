"""Which files an agent searches: its globs in its folder, and what it names outside."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from membrowse import gitignore
from membrowse.wire.agents import AgentMemory

MOST_ENTRIES = 200_000
"""Entries of a folder that are looked at."""
NOTE_SUFFIXES = (".md", ".markdown", ".txt")


@dataclass(frozen=True, slots=True)
class MemoryFile:
    """A file of the folder, or outside."""

    name: str
    """Relative to the folder, `/` between parts; absolute if it is outside."""
    path: Path
    in_scope: bool


class Scope:
    """The files that `memory` consists of."""

    def __init__(self, memory: AgentMemory) -> None:
        self.folder = Path(memory.folder)
        self._outside = tuple(Path(each) for each in memory.outside)
        self._patterns = tuple(_patterns(memory.include))

    def contains(self, name: str) -> bool:
        """Whether the agent searches the file `name`, relative to the folder or absolute."""
        path = Path(name)
        if path.is_absolute():
            return any(path == each or path.is_relative_to(each) for each in self._outside)
        found = False
        for pattern in self._patterns:
            if pattern.matches(path.parts, directory=False):
                found = not pattern.negated
        return found or any((self.folder / path).is_relative_to(each) for each in self._outside)

    def files(self) -> Iterator[MemoryFile]:
        """Every note in the folder and outside, whether in scope or not; links are not followed.

        Hidden directories are left out unless the folder is one.
        """
        for path in _notes(self.folder):
            name = path.relative_to(self.folder).as_posix()
            yield MemoryFile(name, path, self.contains(name))
        for root in self._outside:
            if root.is_relative_to(self.folder):
                continue
            found = [root] if _is_regular(root) else _notes(root)
            for path in found:
                yield MemoryFile(str(path), path, True)


def _patterns(globs: Iterable[str]) -> Iterator[gitignore.Pattern]:
    for glob in globs:
        try:
            pattern = gitignore.parse(glob)
        except gitignore.InvalidPattern:
            continue
        if pattern is not None:
            yield pattern


def _notes(folder: Path) -> Iterator[Path]:
    """The notes below `folder`, by path."""
    seen = 0
    for place, directories, names in os.walk(folder):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            seen += 1
            if seen > MOST_ENTRIES:
                return
            path = Path(place, name)
            wanted = path.suffix.lower() in NOTE_SUFFIXES and not name.startswith(".")
            if wanted and _is_regular(path):
                yield path


def _is_regular(path: Path) -> bool:
    """Whether `path` is a regular file and no link; False if that cannot be found out."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
