"""What every memory system offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from membrowse.agents.machine import Machine
from membrowse.wire.agents import AgentMemory, IndexedState


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent that a system found, and what could not be read of it."""

    memory: AgentMemory
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file as an agent's own index has it."""

    name: str
    """Relative to the folder, or absolute if it is outside."""
    digest: str = ""
    """SHA-256 of what was indexed; empty if the index keeps none."""
    texts: tuple[str, ...] = ()
    """Its chunks, if the index keeps no digest."""


@dataclass(frozen=True, slots=True)
class ForeignIndex:
    """The content of an agent's own index."""

    files: tuple[IndexedFile, ...]
    problems: tuple[str, ...] = ()


class MemorySystem(Protocol):
    """A program in which agents keep their memory."""

    name: str

    def find(self, machine: Machine) -> Iterator[Candidate]:
        """The agents of this system; none if it is not installed. Raises `Unreadable` if its
        settings cannot be used at all."""
        ...

    def indexed(self, memory: AgentMemory) -> ForeignIndex | None:
        """What its own index contains; None if it has no index. Raises `Unreadable`."""
        ...

    def remedies(self, memory: AgentMemory) -> dict[IndexedState, str]:
        """What to do about files in a state."""
        ...


def newest(files: list[Path]) -> Path | None:
    """The file that changed last, of those that exist."""
    found = [(file.stat().st_mtime, file) for file in files if file.is_file()]
    return max(found)[1] if found else None
