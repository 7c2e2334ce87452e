"""basic-memory: projects in `config.json`, notes in `memory.db` (as of 0.24)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from membrowse.agents.foreign_files import database, json5, number, table, text
from membrowse.agents.machine import Machine
from membrowse.agents.system import Candidate, ForeignIndex, IndexedFile
from membrowse.wire.agents import AgentMemory, IndexedState, SearchCommand

DEFAULT_K, DEFAULT_SIMILARITY = 10, 0.55
_UNMAPPED = (
    "minimum similarity: a cosine of its own model, before fusion",
    "fusion as max + 0.3 · min",
    "the relations of its knowledge graph",
    "its embedding model",
)


class BasicMemory:
    """Projects of basic-memory."""

    name = "basic-memory"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        home = machine.directory("BASIC_MEMORY_CONFIG_DIR", ".basic-memory")
        if not (home / "config.json").is_file():
            return
        content = json5(home / "config.json")
        for name, project in table(content, "projects").items():
            entry = project if isinstance(project, Mapping) else {"path": project}
            if folder := text(entry.get("path")):
                cloud = entry.get("mode") == "cloud"
                problems = (f"{name}: its index is in the cloud",) if cloud else ()
                folder_path = machine.path(folder)
                yield Candidate(_memory(name, folder_path, home / "memory.db", content), problems)

    def indexed(self, memory: AgentMemory) -> ForeignIndex | None:
        with database(Path(memory.index)) as connection:
            rows = connection.execute(
                "SELECT e.file_path, e.checksum FROM entity e JOIN project p ON p.id = e.project_id"
                " WHERE p.name = ?",
                (memory.index_part,),
            ).fetchall()
        return ForeignIndex(tuple(IndexedFile(path, digest or "") for path, digest in rows))

    def remedies(self, memory: AgentMemory) -> dict[IndexedState, str]:
        index = f"basic-memory project index {memory.index_part}"
        return {
            IndexedState.MISSING: index,
            IndexedState.STALE: index,
            IndexedState.GONE: index,
            IndexedState.OUT_OF_SCOPE: "only .md files are notes to it; see .bmignore",
        }


def _memory(name: str, folder: Path, index: Path, content: Mapping[str, Any]) -> AgentMemory:
    similarity = number(content.get("semantic_min_similarity"))
    return AgentMemory(
        id=f"{BasicMemory.name}:{name}",
        system=BasicMemory.name,
        folder=str(folder),
        include=("**/*.md",),
        index=str(index),
        index_part=name,
        k=DEFAULT_K,
        weights={"min_similarity": DEFAULT_SIMILARITY if similarity is None else similarity},
        settings={"agent.k": DEFAULT_K, "rerank.method": "none"},
        unmapped=_UNMAPPED,
        search=SearchCommand(
            arguments=(
                "basic-memory",
                "tool",
                "search-notes",
                f"--project={name}",
                "--page-size={k}",
                "--json",
                "--",
                "{query}",
            ),
            reads=BasicMemory.name,
            environment=("BASIC_MEMORY_CONFIG_DIR", "BASIC_MEMORY_HOME"),
        ),
    )
