"""What the indexer is told, by the watcher, clients, models and its own encoding run."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.engine.indexing.encoding_run import EncodedBatch, RunEnded


@dataclass(frozen=True, slots=True)
class FilesTouched:
    """Paths that the watcher saw change."""

    paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class IndexRequested:
    """A client asked for these notes (or, without paths, for whatever differs) to be indexed."""

    paths: frozenset[str] = frozenset()
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Paused:
    """A client paused or resumed the indexing of changes."""

    paused: bool


@dataclass(frozen=True, slots=True)
class EncoderLoaded:
    """The encoder became ready, or failed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The engine ends."""


Event = FilesTouched | IndexRequested | Paused | EncoderLoaded | EncodedBatch | RunEnded | Stopped
"""None, where an event may be, means that something is due by the clock."""
