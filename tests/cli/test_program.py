"""The program: commands, folders, help, completion, engines."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any

import pytest

from membrowse import paths, tui
from membrowse.cli import browser, commands, demo_memory
from membrowse.client import discovery, launch
from membrowse.client.engine import EngineUnavailable
from tests.cli.conftest import Program
from tests.standin.engine import StandIn


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path | None, dict[str, Any]]]:
    """What the browser was opened on, instead of opening it."""
    calls: list[tuple[Path | None, dict[str, Any]]] = []

    def run(folder: Path | None, settings: object, **options: Any) -> int:
        calls.append((folder, options))
        return 0

    monkeypatch.setattr(tui, "run", run)
    monkeypatch.setattr(browser, "_has_terminal", lambda: True)
    monkeypatch.setattr(launch, "head_start", lambda folder: None)
    return calls


Opened = list[tuple[Path | None, dict[str, Any]]]


def test_every_command_has_a_module_and_no_module_is_left_out() -> None:
    names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    assert sorted(names) == sorted(commands.COMMANDS)
    assert set(commands.ALIASES.values()) <= set(commands.COMMANDS)


@pytest.mark.parametrize("name", [*commands.COMMANDS, *commands.ALIASES])
def test_every_command_has_help(program: Program, name: str) -> None:
    ran = program(name, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert f"membrowse {name}" in ran.out


def test_help_lists_every_command_in_full_and_no_alias(program: Program) -> None:
    listed = program("--help").out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == list(commands.COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_help_names_the_exit_statuses_and_examples(program: Program) -> None:
    ran = program("--help")
    assert "0 hits (or done), 1 none, 2 usage, 3 engine unavailable, 130" in ran.out
    assert "membrowse demo" in ran.out


def test_a_folder_opens_the_browser(opened: Opened, program: Program, folder: Path) -> None:
    assert program(folder).status == 0
    assert program("browse", folder).status == 0
    assert program("notes").status == 0
    assert [where for where, _ in opened] == [folder] * 3


def test_without_a_folder_the_browser_chooses(opened: Opened, program: Program) -> None:
    assert program().status == 0
    assert opened[0][0] is None


def test_a_folder_named_like_a_command_is_given_with_a_dot(
    opened: Opened, program: Program, tmp_path: Path
) -> None:
    (tmp_path / "index").mkdir()
    assert program("./index").status == 0
    assert opened[0][0] == tmp_path / "index"


def test_questions_are_given_before_or_after_the_folder(
    opened: Opened, program: Program, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('{"query": "x"}\n')
    assert program(folder, "--questions", file).status == 0
    assert program("--questions", file, folder).status == 0
    assert [options["questions"] for _, options in opened] == [file, file]
    assert program(folder, "--questions", tmp_path / "none").status == 2


def test_demo_opens_the_persons_copy(
    opened: Opened, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled: list[Path] = []
    monkeypatch.setattr(demo_memory, "fill_log", filled.append)
    assert program("demo").status == 0
    folder, options = opened[0]
    assert folder == paths.data_dir() / "demo-memory"
    assert options["demo"]() == folder
    assert filled == [folder, folder]
    assert program("demo", "--path").out == f"{folder}\n"


def test_the_browser_needs_a_terminal(program: Program, folder: Path) -> None:
    ran = program(folder)
    assert ran.status == 2
    assert "needs a terminal" in ran.err


@pytest.mark.parametrize("word", ["serch", "nothing", "--nothing", "a\x1b[31mb", "/none"])
def test_a_word_that_is_neither_is_a_usage_error(program: Program, word: str) -> None:
    ran = program(word)
    assert (ran.status, ran.out) == (2, "")
    assert "\x1b" not in ran.err


def test_a_slip_is_corrected(program: Program) -> None:
    assert "did you mean search" in program("serch").err


def test_shells_complete_commands_and_options(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_MEMBROWSE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "membrowse s")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert program().out.split() == ["search", "status", "serve", "service"]
    monkeypatch.setenv("COMP_WORDS", "membrowse search --ba")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert program().out.split() == ["--batch"]


def test_stopping_where_none_runs_is_done(program: Program, folder: Path) -> None:
    ran = program("engine", "stop", "--folder", folder)
    assert ran.status == 0
    assert "no engine runs" in ran.err


def test_restart_starts_an_engine(engine: StandIn, program: Program, folder: Path) -> None:
    ran = program("engine", "restart", "--folder", folder)
    assert ran.status == 0
    assert "process 4321 serves" in ran.err


def test_the_log_is_shown_safely(
    program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(folder: Path, **_: object) -> None:
        raise EngineUnavailable("none")

    monkeypatch.setattr(discovery, "connect", connect)
    assert program("engine", "log", "--folder", folder).status == 1
    log = paths.log_file(folder)
    paths.private(log.parent)
    log.write_text("one\ntwo\x1b[31m\nthree\n")
    ran = program("engine", "log", "-n", "2", "--folder", folder)
    assert (ran.status, ran.out) == (0, "two␛[31m\nthree\n")
