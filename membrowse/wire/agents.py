"""Agents: where they keep their memory, how they search it, and what their own search returned."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.wire.notes import NoteState
from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request

AGENT = "agent"
"""Name of the ranking that an agent's own search returned."""


class SearchCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A program that searches as the agent does."""

    arguments: tuple[str, ...]
    """Program and arguments, run without a shell; `{query}` and `{k}` are replaced."""
    reads: str
    """How its output is read: the name of a preset, or fields (`path=file,score=rank`)."""
    environment: tuple[str, ...] = ()
    """Environment variables that it gets, besides those that every program needs."""
    seconds: float = 60.0
    """Time limit."""


class AgentMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent keeps its memory, and how it searches it."""

    id: str
    """`openclaw:main`, `qmd:notes`; unique on a machine."""
    system: str
    """`openclaw`, `claude-code`, `codex`, `hermes`, `qmd`, `basic-memory`, `memsearch`, `gbrain` or
    `claude-mem`."""
    folder: str = ""
    """The folder of its notes; empty if it is not known."""
    include: tuple[str, ...] = ("**/*.md",)
    """Globs (gitignore syntax) of the files in `folder` that the agent searches."""
    outside: tuple[str, ...] = ()
    """Files and folders outside `folder` that it searches, too."""
    index: str = ""
    """Its own index; empty if it has none."""
    store: str = ""
    """Address of the store that it keeps. In a profile: the one to open, `folder` being the
    directory that stands for it; empty: the folder is opened."""
    index_part: str = ""
    """Its part of an index that several share: a collection's or project's name."""
    log: str = ""
    """A file or folder that records what it asked; empty if none is known."""
    log_format: str = ""
    k: int | None = None
    """Hits it gets; None if it has no such limit."""
    min_score: float | None = None
    """The least score of a hit, on the agent's own scale; None if it has no such limit."""
    weights: dict[str, float] = {}
    """Parameters of its ranking, by its own names."""
    settings: Overrides = {}
    """Our settings that come nearest to its search."""
    unmapped: tuple[str, ...] = ()
    """Steps of its search without a counterpart in ours."""
    search: SearchCommand | None = None
    """Its own search; None if it has no command."""


class FoundAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that was found on this machine."""

    memory: AgentMemory
    files: int = 0
    """Files that it searches."""
    bytes: int = 0
    problems: tuple[str, ...] = ()
    """What could not be read, and why."""


class AgentProfile(msgspec.Struct, frozen=True, kw_only=True):
    """An attached agent: what `--agent NAME` uses."""

    name: str
    memory: AgentMemory
    may_run: bool = False
    """Whether the person agreed that its search command runs: it may use a network."""


class AgentHit(msgspec.Struct, frozen=True, kw_only=True):
    """A hit of the agent's own search."""

    rank: int
    path: str
    """Relative to the folder if it is inside, else as reported."""
    inside: bool
    """Whether it is in the folder."""
    start_line: int | None = None
    end_line: int | None = None
    score: float | None = None
    """On the agent's own scale."""
    text: str = ""
    chunk: str = ""
    """The chunk that it is, if that is known."""


class AgentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent's own search returned."""

    agent: str
    """The profile's name."""
    query: str
    k: int
    asked_at: str
    took_ms: float
    command: tuple[str, ...]
    """Program and arguments that ran."""
    hits: tuple[AgentHit, ...] = ()
    warning: str = ""
    """What the program reported beside its hits, such as a stale index."""
    problem: str = ""
    """Why there is no answer; empty if there is one."""


class OwnSearchRequest(Request[AgentAnswer], frozen=True, kw_only=True):
    """Ask the own search of the store that is served."""

    text: str
    k: int = 0
    """0: the agent's."""


class IndexedState(StrEnum):
    """A file of an agent's memory, compared with the agent's own index."""

    CURRENT = "current"
    MISSING = "not in its index"
    STALE = "stale in its index"
    GONE = "gone from disk, still in its index"
    OUT_OF_SCOPE = "never searched: out of scope"
    UNREADABLE = "cannot be read"


class ComparedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file on disk, in the agent's index, and in ours."""

    path: str
    """Relative to the folder, or absolute if it is outside."""
    state: IndexedState
    ours: NoteState | None = None
    """State in our index; None if it is not there, or was not asked."""


class AgentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's memory on disk, compared with its own index and with ours."""

    agent: str
    folder: str
    index: str
    healthy: bool
    """The agent finds every file of its memory, as it is on disk."""
    files: tuple[ComparedFile, ...] = ()
    remedies: dict[IndexedState, str] = {}
    """What to do about the files in a state."""
    problems: tuple[str, ...] = ()
    """What could not be compared, and why."""
