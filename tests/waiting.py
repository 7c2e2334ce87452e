"""Waiting until a condition holds, on a machine however slow and busy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psutil

DEADLINE_SECONDS = 60.0
"""For conditions that hold within a second or two on an idle machine."""


def until(condition: Callable[[], Any], what: str = "") -> None:
    """Wait until `condition` holds; fails with `what` if it does not in time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what or condition}"
        time.sleep(0.01)


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or only waits for its parent to notice."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
