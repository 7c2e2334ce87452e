"""Recognise the copies of a note that file synchronisation leaves beside it, by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Protocol

_CERTAIN = (
    re.compile(r"(.+?)\.sync-conflict-\d{8}-\d{6}(?:-\w+)?"),  # Syncthing
    re.compile(r"(.+?)_conflict-\d{8}-\d{6}"),  # ownCloud
    re.compile(  # Dropbox, Nextcloud, Seafile, in several languages
        r"(.+?) \([^()]*(?:conflict|konflikt|conflit|conflicto|case conflict)[^()]*\)",
        re.IGNORECASE,
    ),
)
_LIKELY = (
    re.compile(r"(.+?) \d"),  # iCloud
    re.compile(r"(.+?) ?\(\d\)"),  # Google Drive, browsers
    re.compile(r"(.+?)-(?:DESKTOP|LAPTOP|PC|MACBOOK|[A-Z]+)-[A-Z0-9]{4,}"),  # OneDrive
    re.compile(r"(.+?)(?: -)? copy(?: \d)?", re.IGNORECASE),  # Finder, Explorer
    re.compile(r"Copy of (.+)"),
)
"""Names that other notes have, too: only a copy if the original is there and as long."""
_MIN_SHARE = 0.8


class _HasSize(Protocol):
    @property
    def size(self) -> int: ...


def copied_note(path: str, notes: Mapping[str, _HasSize]) -> str:
    """Return the path of the note that the one at `path` is a copy of; empty if it is none.

    The original of a certain copy may be gone.
    """
    pure = PurePosixPath(path)
    for pattern in _CERTAIN:
        if match := pattern.fullmatch(pure.stem):
            return str(pure.with_name(match[1] + pure.suffix))
    for pattern in _LIKELY:
        match = pattern.fullmatch(pure.stem)
        original = str(pure.with_name(match[1] + pure.suffix)) if match else ""
        if original in notes and _as_long(notes[original].size, notes[path].size):
            return original
    return ""


def _as_long(one: int, other: int) -> bool:
    return min(one, other) >= _MIN_SHARE * max(one, other)
