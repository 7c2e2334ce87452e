"""Every way to end becomes an exit status and at most one line on stderr."""

from __future__ import annotations

import contextlib
import datetime
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from membrowse import __version__, paths
from membrowse.cli import output
from membrowse.cli.exit_codes import Exit
from membrowse.settings import SettingsError


class Stop(Exception):
    """Ends a command with an exit status; the message, if any, goes to stderr."""

    def __init__(self, exit_: Exit, message: str = "") -> None:
        super().__init__(message)
        self.exit = exit_


class _Closed(io.BufferedIOBase):
    """Stands for an output that the caller closed; writing to it ends the program."""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        raise output.Unwritable(os.strerror(errno.EBADF))


def guarded(action: Callable[[], None]) -> int:
    """Run `action` and return the exit status. No exception escapes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the caller closed it
            closed = _Closed() if name == "stdout" else Path(os.devnull).open("wb")
            setattr(sys, name, io.TextIOWrapper(closed, write_through=True))
        elif isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):  # it cannot be written; `action` will find out, too
                stream.reconfigure(errors="backslashreplace")
    status = _status_of(action)
    try:
        sys.stdout.flush()
    except OSError as error:
        known = status in (Exit.READER_GONE, Exit.INTERNAL)
        status = status if known else _unwritable(error)
        _discard_output()
    return int(status)


def _status_of(action: Callable[[], None]) -> int:
    try:
        action()
    except SystemExit as end:
        return _exit_code(end)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except (output.ReaderGone, BrokenPipeError):
        return Exit.READER_GONE
    except output.Unwritable as error:
        return _reported_exit(Exit.INTERNAL, f"the output cannot be written: {error}")
    except Stop as end:
        return _reported_exit(end.exit, str(end))
    except (SettingsError, paths.Untrusted) as error:
        return _reported_exit(Exit.USAGE, str(error))
    except Exception as error:
        return _engine_error(error) or report_unexpected(error)
    return Exit.DONE


def _unwritable(error: OSError) -> Exit:
    if isinstance(error, BrokenPipeError):
        return Exit.READER_GONE
    return _reported_exit(Exit.INTERNAL, f"the output cannot be written: {error.strerror}")


def _exit_code(end: SystemExit) -> int:
    if end.code is None:
        return Exit.DONE
    return end.code if isinstance(end.code, int) else Exit.INTERNAL


def _reported_exit(exit_: Exit, message: str) -> Exit:
    if message:
        output.say(message)
    return exit_


def _engine_error(error: Exception) -> Exit | None:
    """The status if the engine is absent or refuses; None for any other error."""
    client = sys.modules.get("membrowse.client.engine")
    if client is None:
        return None
    if isinstance(error, client.EngineUnavailable):
        return _reported_exit(Exit.UNAVAILABLE, str(error))
    if isinstance(error, client.EngineRefused):
        bad_request = error.status == 400
        return _reported_exit(Exit.USAGE if bad_request else Exit.UNAVAILABLE, str(error))
    return None


def report_unexpected(error: BaseException) -> Exit:
    """Log the traceback of an unexpected error, and say where."""
    summary = f"unexpected error: {type(error).__name__}: {error}"
    try:
        place = f"the traceback is in {_logged_traceback(error)}"
    except OSError as failure:
        place = f"its traceback cannot be logged: {failure}"
    return _reported_exit(Exit.INTERNAL, f"{summary}; {place}")


def _logged_traceback(error: BaseException) -> Path:
    file = paths.private(paths.state_dir()) / "errors.log"
    descriptor = paths.open_file(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as log:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        log.write(f"{now} membrowse {__version__}, Python {sys.version.split()[0]}\n")
        log.writelines(traceback.format_exception(error))
    return file


def _discard_output() -> None:
    """Discard what is still buffered, so that the interpreter ends silently."""
    with contextlib.suppress(OSError, ValueError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
