"""A scan of one folder, as `TreeScanner` makes of each root."""

from __future__ import annotations

from pathlib import Path

from membrowse.notes.scanner import ScannedFile, merged, scan_root
from membrowse.roots import Root
from membrowse.settings import NotesSettings


def scan_folder(folder: Path, settings: NotesSettings) -> list[ScannedFile]:
    """List every file below `folder`, sorted by path. Raises `FolderUnreadable`."""
    return merged([scan_root(Root(folder), settings)])
