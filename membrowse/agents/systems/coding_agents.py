"""Claude Code, Codex and Hermes: notes that the agent loads or reads, without an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from membrowse.agents.machine import Machine
from membrowse.agents.system import Candidate, ForeignIndex
from membrowse.wire.agents import AgentMemory, IndexedState


class _WithoutIndex:
    """A system whose agents read files."""

    def indexed(self, memory: AgentMemory) -> ForeignIndex | None:
        return None

    def remedies(self, memory: AgentMemory) -> dict[IndexedState, str]:
        return {}


class ClaudeCode(_WithoutIndex):
    """Projects of Claude Code that have a memory."""

    name = "claude-code"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        projects = machine.directory("CLAUDE_CONFIG_DIR", ".claude") / "projects"
        for project in _directories(projects):
            memory = project / "memory"
            if memory.is_dir():
                yield Candidate(
                    AgentMemory(
                        id=f"{self.name}:{project.name}",
                        system=self.name,
                        folder=str(memory),
                        log=str(project),
                        log_format=self.name,
                        unmapped=("no search: 200 lines of MEMORY.md are loaded",),
                    )
                )


class Codex(_WithoutIndex):
    """The memory of Codex."""

    name = "codex"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        home = machine.directory("CODEX_HOME", ".codex")
        memories, sessions = home / "memories", home / "sessions"
        if memories.is_dir():
            yield Candidate(
                AgentMemory(
                    id=self.name,
                    system=self.name,
                    folder=str(memories),
                    log=str(sessions) if sessions.is_dir() else "",
                    log_format=self.name if sessions.is_dir() else "",
                    k=200,
                    settings={"agent.k": 200},
                    unmapped=("no scores: matching lines, in the order of the files",),
                )
            )


class Hermes(_WithoutIndex):
    """The memory of Hermes."""

    name = "hermes"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        home = machine.directory("HERMES_HOME", ".hermes")
        if (home / "memories").is_dir():
            yield Candidate(
                AgentMemory(
                    id=self.name,
                    system=self.name,
                    folder=str(home / "memories"),
                    unmapped=("no search: the memory is loaded whole",),
                )
            )


def _directories(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir())
    except OSError:
        return []
