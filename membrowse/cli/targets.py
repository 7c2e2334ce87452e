"""The target of a command, as typed: `PATH`, `PATH:LINE` or a text."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from membrowse.cli import folders
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import valid
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
    match = _PLACE.fullmatch(place)
    if match is None or _existing_file(folder, place) is not None:
        return Target(path=_path_from_folder(folder, place), text=text)
    line = int(match["line"])
    if line < 1:
        raise Stop(Exit.USAGE, f"lines are counted from 1: {place}")
    return Target(path=_path_from_folder(folder, match["path"]), line=line, text=text)


def _existing_file(folder: Path, place: str) -> Path | None:
    """The file that `place` names, relative to the folder or to the current directory in it."""
    for base in filter(None, (folder, folders.current_directory())):
        candidate = base / place
        try:
            if os.path.lexists(candidate) and _path_in_folder(folder, candidate) is not None:
                return candidate
        except (OSError, ValueError):
            continue
    return None


def _path_from_folder(folder: Path, place: str) -> str:
    """`place` relative to `folder`, with `/`; the file need not exist."""
    relative = _path_in_folder(folder, _existing_file(folder, place) or folder / place)
    if relative is None:
        raise Stop(Exit.USAGE, f"{place} is not in the folder {folder}")
    if valid(relative) != relative:
        raise Stop(Exit.USAGE, f"the name of {place} is not UTF-8: such files are not indexed")
    return relative


def _path_in_folder(folder: Path, file: Path) -> str | None:
    """The path of `file` in `folder`, by name, else with links resolved; None if it is outside."""
    plain = Path(os.path.normpath(file))
    for root, path in ((folder, plain), (_real(folder), _real(plain.parent) / plain.name)):
        if path.is_relative_to(root) and path != root:
            return PurePosixPath(path.relative_to(root)).as_posix()
    return None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
