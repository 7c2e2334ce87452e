"""What is found in the homes of memory systems, and that nothing of theirs is touched."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from membrowse.agents.foreign_files import Unreadable, database, json5
from tests.agents import homes

OPENCLAW_SETTINGS = """{
  // JSON5, as OpenClaw writes and reads it
  memory: {
    search: { extraPaths: ["../docs", { path: "/srv/notes" }], query: { maxResults: 8 } },
  },
  agents: {
    defaults: { memorySearch: { query: { minScore: 0.2, hybrid: { vectorWeight: 0.5 } } } },
    entries: {
      work: { workspace: "~/work", memory: { search: { query: { maxResults: 3 } } } },
      home: { default: true },
    },
  },
}"""


def snapshot(home: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in sorted(home.rglob("*"))
    }


def test_openclaw_agents_differ_in_workspace_and_k(tmp_path: Path) -> None:
    homes.openclaw(tmp_path, OPENCLAW_SETTINGS)
    agents = homes.found(tmp_path)
    home, work = agents["openclaw:home"].memory, agents["openclaw:work"].memory
    assert home.folder == str(tmp_path / ".openclaw/workspace")
    assert work.folder == str(tmp_path / "work")
    assert (home.k, work.k, home.min_score) == (8, 3, 0.2)
    assert home.outside == (str(tmp_path / ".openclaw/docs"), "/srv/notes")
    assert work.settings == {
        "agent.k": 3,
        "agent.min_score": 0.2,
        "fusion.method": "convex",
        "fusion.weight": 0.625,
        "rerank.method": "none",
    }
    assert any("MMR" in each for each in work.unmapped)
    assert agents["openclaw:home"].files == 2


def test_openclaw_before_entries(tmp_path: Path) -> None:
    state = tmp_path / "state"
    homes.notes(state / "workspace-ops")
    (state / "openclaw.json").write_text(
        '{"agents": {"list": [{"id": "main", "default": true}, {"id": "ops",'
        ' "memorySearch": {"query": {"maxResults": 4}}}, {"id": "../etc"}]}}'
    )
    (state / "memory").mkdir()
    with closing(sqlite3.connect(state / "memory/ops.sqlite")) as connection:
        connection.execute("CREATE TABLE files (path TEXT, source TEXT, hash TEXT)")
    agents = homes.found(tmp_path, OPENCLAW_STATE_DIR=str(state))
    assert set(agents) == {"openclaw:main", "openclaw:ops"}
    ops = agents["openclaw:ops"].memory
    assert (ops.k, ops.index) == (4, str(state / "memory/ops.sqlite"))
    assert (ops.folder, agents["openclaw:ops"].files) == (str(state / "workspace-ops"), 2)


def test_the_log_of_openclaw_is_found(tmp_path: Path) -> None:
    workspace = homes.openclaw(tmp_path)
    log = workspace / "memory/.dreams/events.jsonl"
    homes.notes(log.parent, {"events.jsonl": "{}\n", "dream.md": "hidden\n"})
    agent = homes.found(tmp_path)["openclaw:main"]
    assert (agent.memory.log, agent.memory.log_format) == (str(log), "openclaw")
    assert agent.files == 2


def test_every_system_is_found(tmp_path: Path) -> None:
    homes.openclaw(tmp_path)
    homes.qmd(tmp_path, homes.notes(tmp_path / "notes"))
    homes.basic_memory(tmp_path, tmp_path / "notes")
    homes.notes(tmp_path / ".claude/projects/-srv-app/memory", {"MEMORY.md": "x\n"})
    homes.notes(tmp_path / "codex/memories", {"MEMORY.md": "x\n"})
    homes.notes(tmp_path / ".hermes/memories", {"USER.md": "x\n"})
    homes.notes(tmp_path / ".memsearch/memory", {"2026-01-02.md": "x\n"})
    homes.notes(tmp_path / ".gbrain", {"config.json": "{}"})
    homes.notes(tmp_path / ".claude-mem", {"claude-mem.db": ""})
    before = snapshot(tmp_path)
    agents = homes.found(tmp_path, CODEX_HOME=str(tmp_path / "codex"))
    assert snapshot(tmp_path) == before
    assert {name: agent.files for name, agent in agents.items()} == {
        "openclaw:main": 2,
        "claude-code:-srv-app": 1,
        "codex": 1,
        "hermes": 1,
        "qmd:notes": 2,
        "basic-memory:work": 2,
        "memsearch": 1,
        "gbrain": 0,
        "claude-mem": 0,
    }
    assert agents["basic-memory:work"].memory.weights == {"min_similarity": 0.6}
    assert agents["qmd:notes"].memory.settings["fusion.method"] == "rrf"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{memory: {search: ", "cannot be parsed"),
        ("[1, 2]", "not an object"),
        ("{a:" * 5000, "cannot be parsed"),
        ("x" * (5 << 20), "larger than 4 MB"),
        ("{memory: {$include: './other.json'}}", "`$include` is not followed"),
    ],
)
def test_settings_that_cannot_be_used_are_reported(
    tmp_path: Path, content: str, reason: str
) -> None:
    homes.openclaw(tmp_path, content)
    agent = homes.found(tmp_path)["openclaw:main"]
    assert reason in agent.problems[0] and "openclaw.json" in agent.problems[0]
    assert agent.files == 2


def test_values_of_other_types_are_ignored(tmp_path: Path) -> None:
    homes.openclaw(
        tmp_path,
        '{memory: {search: {extraPaths: "x", query: {maxResults: "6", minScore: NaN,'
        " hybrid: [1]}}}, agents: {list: {}, entries: [], defaults: 3}}",
    )
    memory = homes.found(tmp_path)["openclaw:main"].memory
    assert (memory.k, memory.min_score, memory.outside) == (6, 0.35, ())


def test_yaml_that_multiplies_itself_is_refused(tmp_path: Path) -> None:
    homes.notes(tmp_path / ".config/qmd", {"index.yml": "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n"})
    assert "aliases are not read" in homes.found(tmp_path)["qmd"].problems[0]


def test_links_out_of_the_folder_are_not_counted(tmp_path: Path) -> None:
    workspace = homes.openclaw(tmp_path)
    (tmp_path / "secret.md").write_text("x" * 1000)
    (workspace / "memory/link.md").symlink_to(tmp_path / "secret.md")
    (workspace / "memory/loop").symlink_to(workspace)
    os.mkfifo(workspace / "memory/pipe.md")
    assert homes.found(tmp_path)["openclaw:main"].files == 2


def test_a_folder_that_cannot_be_listed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = homes.openclaw(tmp_path)

    def denied(folder: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(Path, "iterdir", denied)
    assert homes.found(tmp_path)["openclaw:main"].problems == (f"{workspace}: Permission denied",)


def test_a_database_in_use_is_read_with_its_log(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite"
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE t (x)")
        writer.commit()
        with database(file) as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
            with pytest.raises(sqlite3.OperationalError):
                connection.execute("INSERT INTO t VALUES (1)")


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "db.sqlite"
    file.write_bytes(content)
    with pytest.raises(Unreadable, match="db.sqlite"), database(file) as connection:
        connection.execute("SELECT * FROM entity")
    os.mkfifo(tmp_path / "pipe")
    for unusable in (tmp_path / "pipe", tmp_path, tmp_path / "none"):
        with pytest.raises(Unreadable), database(unusable):
            pass


def test_json_of_another_encoding_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(Unreadable, match="cannot be parsed"):
        json5(tmp_path / "x.json")


def test_masks_of_qmd_are_globs(tmp_path: Path) -> None:
    folder = homes.notes(
        tmp_path / "notes",
        {"a.md": "x", "b.txt": "x", "sub/c.md": "x", "dist/d.md": "x", "old/e.md": "x"},
    )
    homes.qmd(tmp_path, folder)
    (tmp_path / ".config/qmd/index.yml").write_text(
        f"collections:\n  n:\n    path: {folder}\n    pattern: 'sub/*.md, *.{{md,txt}}'\n"
        f"  o:\n    path: {folder}\n    ignore: ['old/**']\n"
    )
    found = homes.found(tmp_path)
    assert (found["qmd:n"].files, found["qmd:o"].files) == (3, 2)


def test_paths_that_no_file_can_have_are_ignored(tmp_path: Path) -> None:
    homes.openclaw(tmp_path, r'{memory: {search: {extraPaths: ["a\u0000b", "\ud800"]}}}')
    assert homes.found(tmp_path)["openclaw:main"].memory.outside == ()
