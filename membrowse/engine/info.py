"""This process, as it introduces itself to clients."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from membrowse import __version__, paths
from membrowse.credentials import user_name
from membrowse.engine import clock
from membrowse.wire.engine import EngineInfo


def engine_info(folder: Path) -> EngineInfo:
    """The engine of `folder`, which is this process."""
    process = psutil.Process()
    return EngineInfo(
        pid=os.getpid(),
        user=user_name(os.getuid()),
        since=clock.stamp(process.create_time()),
        version=__version__,
        memory_bytes=process.memory_info().rss,
        log=str(paths.log_file(folder)),
    )
