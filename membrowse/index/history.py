"""What the manifest remembers of earlier generations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from membrowse.index.journal import JournalEntry
from membrowse.index.manifest import IndexCorrupt, Manifest


class History:
    """Reads what became of chunks, and what generations changed. Safe to use from any thread."""

    def __init__(self, manifest: Manifest, mend: Callable[[], object]) -> None:
        """`mend` is called if the manifest is damaged; nothing is remembered then."""
        self._manifest = manifest
        self._mend = mend

    def successor(self, chunk: str, row_of: Mapping[str, int]) -> str | None:
        """The id of the chunk of `row_of` that replaced `chunk` (itself if it is one), or None."""
        if chunk in row_of:
            return chunk
        try:
            successor = self._manifest.successor(chunk)
        except IndexCorrupt:
            self._mend()
            return None
        return successor if successor in row_of else None

    def entries(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]:
        """What generations from `since` on added and removed (of the note at `path`)."""
        try:
            return self._manifest.history(path, since=since)
        except IndexCorrupt:
            self._mend()
            return []
