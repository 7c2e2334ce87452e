"""Why a file that exists cannot become a note."""

from __future__ import annotations

from membrowse.wire.notes import NoteState


class NotIndexable(Exception):
    """The file exists but cannot become a note."""

    def __init__(self, state: NoteState, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        """Skipped (because of what it is) or failed (because of an error)."""
        self.reason = reason
