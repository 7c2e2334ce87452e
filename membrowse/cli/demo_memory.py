"""The user's copy of the demo memory: releases update it but never overwrite an edit."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.agents.collections import real_roots
from membrowse.cli.released_files import released

NAME = "demo-memory"
QUESTIONS = "golden.jsonl"
"""In the demo memory, beside its notes; not a note itself."""
RECALLS = "recalls.jsonl"
"""Likewise: what agents asked of it over months, for its recall log."""
_FILL_SECONDS = 300.0
_POLL_SECONDS = 0.5
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
    threading.Thread(
        target=lambda: asyncio.run(_fill_log(folder)), name="demo log", daemon=True
    ).start()


async def _fill_log(folder: Path) -> None:
    from membrowse.client.engine import EngineRefused, EngineUnavailable

    with contextlib.suppress(EngineUnavailable, EngineRefused, OSError, TimeoutError):
        async with asyncio.timeout(_FILL_SECONDS):
            await import_recalls(folder)


async def import_recalls(folder: Path) -> None:
    """Import the demo's recalls into an empty log, once the folder is indexed.

    Raises `EngineUnavailable` and `EngineRefused`.
    """
    from membrowse.client import discovery
    from membrowse.client.engine import EngineUnavailable
    from membrowse.client.recall_import import RecallImport, import_file
    from membrowse.recall_log.foreign_log import ForeignLog
    from membrowse.wire.engine import StatesRequest
    from membrowse.wire.recalls import RecallsRequest

    while True:
        await asyncio.sleep(_POLL_SECONDS)
        with contextlib.suppress(EngineUnavailable):
            engine = await discovery.connect(folder, start=False)
            break
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.close)
        states = await stack.enter_async_context(
            contextlib.aclosing(engine.stream(StatesRequest()))
        )
        async for state in states:
            if state.watcher.last_check and not (state.reading or state.pending.total):
                break
        if (await engine.ask(RecallsRequest(limit=1))).total:
            return
        log = ForeignLog(folders=real_roots(folder))
        importing = RecallImport(engine=engine, log=log, bad_line=lambda _: None)
        descriptor = paths.open_file(folder / RECALLS, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        await import_file(importing, descriptor, whole=False, progress=lambda _: None)


def _is_ours(file: Path, copied: str | None) -> bool:
    """Whether `file` may be written: it is as it was copied, or never existed."""
    if copied is None:
        return not os.path.lexists(file)
    try:
        return not file.is_symlink() and hashlib.sha256(file.read_bytes()).hexdigest() == copied
    except OSError:
        return False


def _known() -> dict[str, str]:
    try:
        content = (paths.data_dir() / _COPIED).read_bytes()
        return msgspec.json.decode(content, type=dict[str, str])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
