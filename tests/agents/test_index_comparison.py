"""Memory on disk against the agent's own index, for every index that can be read."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from membrowse.agents.index_comparison import compare_index
from membrowse.presentation.agent_health import agent_health_lines
from membrowse.wire.agents import AgentHealth, AgentProfile, IndexedState
from membrowse.wire.notes import NoteState
from tests.agents import homes

CURRENT, MISSING, STALE, GONE, OUT_OF_SCOPE, UNREADABLE = IndexedState


def compared(home: Path, agent: str) -> AgentHealth:
    memory = homes.found(home)[agent].memory
    return compare_index(AgentProfile(name="x", memory=memory), {"MEMORY.md": NoteState.INDEXED})


def states(health: AgentHealth) -> dict[str, IndexedState]:
    return {file.path: file.state for file in health.files}


@pytest.mark.parametrize("system", ["openclaw:main", "qmd:notes", "basic-memory:work"])
def test_each_difference_is_named_with_what_mends_it(tmp_path: Path, system: str) -> None:
    indexed = {**homes.NOTES, "memory/gone.md": "x\n", "memory/old.md": "old\n"}
    folder = tmp_path / "notes"
    match system:
        case "openclaw:main":
            folder = homes.openclaw(tmp_path, indexed=indexed)
        case "qmd:notes":
            homes.qmd(tmp_path, homes.notes(folder), indexed)
        case _:
            homes.basic_memory(tmp_path, homes.notes(folder), indexed)
    homes.notes(
        folder,
        {"memory/old.md": "changed\n", "memory/new.md": "new\n", "draft.txt": "x\n"}
        | {"memory/blank.md": " \n"},
    )
    health = compared(tmp_path, system)
    assert states(health) == {
        "MEMORY.md": CURRENT,
        "memory/2026-05-01.md": CURRENT,
        "memory/blank.md": CURRENT,
        "memory/old.md": STALE,
        "memory/new.md": MISSING,
        "memory/gone.md": GONE,
        "draft.txt": OUT_OF_SCOPE,
    }
    assert not health.healthy
    assert set(health.remedies) == {MISSING, STALE, GONE, OUT_OF_SCOPE}
    assert system.split(":")[0] in health.remedies[STALE]
    assert {file.path: file.ours for file in health.files}["MEMORY.md"] is NoteState.INDEXED
    lines = list(agent_health_lines(health))
    assert "1 file not in its index" in lines and lines[-1] == "not healthy: 3 files current"


def test_a_memory_that_is_wholly_indexed_is_healthy(tmp_path: Path) -> None:
    homes.openclaw(tmp_path)
    health = compared(tmp_path, "openclaw:main")
    assert health.healthy and not health.remedies
    assert set(states(health).values()) == {CURRENT}


def test_an_index_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    homes.openclaw(tmp_path)
    database = tmp_path / ".openclaw/agents/main/agent/openclaw-agent.sqlite"
    for content in (b"garbage" * 1000, b""):
        database.write_bytes(content)
        health = compared(tmp_path, "openclaw:main")
        assert (health.healthy, health.files) == (False, ())
        assert "its index cannot be read" in health.problems[0]
    database.unlink()
    health = compared(tmp_path, "openclaw:main")
    assert health.problems == ("the agent has no index yet",) and not health.healthy
    assert (
        MISSING in states(health).values() and "openclaw memory index" in health.remedies[MISSING]
    )


def test_an_index_that_names_files_elsewhere_opens_none_of_them(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("secret\n")
    workspace = homes.openclaw(
        tmp_path,
        indexed={**homes.NOTES, "../../secret.md": "secret\n", "memory/link.md": "secret\n"},
    )
    (workspace / "memory/link.md").symlink_to(secret)
    os.mkfifo(workspace / "memory/pipe.md")
    health = compared(tmp_path, "openclaw:main")
    assert set(states(health)) == set(homes.NOTES)
    assert health.problems == ("2 entries of its index are links, or outside its memory",)


def test_extra_paths_of_openclaw_are_compared(tmp_path: Path) -> None:
    extra = homes.notes(tmp_path / "extra", {"code.md": "4471\n", "new.md": "x\n"})
    homes.openclaw(
        tmp_path,
        f'{{memory: {{search: {{extraPaths: ["{extra}"]}}}}}}',
        {**homes.NOTES, "../../extra/code.md": "4471\n"},
    )
    found = states(compared(tmp_path, "openclaw:main"))
    assert found[f"{extra}/code.md"] is CURRENT
    assert found[f"{extra}/new.md"] is MISSING


def test_files_without_vectors_are_reported(tmp_path: Path) -> None:
    homes.qmd(tmp_path, homes.notes(tmp_path / "notes"))
    health = compared(tmp_path, "qmd:notes")
    assert health.problems == ("2 of 2 files without vectors: qmd embed",)
    assert not health.healthy
    with closing(sqlite3.connect(tmp_path / ".cache/qmd/index.sqlite")) as connection:
        connection.execute(
            "INSERT INTO content_vectors (hash, model) SELECT hash, '' FROM documents"
        )
        connection.commit()
    assert compared(tmp_path, "qmd:notes").healthy


def test_an_agent_without_an_index_reads_its_files(tmp_path: Path) -> None:
    homes.notes(tmp_path / ".claude/projects/-srv/memory", {"MEMORY.md": "x\n", "log.txt": "x\n"})
    health = compared(tmp_path, "claude-code:-srv")
    assert states(health) == {"MEMORY.md": CURRENT, "log.txt": OUT_OF_SCOPE}
    assert health.healthy


class _Milvus:
    """What the index of memsearch 0.4 returns through pymilvus 3."""

    def __init__(self, uri: str, *, grpc_options: dict[str, int]) -> None:
        assert "/.memsearch/" not in uri, "the agent's own index is opened"
        assert grpc_options == {"grpc.enable_http_proxy": 0}
        self.folder = Path(Path(uri, "folder").read_text())

    def load_collection(self, name: str) -> None:
        assert name == "memsearch_chunks"

    def query_iterator(self, _collection: str, **_options: object) -> _Milvus:
        self.pages: list[list[dict[str, Any]]] = [
            [
                {
                    "chunk_hash": "87341b9b35191bff",
                    "source": f"{self.folder}/MEMORY.md",
                    "content": "## Hosts\n\nStaging ssh listens on port 2222 behind the bastion.",
                },
                {"source": f"{self.folder}/2026.md", "content": "old"},
                {"source": f"{self.folder}/gone.md", "content": "x"},
                {"source": "/elsewhere/x.md", "content": "x"},
            ],
            [],
        ]
        return self

    def next(self) -> list[dict[str, Any]]:
        return self.pages.pop(0)

    def close(self) -> None: ...


def test_memsearch_is_compared_by_its_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = homes.notes(
        tmp_path / ".memsearch/memory",
        {"MEMORY.md": homes.NOTES["MEMORY.md"], "2026.md": "new\n", "unknown.md": "x\n"},
    )
    homes.notes(tmp_path / ".memsearch/milvus.db", {"folder": str(folder)})
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    assert "needs pymilvus" in compared(tmp_path, "memsearch").problems[0]
    pymilvus = ModuleType("pymilvus")
    pymilvus.MilvusClient = _Milvus  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pymilvus", pymilvus)
    assert states(compared(tmp_path, "memsearch")) == {
        "MEMORY.md": CURRENT,
        "2026.md": STALE,
        "unknown.md": MISSING,
        "gone.md": GONE,
    }
