"""Commands as messages name them: pasted into a shell, they work on what the message is about."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from membrowse.roots import collection_folder
from membrowse.shell_commands import command
from membrowse.stores.address import parse_address
from membrowse.stores.directory import opened


def test_a_command_names_the_collection_agent_or_store_but_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path / "home"))
    database = tmp_path / "my db"
    database.mkdir()
    (database / "chroma.sqlite3").touch()
    store = opened(parse_address(f"chroma:{database}#notes"))
    for folder, chosen in (
        (tmp_path, []),
        (None, []),
        (collection_folder("ops"), ["--collection", "ops"]),
        (collection_folder("agent:main"), ["--agent", "main"]),
        (store, ["--store", f"chroma:{database}#notes"]),
    ):
        named = command("index --rebuild", folder)
        assert (named[0], named[-1]) == ("`", "`")
        assert shlex.split(named[1:-1]) == ["membrowse", "index", "--rebuild", *chosen]
