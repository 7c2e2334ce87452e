"""The indexer's events, from the watcher, clients, models and encoding runs."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.engine.indexing.encoding_run import EncodedBatch, RunEnded


@dataclass(frozen=True, slots=True)
class FilesTouched:
    """The watcher saw these paths change."""

    paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class IndexRequested:
    """A client requested that these notes (without paths: whatever differs) be indexed."""

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
    """The engine stops."""


Event = FilesTouched | IndexRequested | Paused | EncoderLoaded | EncodedBatch | RunEnded | Stopped
"""None in place of an event means that something is due by the clock."""
