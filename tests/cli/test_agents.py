"""`agents`, `attach`, `detach`, and `--agent` on other commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from membrowse.agents import profiles
from tests.agents import homes
from tests.cli.conftest import Program
from tests.standin.engine import StandIn


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace of an OpenClaw in a home directory of its own."""
    home = tmp_path / "person"
    monkeypatch.setenv("HOME", str(home))
    for name in ("OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "CODEX_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return homes.openclaw(home)


def test_agents_are_listed(program: Program, workspace: Path) -> None:
    ran = program("agents")
    assert ran.status == 0
    assert "openclaw:main\n" in ran.out
    assert f"  folder    {workspace} (2 files, " in ran.out
    assert "k 6, minimum score 0.35, vectorWeight 0.7" in ran.out
    (found,) = json.loads(program("agents", "--json").out)["agents"]
    assert found["memory"]["search"]["reads"] == "openclaw"


def test_no_agent(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    ran = program("agents", "--json")
    assert (ran.status, json.loads(ran.out)["agents"]) == (1, [])


def test_attach_and_detach(program: Program, workspace: Path) -> None:
    ran = program("attach", "openclaw", "-k", "3", "--name", "ops")
    assert ran.status == 0
    assert "  setting   agent.k = 3\n" in ran.out
    assert "  not here  MMR" in ran.out
    kept = profiles.read("ops")
    assert (kept.memory.k, kept.memory.folder, kept.may_run) == (3, str(workspace), False)
    shown = program("config", "show", "--agent", "ops").out
    assert "agent.k = 3" in shown and "# agent ops" in shown
    assert program("detach", "ops").status == 0
    assert program("detach", "ops").status == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("nobody",), "On this machine: openclaw:main"),
        (("openclaw", "--name", "../x"), "cannot be a name"),
        (("openclaw", "--command", "grep {query}"), "--reads"),
        (("openclaw", "--command", "grep 'x", "--reads", "qmd"), "No closing quotation"),
        (("openclaw", "--command", "grep {query}", "--reads", "grep"), "is no preset"),
        (("openclaw", "--min-score", "nan"), "min_score"),
        (("openclaw", "--folder", "none"), "no such folder"),
    ],
)
def test_what_cannot_be_attached(
    program: Program, workspace: Path, options: tuple[str, ...], message: str
) -> None:
    ran = program("attach", *options)
    assert ran.status == 2
    assert message in ran.err
    assert profiles.listed() == []


def test_commands_take_the_folder_and_settings_of_an_agent(
    program: Program, workspace: Path, engine: StandIn
) -> None:
    program("attach", "openclaw", "--name", "ops")
    assert program("search", "--agent", "ops", "which port?", "--json").status == 0
    assert engine.asked[-1].profile["agent.k"] == 6
    both = program("search", "--agent", "ops", "--folder", str(workspace), "which port?")
    assert (both.status, "not both" in both.err) == (2, True)
    missing = program("why", "--agent", "nobody", "x", "y.md")
    assert (missing.status, "attached: ops" in missing.err) == (2, True)
    assert "profile" not in program("search", "--folder", str(workspace), "x", "--json").err
    assert engine.asked[-1].profile == {}
