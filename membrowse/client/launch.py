"""Start an engine's process. Light to import, so that the browser can do it first."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from membrowse import interpreter, paths
from membrowse.client.registered_services import own_registered, registered

started: dict[int, subprocess.Popen[bytes]] = {}
"""Engines that this process started, by pid; polling them leaves no zombies."""

_ahead: dict[Path, subprocess.Popen[bytes]] = {}
"""Engines that were started early and that nobody has waited for yet, by folder."""


def head_start(folder: Path) -> None:
    """Start an engine for `folder` if none seems to run, so that both load at the same time.

    Errors are ignored: `discovery.connect` finds the engine or the reason.
    """
    folder = Path(os.path.realpath(folder))
    service = registered(folder) or own_registered(folder)
    served = service is not None or paths.reachable(paths.own_socket(folder))
    if not served and folder.is_dir():
        with contextlib.suppress(OSError):
            _ahead[folder] = spawn(folder, paths.log_file(folder))


def spawned(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """The engine of `head_start`, once; else a new one. Raises `OSError`."""
    return _ahead.pop(folder, None) or spawn(folder, log)


def spawn(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start an engine of `folder` (a real path) that outlives this process and writes to `log`.

    Raises `OSError`.
    """
    for pid, process in list(started.items()):
        if process.poll() is not None:
            del started[pid]
    paths.private(log.parent)
    descriptor = paths.open_file(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        process = interpreter.start(
            "membrowse.engine",
            folder=folder,
            stdout=descriptor,
            stderr=descriptor,
            new_session=True,
        )
    finally:
        os.close(descriptor)
    started[process.pid] = process
    return process
