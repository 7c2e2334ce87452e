"""gbrain and claude-mem: memory in a database, found but not attached without a folder."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.agents.foreign_files import json5
from membrowse.agents.machine import Machine
from membrowse.agents.system import Candidate, ForeignIndex
from membrowse.wire.agents import AgentMemory, IndexedState


class GBrain:
    """The memory of gbrain."""

    name = "gbrain"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        file = machine.directory("GBRAIN_HOME", ".gbrain") / "config.json"
        if not file.is_file():
            return
        json5(file)
        yield Candidate(
            AgentMemory(
                id=self.name,
                system=self.name,
                k=25,
                settings={"agent.k": 25},
                log_format=self.name,
                unmapped=("10, 25 or 50 hits, by its search mode",),
            ),
            ("its pages are in a database: attach it to a folder of notes with --folder",),
        )

    def indexed(self, memory: AgentMemory) -> ForeignIndex | None:
        return None

    def remedies(self, memory: AgentMemory) -> dict[IndexedState, str]:
        return {}


class ClaudeMem:
    """The memory of claude-mem."""

    name = "claude-mem"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        home = machine.directory("CLAUDE_MEM_DATA_DIR", ".claude-mem")
        index = home / "claude-mem.db"
        if index.is_file():
            yield Candidate(
                AgentMemory(
                    id=self.name,
                    system=self.name,
                    index=str(index),
                    k=20,
                    settings={"agent.k": 20},
                ),
                ("it keeps observations in a database, and no notes",),
            )

    def indexed(self, memory: AgentMemory) -> ForeignIndex | None:
        return None

    def remedies(self, memory: AgentMemory) -> dict[IndexedState, str]:
        return {}
