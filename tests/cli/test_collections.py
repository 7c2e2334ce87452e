"""`--collection NAME`: several folders as one, on every command that works on a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from membrowse import AsyncMemory, paths, tui
from membrowse.agents import profiles
from membrowse.cli import browser
from membrowse.cli.app import app
from membrowse.cli.commands import ALIASES, COMMANDS
from membrowse.cli.targets import parse_target
from membrowse.client import discovery, launch
from membrowse.roots import collection_folder
from membrowse.settings import SettingsError
from membrowse.wire.agents import AgentMemory, AgentProfile
from membrowse.wire.engine import RootState, StatesRequest
from membrowse.wire.search import Target
from tests.agents import homes
from tests.cli.conftest import Program
from tests.standin.engine import StandIn


@pytest.fixture
def ops(home: Path, tmp_path: Path) -> Path:
    """A collection of two roots; the directory that stands for it."""
    for name in ("work", "team"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(name)
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(
        f'[collections.ops]\nroots = {{ work = "{tmp_path}/work", team = "{tmp_path}/team" }}\n'
    )
    return collection_folder("ops")


@pytest.fixture
def connected(engine: StandIn, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose engines, all of them the stand-in, a command asked for."""
    folders: list[Path] = []

    async def connect(folder: Path, **_: object) -> StandIn:
        folders.append(folder)
        return engine

    monkeypatch.setattr(discovery, "connect", connect)
    return folders


def test_a_collection_is_searched_with_filters(
    program: Program, ops: Path, engine: StandIn
) -> None:
    ran = program("search", "--collection", "ops", "which port?", "--root", "team", "--json")
    assert (ran.status, ran.err) == (0, "")
    assert engine.asked[-1].filters.root == "team"
    del engine.replies[StatesRequest]
    engine.change(roots=(RootState(name="team", path="/srv/team", problem="/srv/team is empty"),))
    ran = program("crowding", "--collection", "ops", "which port?")
    assert "the root team is out of reach: /srv/team is empty\n" in ran.err
    assert ops.is_dir()
    shown = program("config", "show").out
    assert 'collections = { "ops" = { "roots" = { "work" = ' in shown


def test_python_opens_a_collection_or_a_folder(ops: Path, tmp_path: Path) -> None:
    assert AsyncMemory(collection="ops").folder == ops
    with pytest.raises(SettingsError, match="there are ops"):
        AsyncMemory(collection="opz")
    for both in ((None, ""), (tmp_path, "ops")):
        with pytest.raises(ValueError, match="a folder, a collection or a store"):
            AsyncMemory(both[0], collection=both[1])


def test_only_one_thing_is_named(program: Program, ops: Path, engine: StandIn) -> None:
    both = program("search", "--collection", "ops", "--folder", "work", "which port?")
    assert (both.status, "not both" in both.err) == (2, True)
    service = program("metrics", "--service", "memory", "--collection", "ops")
    assert (service.status, "not both" in service.err) == (2, True)
    missing = program("status", "--collection", "opz")
    assert (missing.status, "there are ops" in missing.err) == (2, True)


_ARGUMENTS = {
    "query": "which port?",
    "text": "port",
    "place": "work/a.md",
    "recall": "0123",
    "pin": "1",
    "file": "{file}",
    "logs": "{file}",
    "log": "{file}",
}
"""What each command is given, by the name of its argument."""
_OPTIONS = {"backup": ("--force",), "purge": ("--yes",), "report": ("--output", "new.json")}
_NO_COLLECTION = {
    "attach": "keeps the folder or store of an agent; its extra paths are a collection already",
    "service install": "a service is of one folder, which its own user is allowed to read",
    "service unit": "a service is of one folder",
}
"""Commands that take a folder, but neither collection nor store in place of it, and why."""


def commands_with_a_folder() -> Iterator[tuple[str, Any]]:
    """The words and the command of everything that takes `--folder` or `FOLDER`."""
    root = typer.main.get_command(app)
    context = root.make_context("membrowse", [], resilient_parsing=True)
    for name in (*COMMANDS, *ALIASES):
        command = root.get_command(context, name)  # type: ignore[attr-defined]
        for sub, each in getattr(command, "commands", {"": command}).items():
            if any(parameter.name == "folder" for parameter in each.params):
                yield f"{name} {sub}".strip(), each


