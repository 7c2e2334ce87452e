"""Open the browser. Free of Typer, which plain `membrowse [FOLDER]` does not need."""

from __future__ import annotations

import sys
from pathlib import Path

from membrowse import paths, settings
from membrowse.cli import demo_memory, folders, output
from membrowse.cli.chosen_agent import chosen_profile
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client import launch
from membrowse.wire.agents import AgentProfile


def browse(folder: Path | None, questions: Path | None) -> None:
    """Open the browser on `folder`; without one, on the last folder or a choice of some."""
    if questions is not None and not questions.is_file():
        raise Stop(Exit.USAGE, f"no such file of questions: {questions}")
    profile = chosen_profile()
    if folders.is_named(folder):
        folder = folders.chosen(folder)
    _open(folder, questions, profile)


def browse_demo() -> None:
    """Open the browser on the user's copy of the demo memory, with its questions."""
    folder = demo_memory.update(output.say)
    demo_memory.fill_log(folder)
    questions = folder / demo_memory.QUESTIONS
    _open(folder, questions if questions.is_file() else None)


def _open(folder: Path | None, questions: Path | None, profile: AgentProfile | None = None) -> None:
    if not _has_terminal():
        raise Stop(Exit.USAGE, "the browser needs a terminal; in a script, use `membrowse search`")
    configured = settings.load(paths.config_file())
    if profile is not None:
        configured = settings.with_profile(configured, profile)
    if folder is not None:
        launch.head_start(folder)
    if profile is not None and profile.memory.log:
        from membrowse.cli import attached_log

        attached_log.follow(profile)
    from membrowse import tui

    status = tui.run(
        folder,
        configured,
        questions=questions,
        profile=profile,
        demo=_demo,
    )
    if status:
        raise SystemExit(status)


def _demo() -> Path:
    """The user's copy of the demo memory, whose log is filled as soon as an engine serves it."""
    folder = demo_memory.update(lambda _: None)
    demo_memory.fill_log(folder)
    return folder


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
