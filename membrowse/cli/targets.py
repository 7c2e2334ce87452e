"""The target of a command, as typed: `PATH`, `PATH:LINE` or a text."""

from __future__ import annotations

import os
import re
from pathlib import Path

from membrowse.agents.collections import roots_now
from membrowse.cli import folders
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import valid
from membrowse.roots import OutsideRoots, Roots
from membrowse.wire.search import Target

_PLACE = re.compile(r"(?P<path>.+):(?P<line>[0-9]{1,9})(?:-[0-9]{1,9})?", re.DOTALL)
"""`PATH:LINE`, or with the last line, as hits are shown: `notes/ssh.md:31-34`."""


def parse_target(folder: Path, place: str | None, text: str = "") -> Target:
    """The target that `place` and `text` name in `folder`.

    A path may be relative to the folder or to the current directory within it, or absolute. If a
    file is named exactly like `place`, colon and digits included, that file is meant.
    Raises `Stop` for a place outside the folder, for line 0, and if neither is given.
    """
    if not place:
        if not text.strip():
            raise Stop(Exit.USAGE, "name what you expected: PATH, PATH:LINE or --text")
        return Target(text=text)
    roots, match = roots_now(folder), _PLACE.fullmatch(place)
    if match is None or _existing_file(roots, place) is not None:
        return Target(path=_path_in_tree(roots, place), text=text)
    line = int(match["line"])
    if line < 1:
        raise Stop(Exit.USAGE, f"lines are counted from 1: {place}")
    return Target(path=_path_in_tree(roots, match["path"]), line=line, text=text)


def _existing_file(roots: Roots, place: str) -> Path | None:
    """The file that `place` names, in the folder or relative to the current directory in it."""
    current = folders.current_directory()
    candidates = [_in_folder(roots, place), *([current / place] if current else [])]
    for candidate in candidates:
        try:
            if os.path.lexists(candidate) and _path_of(roots, candidate) is not None:
                return candidate
        except (OSError, ValueError):
            continue
    return None


def _in_folder(roots: Roots, place: str) -> Path:
    """Where a file called `place` would be."""
    try:
        return roots.resolve(place)
    except OutsideRoots:
        return roots.folder / place


def _path_in_tree(roots: Roots, place: str) -> str:
    """`place` relative to the folder, with `/`; the file need not exist."""
    path = _path_of(roots, _existing_file(roots, place) or _in_folder(roots, place))
    if path is None:
        raise Stop(Exit.USAGE, f"{place} is not in {_where(roots)}")
    if valid(path) != path:
        raise Stop(Exit.USAGE, f"the name of {place} is not UTF-8: such files are not indexed")
    return path


def _where(roots: Roots) -> str:
    if not roots.is_collection:
        return f"the folder {roots.folder}"
    names = ", ".join(root.name for root in roots)
    return f"the collection: a path begins with one of its roots ({names})"


def _path_of(roots: Roots, file: Path) -> str | None:
    """The path of `file` in the tree, by name, else with links resolved; None if it is outside."""
    plain = Path(os.path.normpath(file))
    return roots.path_of(plain) or roots.path_of(_real(plain.parent) / plain.name)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