def test_every_command_on_a_folder_takes_a_collection_or_a_store_in_place_of_it(
    program: Program, ops: Path, tmp_path: Path, engine: StandIn
) -> None:
    file = tmp_path / "report.json"
    assert program("report", "port", "-f", "work", "--output", file).status == 0
    (tmp_path / "chroma.sqlite3").touch()
    tried = set()
    for words, command in commands_with_a_folder():
        options = {option for parameter in command.params for option in parameter.opts}
        if words in _NO_COLLECTION:
            assert "--collection" not in options, f"{words} is no exception any more"
            continue
        names = [each.name for each in command.params if each.param_type_name == "argument"]
        given = [_ARGUMENTS[name] for name in names if name != "folder"]
        given += _OPTIONS.get(words, ())
        folder = ["--folder", "work"] if "--folder" in options else ["work"]
        for other in (["--collection", "ops"], ["--store", f"chroma:{tmp_path}"]):
            arguments = [each.format(file=file) for each in (*words.split(), *given)]
            ran = program(*arguments, *folder, *other)
            assert (ran.status, "not both" in ran.err) == (2, True), (words, other, ran)
        tried.add(words)
    assert {"search", "pins run", "log list", "mcp", "browse", "golden add"} <= tried


def test_a_report_is_run_again_on_the_collection_that_is_named(
    program: Program, ops: Path, tmp_path: Path, connected: list[Path]
) -> None:
    file = tmp_path / "report.json"
    assert program("report", "--collection", "ops", "which port?", "-o", file).status == 0
    recorded = json.loads(file.read_text())["recall"]["folder"]
    paths.private(paths.index_dir(Path(recorded)))
    ran = program("rerun", "--collection", "ops", file, "--json")
    assert connected == [ops, ops], ran.err
    assert "collections" not in {each["what"] for each in json.loads(ran.out)["differences"]}


def test_an_attached_agents_recalls_are_listed_in_the_log_that_is_named(
    program: Program, ops: Path, tmp_path: Path, connected: list[Path]
) -> None:
    memory = AgentMemory(id="openclaw:main", system="openclaw", folder=str(tmp_path / "work"))
    profiles.keep(AgentProfile(name="main", memory=memory))
    for named in (("--collection", "ops"), ()):
        ran = program("log", "list", *named, "--agent", "main")
        assert (ran.status, "the log is empty" in ran.err) == (1, True), ran.err
    assert connected == [ops, tmp_path / "work"]


def test_the_browser_opens_a_collection(
    program: Program, ops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path | None] = []

    def run(folder: Path | None, *_: object, **__: object) -> int:
        opened.append(folder)
        return 0

    monkeypatch.setattr(browser, "_has_terminal", lambda: True)
    monkeypatch.setattr(launch, "head_start", lambda folder: None)
    monkeypatch.setattr(tui, "run", run)
    assert program("--collection", "ops").status == 0
    assert program("browse", "--collection", "ops").status == 0
    assert opened == [ops, ops]


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("team/a.md:3", Target(path="team/a.md", line=3)),
        ("team/gone.md", Target(path="team/gone.md")),
        ("{base}/team/a.md", Target(path="team/a.md")),
        ("a.md", Target(path="work/a.md")),
    ],
)
def test_a_note_is_named_in_the_tree_or_on_the_disk(
    ops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, target: Target
) -> None:
    monkeypatch.chdir(tmp_path / "work")
    assert parse_target(ops, place.format(base=tmp_path)) == target


def test_a_note_of_no_root_is_a_usage_error(program: Program, ops: Path, engine: StandIn) -> None:
    ran = program("explain", "--collection", "ops", "which port?", "nowhere/a.md")
    assert ran.status == 2
    assert "a path begins with one of its roots (work, team)" in ran.err


def test_attach_lists_an_agents_extra_paths_as_roots(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "person"
    monkeypatch.setenv("HOME", str(home))
    extra = '{"memory": {"search": {"extraPaths": ["../shared"]}}}'
    workspace = homes.openclaw(home, extra)
    ran = program("attach", "openclaw")
    assert f"  root      workspace: {workspace}\n" in ran.out
    assert f"  root      shared: {workspace.parent / 'shared'}\n" in ran.out
