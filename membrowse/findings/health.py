"""What a look for something wrong came to, and which command mends it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class CheckState(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    """`settings`, `folder`, `model`, `inotify`, `disk`, `lock`, `index` or `recipe`."""
    state: CheckState
    detail: str
    remedy: str = ""
    """What to do about it, such as a command; empty where nothing need be done."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All looks, as `membrowse doctor --json` prints them."""

    healthy: bool
    """No look found a problem; there may be warnings."""
    checks: tuple[Check, ...]


class Discrepancy(msgspec.Struct, frozen=True, kw_only=True):
    """Ids that a store holds otherwise than the manifest."""

    store: str
    """`manifest`, `keyword`, `matrix`, `chroma` or `tokens`."""
    kind: str
    """`missing`, `orphaned`, `repeated` or `outdated`."""
    count: int
    example: str = ""
    """One of the ids."""
