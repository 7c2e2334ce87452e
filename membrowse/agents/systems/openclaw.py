"""OpenClaw: `openclaw.json`, a workspace per agent, an index in each agent's database.

Two generations of settings occur: `memory.search` with `agents.entries`, and `memorySearch` with
`agents.list`. The defaults are those of OpenClaw 2026.9.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from membrowse.agents.foreign_files import (
    Unreadable,
    count,
    database,
    has_table,
    json5,
    number,
    table,
    text,
)
from membrowse.agents.machine import Machine
from membrowse.agents.system import Candidate, ForeignIndex, IndexedFile, newest
from membrowse.wire.agents import AgentMemory, IndexedState, SearchCommand

DEFAULT_K, DEFAULT_MIN_SCORE = 6, 0.35
DEFAULT_WEIGHTS = {"vectorWeight": 0.7, "textWeight": 0.3, "candidateMultiplier": 4.0}
_TABLES = ("memory_index_sources", "files")
"""Tables of indexed files, today's name first."""
_UNMAPPED = (
    "the scale of its scores: the same minimum cuts elsewhere in ours",
    "MMR (diversity, λ .7)",
    "temporal decay of daily notes (half-life 30 days)",
    "chunks of 400 tokens that overlap by 80",
    "its embedding model",
)
_VARIABLES = (
    "OPENCLAW_HOME",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_PROFILE",
    "OPENCLAW_WORKSPACE_DIR",
)


class OpenClaw:
    """Agents of OpenClaw."""

    name = "openclaw"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        state = _state_directory(machine)
        file = machine.path(
            machine.environment.get("OPENCLAW_CONFIG_PATH") or str(state / "openclaw.json")
        )
        if not state.is_dir() and not file.is_file():
            return
        content, problems = {}, []
        try:
            content = json5(file) if file.is_file() else {}
        except Unreadable as error:
            problems.append(str(error))
        if _includes(content):
            problems.append(f"{file}: `$include` is not followed")
        installation = _Installation(machine, state, content)
        for agent, entry in installation.agents().items():
            yield Candidate(installation.memory(agent, entry), tuple(problems))

    def indexed(self, memory: AgentMemory) -> ForeignIndex | None:
        if not memory.index:
            return None
        with database(Path(memory.index)) as connection:
            name = next((each for each in _TABLES if has_table(connection, each)), None)
            if name is None:
                raise Unreadable(f"{memory.index}: no table of indexed files")
            rows = connection.execute(
                f"SELECT path, hash FROM {name} WHERE source = 'memory'"  # noqa: S608
            ).fetchall()
        files = (IndexedFile(_name(path, memory), digest) for path, digest in rows)
        return ForeignIndex(tuple(files))

    def remedies(self, memory: AgentMemory) -> dict[IndexedState, str]:
        index = f"openclaw memory index --agent {memory.index_part}"
        return {
            IndexedState.MISSING: index,
            IndexedState.STALE: index,
            IndexedState.GONE: f"{index} --force",
            IndexedState.OUT_OF_SCOPE: "move it into memory/, or add it to "
            "memory.search.extraPaths in openclaw.json",
        }


