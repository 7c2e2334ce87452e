"""Messages to the app, which alone talks to the engine and to other programs.

Post them with `app.post_message`: a message that a widget posts on behalf of its parent would not
bubble beyond that parent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from textual.message import Message

from membrowse.client.engine import EngineRefused
from membrowse.wire.agents import AgentAnswer, AgentProfile
from membrowse.wire.request import Request, StreamRequest
from membrowse.wire.search import Filters, SearchRequest, SearchResponse

Reply = TypeVar("Reply")


@dataclass
class SearchWanted(Message):
    """Search; a later search cancels this one."""

    request: SearchRequest
    deliver: Callable[[SearchResponse], None]
    """Takes each response, the complete one last."""
    refused: Callable[[EngineRefused], None]
    """Takes the engine's refusal."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SearchWanted)


@dataclass
class ReplyWanted(Message, Generic[Reply]):
    """Ask the engine; a later request of the same group cancels this one."""

    group: str
    request: Request[Reply]
    deliver: Callable[[Reply], None]
    refused: Callable[[EngineRefused], None] | None = None
    """Takes the engine's refusal; without it, a toast shows the reason."""
    lost: Callable[[], None] | None = None
    """Called if the engine is gone; the screens learn that from its state, too."""
    delay: float = 0.0
    """Seconds to wait for a later request of the group before asking."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ReplyWanted) and message.group == self.group


@dataclass
class StreamWanted(Message, Generic[Reply]):
    """Follow a stream of the engine; a later one of the same group replaces it."""

    group: str
    request: StreamRequest[Reply]
    deliver: Callable[[Reply], None]
    refused: Callable[[EngineRefused], None] | None = None
    """Takes the engine's refusal; without it, a message shows the reason."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StreamWanted) and message.group == self.group


@dataclass
class ReplyUnwanted(Message):
    """Cancel the request or the stream of this group."""

    group: str


@dataclass
class ReindexWanted(Message):
    """Index these notes; without paths, all that differ from the index."""

    paths: tuple[str, ...] = ()
    rebuild: bool = False
    """Rebuild the index from scratch."""


@dataclass
class WatchingWanted(Message):
    """Pause or resume watching for changes."""

    paused: bool


@dataclass
class QueryAsked(Message):
    """A query was left or pasted, and enters the history."""

    text: str


@dataclass
class ReportWanted(Message):
    """Write a report of a search."""

    text: str
    syntax: str
    filters: Filters
    target: str
    """`PATH` or `PATH:LINE` of the expected note, or empty."""


@dataclass
class AgentAnswerWanted(Message):
    """Ask an agent's own search, and link its hits to ours."""

    profile: AgentProfile
    text: str
    syntax: str
    deliver: Callable[[AgentAnswer, SearchResponse], None]


@dataclass
class FolderChosen(Message):
    """Open this folder, and rank by this agent's profile."""

    folder: Path
    profile: AgentProfile | None = None


@dataclass
class EditWanted(Message):
    """Open a note of the folder in the user's editor."""

    path: str
    line: int = 1


@dataclass
class CopyWanted(Message):
    """Copy `text` to the clipboard; `what` names it in the toast."""

    what: str
    text: str
