"""`--collection NAME`: several folders as one, on every command that works on a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse import AsyncMemory, tui
from membrowse.cli import browser
from membrowse.cli.targets import parse_target
from membrowse.client import launch
from membrowse.roots import collection_folder
from membrowse.settings import SettingsError
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


def test_a_collection_is_searched_with_filters(
    program: Program, ops: Path, engine: StandIn
) -> None:
    ran = program("search", "--collection", "ops", "which port?", "--root", "team", "--json")
    assert ran.status == 0
    assert engine.asked[-1].filters.root == "team"
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
    missing = program("status", "--collection", "opz")
    assert (missing.status, "there are ops" in missing.err) == (2, True)


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