class _Installation:
    """One state directory of OpenClaw with its settings."""

    def __init__(self, machine: Machine, state: Path, content: Mapping[str, Any]) -> None:
        self._machine = machine
        self._state = state
        self._content = content
        self._defaults = table(content, "agents", "defaults")

    def agents(self) -> dict[str, dict[str, Any]]:
        """Settings by agent id; the default agent first."""
        found: dict[str, dict[str, Any]] = {}
        for agent, entry in table(self._content, "agents", "entries").items():
            found[agent] = dict(entry) if isinstance(entry, Mapping) else {}
        listed = table(self._content, "agents").get("list")
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, Mapping) and text(entry.get("id")):
                found[entry["id"]] = dict(entry)
        usable = {agent: entry for agent, entry in found.items() if _usable(agent)}
        ordered = sorted(usable.items(), key=lambda item: item[1].get("default") is not True)
        return dict(ordered) or {"main": {}}

    def memory(self, agent: str, entry: Mapping[str, Any]) -> AgentMemory:
        workspace = self._workspace(agent, entry)
        search = self._search(entry)
        query = table(search, "query")
        hybrid = {**DEFAULT_WEIGHTS, **_numbers(table(query, "hybrid"))}
        weights = {name: hybrid[name] for name in DEFAULT_WEIGHTS}
        k = count(query.get("maxResults")) or DEFAULT_K
        least = number(query.get("minScore"))
        min_score = DEFAULT_MIN_SCORE if least is None else min(1.0, max(0.0, least))
        log = self._log(workspace)
        return AgentMemory(
            id=f"{OpenClaw.name}:{agent}",
            system=OpenClaw.name,
            folder=str(workspace),
            include=("/MEMORY.md", "/USER.md", "/memory/**/*.md"),
            outside=tuple(self._extra_paths(search, workspace)),
            index=str(self._index(agent)),
            index_part=agent,
            log=str(log or ""),
            log_format="openclaw" if log else "",
            k=k,
            min_score=min_score,
            weights=weights,
            settings={
                "agent.k": k,
                "agent.min_score": min_score,
                "fusion.method": "convex",
                "fusion.weight": _vector_share(weights),
                "rerank.method": "none",
            },
            unmapped=_UNMAPPED,
            search=_command(agent),
        )

    def _search(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The search settings of an agent: the general ones with its own on top."""
        found: dict[str, Any] = {}
        layers = (
            table(self._defaults, "memorySearch"),
            table(self._content, "memory", "search"),
            table(entry, "memorySearch"),
            table(entry, "memory", "search"),
        )
        extra: list[Any] = []
        for layer in layers:
            paths = layer.get("extraPaths")
            extra += paths if isinstance(paths, list) else []
            query = {**table(found, "query"), **table(layer, "query")}
            found = {**found, **layer, "query": query}
        return {**found, "extraPaths": extra}

    def _workspace(self, agent: str, entry: Mapping[str, Any]) -> Path:
        own = text(entry.get("workspace"))
        if own:
            return self._machine.path(own)
        shared = text(self._defaults.get("workspace"))
        if agent == next(iter(self.agents())):
            named = shared or self._machine.environment.get("OPENCLAW_WORKSPACE_DIR")
            return self._machine.path(named) if named else self._state / "workspace"
        if shared:
            return self._machine.path(shared) / agent
        return self._state / f"workspace-{agent}"

    def _extra_paths(self, search: Mapping[str, Any], workspace: Path) -> Iterator[str]:
        for item in search["extraPaths"]:
            named = text(item.get("path") if isinstance(item, Mapping) else item)
            if named:
                yield str(self._machine.path(named, workspace))

    def _index(self, agent: str) -> Path:
        today = self._state / "agents" / agent / "agent" / "openclaw-agent.sqlite"
        earlier = self._state / "memory" / f"{agent}.sqlite"
        return earlier if earlier.is_file() and not today.is_file() else today

    def _log(self, workspace: Path) -> Path | None:
        dreams = workspace / "memory" / ".dreams"
        exports = (workspace / "memory" / "events").glob("*/memory-host-events.jsonl")
        known = [dreams / "events.jsonl", dreams / "events.jsonl.migrated", *exports]
        return newest(known)


def _state_directory(machine: Machine) -> Path:
    variables = machine.environment
    if named := variables.get("OPENCLAW_STATE_DIR"):
        return machine.path(named)
    profile = variables.get("OPENCLAW_PROFILE") or ""
    name = f".openclaw-{profile}" if profile not in ("", "default") else ".openclaw"
    return machine.directory("OPENCLAW_HOME", "") / name


def _command(agent: str) -> SearchCommand:
    return SearchCommand(
        arguments=(
            "openclaw",
            "memory",
            "search",
            "--query={query}",
            f"--agent={agent}",
            "--max-results={k}",
            "--json",
        ),
        reads=OpenClaw.name,
        environment=_VARIABLES,
        seconds=120.0,
    )


def _vector_share(weights: Mapping[str, float]) -> float:
    vector, words = (max(0.0, weights[name]) for name in ("vectorWeight", "textWeight"))
    return round(vector / (vector + words), 4) if vector + words > 0 else 0.7


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    found = ((name, number(value)) for name, value in values.items())
    return {name: value for name, value in found if value is not None}


def _usable(agent: object) -> bool:
    """Whether `agent` can be part of a path."""
    return isinstance(agent, str) and agent not in ("", ".", "..") and not set(agent) & set("/\0")


def _includes(content: Mapping[str, Any]) -> bool:
    return "$include" in content or any(
        isinstance(value, Mapping) and "$include" in value for value in content.values()
    )


def _name(path: str, memory: AgentMemory) -> str:
    """A path of the index, which may lead out of the workspace."""
    absolute = Path(os.path.normpath(Path(memory.folder) / path))
    inside = absolute.is_relative_to(memory.folder)
    return absolute.relative_to(memory.folder).as_posix() if inside else str(absolute)
