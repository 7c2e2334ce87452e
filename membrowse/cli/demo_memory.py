"""The user's copy of the demo memory: releases update it but never overwrite an edit."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.cli.released_files import released

NAME = "demo-memory"
QUESTIONS = "golden.jsonl"
"""In the demo memory, beside its notes; not a note itself."""
RECALLS = "recalls.jsonl"
"""Likewise: what agents asked of it over months, for its recall log."""
_DAY = re.compile(rb"^date: (\d{4}-\d\d-\d\d)$", re.MULTILINE)
_HEAD_BYTES = 500
_COPIED = "demo-memory.copied.json"
"""Beside the copy: path → SHA-256 of every file as it was last copied."""


def home() -> Path:
    """The path of the user's copy, which need not exist yet."""
    return paths.data_dir() / NAME


def update(say: Callable[[str], None]) -> Path:
    """Create or update the user's copy, and return its folder.

    Adds new files of the release and updates files that the user has not touched; edited and
    deleted files stay as they are.
    """
    source, target = released(NAME), home()
    known = _known() if target.is_dir() else {}
    paths.private(target)
    copied = dict(known)
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        name = file.relative_to(source).as_posix()
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if _is_ours(target / name, known.get(name)):
            if known.get(name) != digest:
                paths.replace_file(target / name, content, root=target)
                _date(target / name, content)
            copied[name] = digest
    if copied != known:
        paths.replace_file(
            paths.data_dir() / _COPIED, msgspec.json.format(msgspec.json.encode(copied))
        )
        if not known:
            say(f"the demo memory is yours to edit: {target}")
    return target


def fill_log(folder: Path) -> None:
    """Import the recalls of the demo memory, unless its log has some; returns at once.

    A thread waits for the engine that the browser starts, and until it has read the folder.
    """
    threading.Thread(target=_fill_log, args=(folder,), name="demo log", daemon=True).start()


def _fill_log(folder: Path) -> None:
    from membrowse.cli import demo_log

    demo_log.fill(folder)


def _is_ours(file: Path, copied: str | None) -> bool:
    """Whether `file` may be written: it is as it was copied, or never existed."""
    if copied is None:
        return not os.path.lexists(file)
    try:
        return not file.is_symlink() and hashlib.sha256(file.read_bytes()).hexdigest() == copied
    except OSError:
        return False


def _date(file: Path, content: bytes) -> None:
    """Let a copied note look saved on its date, as if the demo had happened here."""
    day = _DAY.search(content[:_HEAD_BYTES])
    if day is not None:
        saved = datetime.fromisoformat(day[1].decode()).replace(tzinfo=UTC).timestamp()
        os.utime(file, (saved, saved), follow_symlinks=False)


def _known() -> dict[str, str]:
    try:
        content = (paths.data_dir() / _COPIED).read_bytes()
        return msgspec.json.decode(content, type=dict[str, str])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
