"""What the indexer is told, by the watcher, clients, models and its own encoding run."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.engine.encoding_run import EncodedBatch, RunEnded


@dataclass(frozen=True, slots=True)
class Touched:
    """Paths that the watcher saw change."""

    paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
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
class Ended:
    """The engine ends."""


Event = Touched | Asked | Paused | EncoderLoaded | EncodedBatch | RunEnded | Ended
"""None, where an event may be, means that something is due by the clock."""
