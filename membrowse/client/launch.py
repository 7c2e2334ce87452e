"""Starting an engine's process. Light to import, so that it can be done before all else."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from membrowse import paths

started: dict[int, subprocess.Popen[bytes]] = {}
"""Engines that this process started, so that one that ended is noticed (and not left a zombie)."""

_ahead: dict[Path, subprocess.Popen[bytes]] = {}
"""Engines that were given a head start and are not waited for yet, by folder."""


def head_start(folder: Path) -> None:
    """Start an engine for `folder` where there is no sign of one: it loads while the caller does.

    What goes wrong is left to `lifecycle.connect`, which finds the engine or the reason.
    """
    folder = Path(os.path.realpath(folder))
    if folder.is_dir() and not any(
        address(folder).exists() for address in (paths.system_socket, paths.own_socket)
    ):
        with contextlib.suppress(OSError):
            _ahead[folder] = spawn(folder, paths.log_file(folder))


def spawned(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """The engine that was given a head start, the first time it is asked for; else a new one."""
    return _ahead.pop(folder, None) or spawn(folder, log)


def spawn(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """An engine of `folder` (a real path), which outlives the caller; its output goes to `log`."""
    for pid, process in list(started.items()):
        if process.poll() is not None:
            del started[pid]
    paths.private(log.parent)
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(  # noqa: S603  (our own interpreter and module, no shell)
            [sys.executable, "-m", "membrowse.engine", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    started[process.pid] = process
    return process
