"""Find the agents on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from membrowse import paths
from membrowse.agents.foreign_files import Unreadable
from membrowse.agents.machine import Machine
from membrowse.agents.scope import Scope
from membrowse.agents.system import Candidate, MemorySystem
from membrowse.agents.systems.basic_memory import BasicMemory
from membrowse.agents.systems.coding_agents import ClaudeCode, Codex, Hermes
from membrowse.agents.systems.databases import ClaudeMem, GBrain
from membrowse.agents.systems.memsearch import Memsearch
from membrowse.agents.systems.openclaw import OpenClaw
from membrowse.agents.systems.qmd import Qmd
from membrowse.wire.agents import AgentMemory, FoundAgent

SYSTEMS: tuple[MemorySystem, ...] = (
    OpenClaw(),
    ClaudeCode(),
    Codex(),
    Hermes(),
    Qmd(),
    BasicMemory(),
    Memsearch(),
    GBrain(),
    ClaudeMem(),
)


def find_agents(machine: Machine | None = None) -> list[FoundAgent]:
    """Every agent on this machine, with the size of its memory; nothing is written."""
    machine = machine or Machine()
    return [
        _measured(candidate) for system in SYSTEMS for candidate in _candidates(system, machine)
    ]


def system_of(memory: AgentMemory) -> MemorySystem | None:
    """The system that `memory` belongs to."""
    return next((system for system in SYSTEMS if system.name == memory.system), None)


def _candidates(system: MemorySystem, machine: Machine) -> Iterator[Candidate]:
    """What a system finds; if its settings cannot be used, one agent that says so."""
    try:
        yield from system.find(machine)
    except (Unreadable, OSError, ValueError) as error:
        yield Candidate(AgentMemory(id=system.name, system=system.name), (str(error),))


def _measured(candidate: Candidate) -> FoundAgent:
    memory, problems = candidate.memory, list(candidate.problems)
    files = size = 0
    if memory.folder:
        scope = Scope(memory)
        if reason := _unusable(scope.folder):
            problems.append(f"{memory.folder}: {reason}")
        for file in scope.files():
            if file.in_scope:
                files += 1
                size += paths.size(file.path)
    return FoundAgent(memory=memory, files=files, bytes=size, problems=tuple(problems))


def _unusable(folder: Path) -> str:
    """Why the notes of `folder` cannot be listed, or empty."""
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        return error.strerror or str(error)
    return ""
