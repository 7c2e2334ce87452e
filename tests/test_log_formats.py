"""The lines of a log: text or JSON, priorities for the journal, and never a word of a note."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import re
import sys
from pathlib import Path

import pytest

from membrowse import log_formats
from membrowse.log_formats import JournalHandler, LogFormat

ROOT = Path(__file__).parents[1] / "membrowse"
_COMMAND = re.compile(r"`membrowse [a-z]+")
_LOGGED = r"(log|_logger)\.(error|exception)"
_WORD = "bastion"


def record(level: int = logging.ERROR) -> logging.LogRecord:
    """A record of an error that quotes a note, and that a file led to."""
    try:
        try:
            raise FileNotFoundError(2, "No such file", "/srv/x")
        except OSError:
            _ = dict[str, str]()[_WORD]
    except KeyError:
        return logging.LogRecord("x", level, "", 0, "it %s", ("failed",), sys.exc_info())
    raise AssertionError


@pytest.mark.parametrize("log_format", LogFormat)
def test_a_traceback_never_quotes_a_note(log_format: LogFormat) -> None:
    line = log_formats.formatter(log_format).format(record())
    assert _WORD not in line
    assert "KeyError: (its message may quote a note" in line
    assert "FileNotFoundError: [Errno 2] No such file: '/srv/x'" in line
    assert "test_log_formats.py" in line


def test_an_event_is_one_line_of_json() -> None:
    line = log_formats.formatter(LogFormat.JSON).format(record())
    event = json.loads(line)
    assert "\n" not in line
    assert event.keys() == {"at", "level", "logger", "thread", "message", "traceback"}
    assert (event["level"], event["message"]) == ("error", "it failed")
    assert event["at"].endswith("+00:00")


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7)],
)
def test_every_line_has_the_priority_of_its_record(level: int, priority: int) -> None:
    stream = io.StringIO()
    handler = JournalHandler(stream)
    handler.setFormatter(log_formats.formatter(LogFormat.TEXT))
    handler.handle(record(level))
    lines = stream.getvalue().splitlines()
    assert len(lines) > 3
    assert all(line.startswith(f"<{priority}>") for line in lines)


def test_priorities_are_for_the_journal_only(capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        found = os.fstat(sys.stderr.fileno())
        journal = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert isinstance(log_formats.stderr_handler(journal), JournalHandler)
        for other in ({}, {"JOURNAL_STREAM": "1:1"}):
            assert not isinstance(log_formats.stderr_handler(other), JournalHandler)


def _names_it_itself(call: ast.Call) -> bool:
    """Whether what is logged are unusable settings: `SettingsError` names the command."""
    return ast.unparse(call.args[0]) in (
        "'%s'",
        "'the settings are not reloaded: %s'",
        "'the index cannot be opened: %s'",
    )


def _names_it_by_argument(call: ast.Call) -> bool:
    """Whether a `shell_commands.command` is logged."""
    return any(ast.unparse(argument).startswith("command(") for argument in call.args)


def test_every_logged_error_names_the_command_that_mends_it() -> None:
    unhelpful = [
        f"{file.name}: {call.lineno}"
        for file in ROOT.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and re.fullmatch(_LOGGED, ast.unparse(call.func))
        if not _COMMAND.search(ast.unparse(call.args[0]))
        if not _names_it_itself(call) and not _names_it_by_argument(call)
    ]
    assert unhelpful == []
