"""Programs outside: the person's editor and the clipboards."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from membrowse.tui.model.copies import programs
from membrowse.tui.model.editors import NoEditor, command

PATIENCE = 2.0
"""Seconds that a clipboard program may take."""


def editor_command(path: Path, line: int) -> list[str]:
    """The editor's command for `path` at `line`; raises `NoEditor` with what to do."""
    words = command(os.environ, path, line)
    if shutil.which(words[0]) is None:
        raise NoEditor(f"The editor {words[0]!r} was not found: check $VISUAL or $EDITOR.")
    if not path.exists():
        raise NoEditor("The file is gone from disk.")
    return words


def run_editor(words: Sequence[str]) -> str:
    """Run the editor in the terminal until it ends; what went wrong, or nothing."""
    try:
        done = subprocess.run(list(words), check=False)  # noqa: S603
    except OSError as error:
        return f"{words[0]} could not be started: {error.strerror or error}"
    return f"{words[0]} ended with {done.returncode}" if done.returncode else ""


async def copy_to_programs(text: str) -> list[tuple[str, bool]]:
    """Give `text` to the clipboard programs that are there: (name, whether it took it).

    Ends at the first that took it, tmux aside: its buffer is not the system's clipboard.
    """
    tried: list[tuple[str, bool]] = []
    for name, words in programs(os.environ, shutil.which):
        taken = await _feed(words, text.encode("utf-8", "replace"))
        tried.append((name, taken))
        if taken and name != "tmux":
            break
    return tried


async def _feed(words: Sequence[str], data: bytes) -> bool:
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(data), PATIENCE)
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        if process.returncode is None:
            process.kill()
            await process.wait()
        return False
    return process.returncode == 0
