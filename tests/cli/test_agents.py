"""`agents`, `attach`, `detach`, and `--agent` on other commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from membrowse import tui
from membrowse.agents import profiles
from membrowse.cli import browser
from membrowse.client import launch
from membrowse.settings import Settings
from membrowse.wire.search import SearchRequest
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


def answering(tmp_path: Path, output: str) -> str:
    """A command that prints `output`."""
    (tmp_path / "answer.txt").write_text(output)
    program = tmp_path / "fake-search"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/answer.txt\n")
    program.chmod(0o755)
    return f"{program} {{query}} -k {{k}}"


def test_the_agents_own_search_stands_beside_ours(
    program: Program, workspace: Path, engine: StandIn, tmp_path: Path
) -> None:
    first = json.loads(program("search", "which port?", "-f", str(workspace), "--json").out)
    ours = first["rankings"]["reranked"]["hits"][1]
    hits = [
        {"path": ours["path"], "startLine": ours["start_line"], "endLine": ours["end_line"]},
        {"path": "../other\u001b[2J.md", "score": 0.4, "snippet": "x"},
    ]
    command = answering(tmp_path, json.dumps({"results": hits, "warning": "index is stale"}))
    program("attach", "openclaw", "--name", "ops", "--command", command, "--reads", "openclaw")
    search = ("search", "--agent", "ops", "--ask-agent", "which port?", "-n", "2")
    refused = program(*search)
    assert (refused.status, "--yes agrees" in refused.err) == (2, True)
    assert profiles.read("ops").may_run is False

    ran = program(*search, "--yes", "--json")
    assert "ops: index is stale" in ran.err
    response = json.loads(ran.out)
    agents = response["rankings"]["agent"]
    assert [hit["chunk"] for hit in agents["hits"]] == [ours["chunk"], ""]
    assert agents["hits"][0]["ranks"] == {**ours["ranks"], "agent": 1}
    assert response["rankings"]["reranked"]["hits"][1]["ranks"]["agent"] == 1
    assert response["rankings"]["reranked"]["hits"][0]["ranks"]["agent"] is None
    assert response["agent"]["hits"][1]["inside"] is False
    assert {len(each["hits"]) for each in response["rankings"].values()} == {2}

    lines = program(*search).out.splitlines()
    assert [line.split("\t")[:2] for line in lines[-2:]] == [["1", "agent"], ["2", "agent"]]
    assert "\x1b" not in "".join(lines)

    del engine.replies[SearchRequest]  # rank for real
    filtered = program(*search, "--path", "decisions/*")
    assert "only our rankings have path:decisions/*: ops was asked without" in filtered.err


def test_a_failing_search_of_the_agent_leaves_ours(
    program: Program, workspace: Path, engine: StandIn, tmp_path: Path
) -> None:
    command = answering(tmp_path, "Error: no API key\n")
    program("attach", "openclaw", "--name", "ops", "--command", command, "--reads", "openclaw")
    ran = program("search", "--agent", "ops", "--ask-agent", "--yes", "which port?", "--json")
    assert ran.status == 0
    assert "ops: its output is not JSON" in ran.err
    rankings = json.loads(ran.out)["rankings"]
    assert (rankings["agent"]["state"], rankings["agent"]["hits"]) == ("failed", [])
    assert rankings["keyword"]["hits"]


def test_hits_that_the_agent_never_searches_are_named(
    program: Program, workspace: Path, engine: StandIn
) -> None:
    program("attach", "openclaw", "--name", "ops", "--include", "/none/*.md")
    assert "ops does not search " in program("search", "--agent", "ops", "which port?").err


def test_ask_agent_needs_an_agent(program: Program, workspace: Path, engine: StandIn) -> None:
    ran = program("search", "--ask-agent", "which port?", "-f", str(workspace))
    assert (ran.status, "needs --agent" in ran.err) == (2, True)


def test_doctor_compares_the_memory_of_an_agent_with_its_own_index(
    program: Program, workspace: Path, engine: StandIn
) -> None:
    program("attach", "openclaw", "--name", "ops")
    healthy = program("doctor", "--agent", "ops")
    assert (healthy.status, healthy.out.splitlines()[-1]) == (0, "healthy: 2 files current")
    (workspace / "memory/new\u001b[2J.md").write_text("new\n")
    ran = program("doctor", "--agent", "ops")
    assert ran.status == 1
    assert "→ openclaw memory index --agent main" in ran.out
    assert "\x1b" not in ran.out
    report = json.loads(program("doctor", "--agent", "ops", "--json").out)
    assert report["schema"] == 1
    assert {file["state"] for file in report["files"]} == {"current", "not in its index"}


def test_the_browser_opens_with_the_profile_of_an_agent(
    program: Program, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[Path | None, int, object]] = []

    def run(folder: Path | None, settings: Settings, **options: object) -> int:
        opened.append((folder, settings.agent.k, options["profile"]))
        return 0

    monkeypatch.setattr(tui, "run", run)
    monkeypatch.setattr(browser, "_has_terminal", lambda: True)
    monkeypatch.setattr(launch, "head_start", lambda folder: None)
    program("attach", "openclaw", "--name", "ops")
    assert program("--agent", "ops").status == 0
    assert program(workspace).status == 0
    assert opened == [(workspace, 6, profiles.read("ops")), (workspace, 5, None)]
    assert program("browse", workspace, "--agent", "ops").status == 2
