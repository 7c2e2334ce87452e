"""An agent's own search: what runs, in which environment, and every way in which it fails."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from membrowse.agents import search_command
from membrowse.agents.search_command import NotAgreed, ask, environment
from membrowse.settings import SettingsError
from membrowse.wire.agents import AgentAnswer, AgentMemory, AgentProfile, SearchCommand
from tests.waiting import has_ended, until

QUERY = "which $(port) does `staging` use? {k}"


def profile(*arguments: str, folder: Path = Path("/srv/notes")) -> AgentProfile:
    search = SearchCommand(
        arguments=arguments, reads="memsearch", environment=("KEPT",), seconds=60.0
    )
    memory = AgentMemory(id="x", system="x", folder=str(folder), k=4, search=search)
    return AgentProfile(name="x", memory=memory, may_run=True)


def python(code: str, *arguments: str) -> AgentAnswer:
    return ask(profile(sys.executable, "-c", code, *arguments), QUERY)


def test_the_program_gets_the_query_as_one_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("KEPT", "y")
    code = (
        "import json, os, sys; print(json.dumps([{'source': 'a.md', 'content': json.dumps("
        "[sys.argv[1:], os.getcwd(), sys.stdin.read(), sorted(os.environ)])}]))"
    )
    answer = python(code, "--query={query}", "{k}", "{folder}")
    arguments, directory, typed, names = json.loads(answer.hits[0].text)
    assert arguments == [f"--query={QUERY}", "4", "/srv/notes"]
    assert (directory, typed) == ("/", "")
    assert "KEPT" in names and "SECRET" not in names
    assert (answer.k, answer.problem, answer.agent) == (4, "", "x")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import sys; sys.exit('no such collection')", "status 1: no such collection"),
        ("pass", "printed nothing"),
        ("print('hello')", "not JSON"),
        ("import os; os.write(1, b'x' * (5 << 20))", "printed more than 4 MB"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status -9"),
    ],
)
def test_a_program_that_fails(code: str, problem: str) -> None:
    assert problem in python(code).problem


def test_a_program_that_does_not_end_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = (
        "import os, pathlib, time;"
        f" pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch(); time.sleep(600)"
    )
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    clock = SimpleNamespace(monotonic=lambda: 100.0 if any(tmp_path.iterdir()) else 0.0)
    monkeypatch.setattr(search_command, "time", clock)  # time is up once the child runs
    assert "did not end in time" in python(code).problem
    (sign,) = tmp_path.iterdir()
    until(lambda: has_ended(int(sign.name)))


def test_a_child_that_keeps_the_output_open_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "import pathlib, subprocess, sys;"
        " child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f" pathlib.Path({str(tmp_path)!r}, str(child.pid)).touch(); print('[]', flush=True)"
    )
    assert python(code).problem == ""
    (sign,) = tmp_path.iterdir()
    assert not has_ended(int(sign.name))
    os.kill(int(sign.name), signal.SIGKILL)


@pytest.mark.parametrize("query", ["a\0b", "x" * 3_000_000])
def test_a_query_that_no_program_can_be_given(query: str) -> None:
    assert "cannot be started" in ask(profile(sys.executable, "{query}"), query).problem


def test_a_program_of_the_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "search"
    program.write_text("#!/bin/sh\ntouch ran\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:.")
    for name, problem in (
        (str(program), "in the agent's folder"),
        ("search", "in the agent's folder"),
        ("./search", "is a relative path"),
        ("membrowse-none", "is not installed"),
    ):
        assert problem in ask(profile(name, "{query}", folder=tmp_path), QUERY).problem


def test_relative_entries_of_path_do_not_count() -> None:
    assert environment({"PATH": ".:/usr/bin::bin"}, ())["PATH"] == "/usr/bin"


def test_nothing_runs_without_consent() -> None:
    agent = profile("search", "{query}")
    undecided = AgentProfile(name="x", memory=agent.memory)
    with pytest.raises(NotAgreed, match="may send the query over a network"):
        ask(undecided, QUERY)
    memory = AgentMemory(id="x", system="x")
    with pytest.raises(SettingsError, match="no search command"):
        ask(AgentProfile(name="x", memory=memory, may_run=True), QUERY)
