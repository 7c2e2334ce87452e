"""What widgets and screens tell the app. The app alone talks to the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.message import Message

from membrowse.wire.request import Request
from membrowse.wire.search import Target


@dataclass
class Ask(Message):
    """Ask the engine; a later question takes the place of one that is still waiting."""

    number: int
    text: str
    syntax: str
    track: tuple[str, ...] = ()
    target: Target | None = None

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Ask)


@dataclass
class PageWanted(Message):
    """Rows came into view that are not known."""

    recall: str
    ranking: str
    offset: int


@dataclass
class ChunkWanted(Message):
    """The cursor came to a chunk: show it in its note."""

    chunk: str
    text: str
    syntax: str

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ChunkWanted)


@dataclass
class ReindexWanted(Message):
    """Index these notes, whatever differs (no paths), or everything anew."""

    paths: tuple[str, ...] = ()
    rebuild: bool = False


@dataclass
class WatchingWanted(Message):
    """Pause or resume watching."""

    paused: bool


@dataclass
class FilesWanted(Message):
    """The files screen needs its records."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, FilesWanted)


@dataclass
class Asked(Message):
    """A query has stood long enough to be remembered."""

    text: str


@dataclass
class FolderChosen(Message):
    """Open this folder."""

    folder: Path


@dataclass
class EditWanted(Message):
    """Open a note of the folder in the person's editor."""

    path: str
    line: int = 1


@dataclass
class CopyWanted(Message):
    """Put `text` on the clipboard; `what` names it in the toast."""

    what: str
    text: str


@dataclass
class InspectionUnwanted(Message):
    """Nobody waits any more for what was asked in this group."""

    group: str


@dataclass
class InspectionWanted(Message):
    """Ask the engine for a record; in one `group`, a later question cancels the one before."""

    group: str
    request: Request[Any]
    deliver: Callable[[Any], None]
    """Takes the record, on the event loop."""
    failed: Callable[[str], None] | None = None
    """Takes the reason, a sentence, where the engine refuses; else a toast tells it."""
