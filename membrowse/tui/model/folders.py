"""Choosing a folder by typing its path: completion, and what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

MANY = 2000
"""Entries of a directory that are looked at for a completion."""


def complete(text: str) -> str | None:
    """The first directory that begins with what was typed, or None."""
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
    """What is wrong with the folder that was typed; empty when it can be opened."""
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
            return "that is a file; a folder is wanted"
        if not os.access(folder, os.R_OK | os.X_OK):
            return "you may not read that folder"
    except (OSError, ValueError, RuntimeError) as error:
        return f"that is no path: {error}"
    return ""
