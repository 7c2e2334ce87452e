"""Small homes of memory systems, with the files and tables that the programs write.

Settings, schemas and outputs are those of OpenClaw 2026.9.6, qmd 2.8.3, basic-memory 0.24.1 and
memsearch 0.4.23.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from membrowse.agents.discovery import find_agents
from membrowse.agents.machine import Machine
from membrowse.wire.agents import FoundAgent

NOTES = {
    "MEMORY.md": "# Memory\n\n## Hosts\n\nStaging ssh listens on port 2222 behind the bastion.\n",
    "memory/2026-05-01.md": "# 2026-05-01\n\nRefunds are approved by Mara.\n",
}


def notes(folder: Path, files: Mapping[str, str] = NOTES) -> Path:
    """Write notes into `folder`."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def found(home: Path, **environment: str) -> dict[str, FoundAgent]:
    """The agents of `home`, by id."""
    machine = Machine(home=home, working_directory=home, environment=environment)
    return {agent.memory.id: agent for agent in find_agents(machine)}


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def openclaw(home: Path, settings: str = "{}", indexed: Mapping[str, str] = NOTES) -> Path:
    """OpenClaw with the agent `main`; returns its workspace."""
    state = home / ".openclaw"
    workspace = notes(state / "workspace")
    (state / "openclaw.json").write_text(settings)
    database = state / "agents/main/agent/openclaw-agent.sqlite"
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL;"
            "CREATE TABLE memory_index_sources (id INTEGER PRIMARY KEY, path TEXT NOT NULL,"
            " source TEXT NOT NULL DEFAULT 'memory', hash TEXT NOT NULL, mtime REAL NOT NULL,"
            " size INTEGER NOT NULL, UNIQUE (path, source)) STRICT;"
        )
        rows = [(name, digest(content), 1.0, len(content)) for name, content in indexed.items()]
        connection.executemany(
            "INSERT INTO memory_index_sources (path, hash, mtime, size) VALUES (?, ?, ?, ?)", rows
        )
        connection.commit()
    return workspace


def qmd(home: Path, folder: Path, indexed: Mapping[str, str] = NOTES) -> None:
    """qmd with the collection `notes`."""
    (home / ".config/qmd").mkdir(parents=True)
    (home / ".config/qmd/index.yml").write_text(
        f'collections:\n  notes:\n    path: {folder}\n    pattern: "**/*.md"\n'
    )
    (home / ".cache/qmd").mkdir(parents=True)
    with closing(sqlite3.connect(home / ".cache/qmd/index.sqlite")) as connection:
        connection.executescript(
            "CREATE TABLE documents (id INTEGER PRIMARY KEY AUTOINCREMENT,"
            " collection TEXT NOT NULL, path TEXT NOT NULL, title TEXT NOT NULL,"
            " hash TEXT NOT NULL, created_at TEXT NOT NULL, modified_at TEXT NOT NULL,"
            " active INTEGER NOT NULL DEFAULT 1, UNIQUE(collection, path));"
            "CREATE TABLE content_vectors (hash TEXT NOT NULL, seq INTEGER NOT NULL DEFAULT 0,"
            " pos INTEGER NOT NULL DEFAULT 0, model TEXT NOT NULL, PRIMARY KEY (hash, seq));"
        )
        connection.executemany(
            "INSERT INTO documents (collection, path, title, hash, created_at, modified_at)"
            " VALUES ('notes', ?, '', ?, '', '')",
            [(name, digest(content)) for name, content in indexed.items()],
        )
        connection.commit()


def basic_memory(home: Path, folder: Path, indexed: Mapping[str, str] = NOTES) -> None:
    """basic-memory with the project `work`."""
    base = home / ".basic-memory"
    base.mkdir(parents=True)
    settings = {
        "projects": {"work": {"path": str(folder), "mode": "local"}},
        "default_project": "work",
        "semantic_min_similarity": 0.6,
    }
    (base / "config.json").write_text(json.dumps(settings))
    with closing(sqlite3.connect(base / "memory.db")) as connection:
        connection.executescript(
            "CREATE TABLE project (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL UNIQUE,"
            " path VARCHAR NOT NULL);"
            "CREATE TABLE entity (id INTEGER PRIMARY KEY, file_path VARCHAR NOT NULL,"
            " checksum VARCHAR, project_id INTEGER NOT NULL, mtime FLOAT, size INTEGER);"
        )
        connection.execute("INSERT INTO project VALUES (2, 'work', ?)", (str(folder),))
        connection.executemany(
            "INSERT INTO entity (file_path, checksum, project_id) VALUES (?, ?, 2)",
            [(name, digest(content)) for name, content in indexed.items()],
        )
        connection.commit()
