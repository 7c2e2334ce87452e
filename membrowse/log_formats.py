"""How log records become lines: as text or JSON, with priorities for the systemd journal.

The message of an exception may quote a note or a query, so a traceback shows only those of
exceptions that the operating system, SQLite or an allocation raised.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import sqlite3
import sys
import traceback
from collections.abc import Mapping
from enum import StrEnum
from types import TracebackType
from typing import TextIO

_PRIORITIES = {
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    logging.INFO: 6,
    logging.DEBUG: 7,
}
"""Of syslog(3), as sd-daemon(3) writes them in front of a line."""
_WITHOUT_TEXT = (OSError, sqlite3.Error, MemoryError)
_WITHHELD = "(its message may quote a note, so it is not logged)"
_Raised = tuple[type[BaseException], BaseException, TracebackType | None]


class LogFormat(StrEnum):
    """The form of a log's lines."""

    TEXT = "text"
    JSON = "json"


def formatter(log_format: LogFormat, *, journal: bool = False) -> logging.Formatter:
    """What turns a record into a line (JSON), or into a line and a traceback (text).

    The `journal` knows the time of a line by itself.
    """
    if log_format is LogFormat.JSON:
        return _JsonFormatter()
    time = "" if journal else "%(asctime)s "
    return _TextFormatter(f"{time}%(levelname)s %(name)s: %(message)s")


class _TextFormatter(logging.Formatter):
    def formatException(self, ei: _Raised | tuple[None, None, None]) -> str:
        return traceback_without_text(ei[1]) if ei[1] is not None else ""


class _JsonFormatter(logging.Formatter):
    """`at` (UTC), `level`, `logger`, `thread`, `message`, and `traceback` if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        event = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            event["traceback"] = traceback_without_text(record.exc_info[1])
        return json.dumps(event)


def traceback_without_text(error: BaseException) -> str:
    """The traceback of `error` and what caused it; no message in it can quote a note or a query."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = [traceback_without_text(cause), "", "This led to:", ""] if cause is not None else []
    frames = [frame.rstrip() for frame in traceback.format_tb(error.__traceback__)]
    message = str(error) if isinstance(error, _WITHOUT_TEXT) else _WITHHELD
    return "\n".join([*before, *frames, f"{type(error).__name__}: {message}"])


class JournalHandler(logging.StreamHandler[TextIO]):
    """Writes to stderr with the priority that the journal files each line under."""

    def format(self, record: logging.LogRecord) -> str:
        priority = _PRIORITIES.get(record.levelno, _PRIORITIES[logging.INFO])
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def stderr_handler(environment: Mapping[str, str] = os.environ) -> logging.Handler:
    """A handler for stderr, which may be the journal's: see `JOURNAL_STREAM` in systemd.exec(5)."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return logging.StreamHandler()
    journal = environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return JournalHandler() if journal else logging.StreamHandler()
