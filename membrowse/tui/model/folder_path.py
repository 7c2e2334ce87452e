"""A folder's path as it is typed: completion and validation."""

from __future__ import annotations

import os
from pathlib import Path

MANY = 2000
"""Entries of a directory that completion looks at, at most."""


def complete(text: str) -> str | None:
    """The typed path completed to the first matching directory, or None."""
    if not text:
        return None
    head, _, start = text.rpartition("/")
    directory = Path(f"{head}/" if head or text.startswith("/") else ".").expanduser()
    try:
        with os.scandir(directory) as entries:
            names = [
                entry.name
                for _, entry in zip(range(MANY), entries, strict=False)
                if entry.name.startswith(start) and entry.is_dir()
            ]
    except OSError:
        return None
    names = [name for name in names if start.startswith(".") or not name.startswith(".")]
    if not names or not start:
        return None
    return f"{text[: len(text) - len(start)]}{min(names)}/"


def problem(text: str) -> str:
    """What is wrong with the typed folder; empty if it can be opened."""
    if not text.strip():
        return "type the path of a folder"
    try:
        folder = Path(text.strip()).expanduser()
        if not folder.exists():
            parent = folder.parent
            return (
                f"{folder.name} does not exist in {parent}"
                if parent.is_dir()
                else f"{parent} does not exist"
            )
        if not folder.is_dir():
            return "that is a file, not a folder"
        if not os.access(folder, os.R_OK | os.X_OK):
            return "you have no permission to read that folder"
    except (OSError, ValueError, RuntimeError) as error:
        return f"that is not a path: {error}"
    return ""
