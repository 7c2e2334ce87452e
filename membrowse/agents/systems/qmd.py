"""qmd: collections in `index.yml`, documents in `index.sqlite` (as of 2.8)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from membrowse.agents.foreign_files import Unreadable, database, table, text, yaml
from membrowse.agents.machine import Machine
from membrowse.agents.system import Candidate, ForeignIndex, IndexedFile
from membrowse.counts import counted
from membrowse.wire.agents import AgentMemory, IndexedState, SearchCommand

DEFAULT_K = 10
"""Hits of its MCP tool."""
LONGEST_PATTERN = 500
"""Characters of a collection's pattern that are read."""
_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
_UNMAPPED = (
    "query expansion and reranking by language models",
    "chunks of 900 tokens that overlap by 135",
    "its embedding model",
)


class Qmd:
    """Collections of qmd."""

    name = "qmd"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        directory = machine.path(
            machine.environment.get("QMD_CONFIG_DIR") or str(machine.config("qmd"))
        )
        for file in sorted(directory.glob("*.yml")):
            database_file = machine.path(
                machine.environment.get("INDEX_PATH")
                or str(machine.cache("qmd") / f"{file.stem}.sqlite")
            )
            yield from self._collections(machine, file, database_file)

    def _collections(self, machine: Machine, file: Path, index: Path) -> Iterator[Candidate]:
        for name, collection in table(yaml(file), "collections").items():
            folder = text(table({name: collection}, name).get("path"))
            if not folder:
                continue
            pattern = text(collection.get("pattern")) or "**/*.md"
            ignored = collection.get("ignore")
            memory = AgentMemory(
                id=f"qmd:{name}" if file.stem == "index" else f"qmd:{file.stem}:{name}",
                system=self.name,
                folder=str(machine.path(folder)),
                include=_globs(pattern, ignored if isinstance(ignored, list) else []),
                index=str(index),
                index_part=name,
                k=DEFAULT_K,
                weights={"rrf_k": 60, "candidates": 40},
                settings={
                    "agent.k": DEFAULT_K,
                    "fusion.method": "rrf",
                    "fusion.rrf_k": 60,
                    "rerank.pool": 40,
                },
                unmapped=_UNMAPPED,
                search=_command(name, file.stem),
            )
            yield Candidate(memory)

    def indexed(self, memory: AgentMemory) -> ForeignIndex | None:
        with database(Path(memory.index)) as connection:
            rows = connection.execute(
                "SELECT path, hash, EXISTS (SELECT 1 FROM content_vectors v WHERE v.hash = d.hash)"
                " FROM documents d WHERE collection = ? AND active = 1",
                (memory.index_part,),
            ).fetchall()
        if any(not isinstance(path, str) for path, _, _ in rows):
            raise Unreadable(f"{memory.index}: paths that are not text")
        without = sum(not embedded for _, _, embedded in rows)
        problems = (
            (f"{without} of {counted(len(rows), 'file')} without vectors: qmd embed",)
            if without
            else ()
        )
        return ForeignIndex(tuple(IndexedFile(path, hash_) for path, hash_, _ in rows), problems)

    def remedies(self, memory: AgentMemory) -> dict[IndexedState, str]:
        update = "qmd update && qmd embed"
        return {
            IndexedState.MISSING: update,
            IndexedState.STALE: update,
            IndexedState.GONE: "qmd update",
            IndexedState.OUT_OF_SCOPE: "widen its pattern in index.yml, then qmd update",
        }


def _globs(pattern: str, ignored: list[object]) -> tuple[str, ...]:
    """A collection's masks as globs: separated by commas, anchored at the folder."""
    wanted = [f"/{mask.lstrip('/')}" for mask in _masks(pattern)]
    left_out = [f"!/{mask.lstrip('/')}" for each in ignored for mask in _masks(text(each))]
    defaults = [f"!**/{name}/**" for name in ("node_modules", "vendor", "dist", "build")]
    return (*wanted, *defaults, *left_out)


def _masks(pattern: str) -> Iterator[str]:
    """The masks of a pattern, `{a,b}` expanded; one that is nested deeper is left as it is."""
    for mask in re.split(r",(?![^{}]*\})", pattern[:LONGEST_PATTERN]):
        found = _ALTERNATIVES.search(mask)
        before, after = (mask[: found.start()], mask[found.end() :]) if found else (mask, "")
        for choice in found[1].split(",") if found else ("",):
            if expanded := f"{before}{choice}{after}".strip():
                yield expanded


def _command(collection: str, index: str) -> SearchCommand:
    named = () if index == "index" else (f"--index={index}",)
    arguments = ("query", "--json", "-n", "{k}", f"--collection={collection}", "--", "{query}")
    return SearchCommand(
        arguments=(Qmd.name, *named, *arguments),
        reads=Qmd.name,
        environment=("QMD_CONFIG_DIR", "INDEX_PATH", "QMD_EMBED_MODEL", "QMD_RERANK_MODEL"),
        seconds=120.0,
    )
