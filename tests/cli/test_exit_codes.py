"""Every way to end: a status, at most a line on stderr, never a traceback."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from membrowse import paths
from membrowse.cli import error_handling, output
from membrowse.cli.connection import asynchronous
from membrowse.cli.error_handling import Stop, guarded
from membrowse.cli.exit_codes import Exit
from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.settings import SettingsError
from membrowse.wire.request import Problem


def ending(error: BaseException) -> int:
    def action() -> None:
        raise error

    return guarded(action)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Stop(Exit.NONE, "none"), 1),
        (SettingsError("bad"), 2),
        (EngineUnavailable("gone"), 3),
        (EngineRefused(Problem(message="bad query"), 400), 2),
        (EngineRefused(Problem(message="not your right"), 403), 3),
        (EngineRefused(Problem(message="not ready"), 503), 3),
        (RuntimeError("oh"), 70),
        (KeyboardInterrupt(), 130),
        (output.ReaderGone(), 141),
        (SystemExit(2), 2),
        (SystemExit(None), 0),
    ],
)
def test_the_status_tells_how_it_ended(
    error: BaseException, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    if status == Exit.READER_GONE:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(error_handling, "_discard_output", lambda: None)
            assert ending(error) == status
    else:
        assert ending(error) == status
    assert len(capfd.readouterr().err.splitlines()) <= 1


def test_an_error_of_our_own_is_kept_in_a_file_for_its_owner_only(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ending(RuntimeError("\x1b[31moh"))
    err = capfd.readouterr().err
    log = paths.state_dir() / "errors.log"
    assert str(log) in err
    assert "\x1b" not in err
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_an_error_is_told_even_where_nothing_can_be_written(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home.write_text("in the way")
    assert ending(RuntimeError("oh")) == 70
    assert "oh" in capfd.readouterr().err


def test_an_error_that_no_one_awaits_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise RuntimeError("oh")

    async def command() -> Exit:
        loop = asyncio.get_running_loop()
        cancelled = loop.create_future()
        cancelled.cancel()
        loop.call_soon(cancelled.set_result, None)  # as anyio's waiter for a socket may
        loop.call_soon(fail)
        await asyncio.sleep(0)
        return Exit.DONE

    with pytest.raises(typer.Exit) as end:
        asynchronous(command)()
    assert end.value.exit_code == Exit.DONE
    (line,) = capfd.readouterr().err.splitlines()
    assert "unexpected error: RuntimeError: oh" in line
    assert "RuntimeError: oh" in (paths.state_dir() / "errors.log").read_text()


def program(*arguments: str) -> subprocess.Popen[bytes]:
    package = str(Path(output.__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": package}
    command = [sys.executable, "-m", "membrowse", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def test_a_reader_that_goes_away_is_no_error() -> None:
    with program("config", "show") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == Exit.READER_GONE


def test_the_version_needs_no_parser() -> None:
    code = (
        "import sys; from membrowse.__main__ import run; run(['--version']);"
        "print(sorted({'typer', 'msgspec', 'asyncio', 'rich'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(output.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    version, loaded = done.stdout.splitlines()
    assert version.startswith("membrowse ")
    assert loaded == "[]"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux's")
@pytest.mark.parametrize("locale", ["C", "C.utf8"])
@pytest.mark.parametrize("arguments", [("--version",), ("config", "show")])
def test_an_output_without_room_is_told_in_a_line(arguments: tuple[str, ...], locale: str) -> None:
    command = [sys.executable, "-m", "membrowse", *arguments]
    environment = os.environ | {"LC_ALL": locale}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment
        )
    assert done.stderr == "membrowse: the output cannot be written: No space left on device\n"
    assert done.returncode == Exit.INTERNAL


@pytest.mark.parametrize("arguments", ["--version", "--help", "config show", "docs json"])
def test_a_closed_output_is_an_error(arguments: str) -> None:
    command = f"exec {sys.executable} -m membrowse {arguments} >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True)
    assert done.returncode == Exit.INTERNAL
    assert done.stderr == "membrowse: the output cannot be written: Bad file descriptor\n"


@pytest.mark.parametrize(
    ("locale", "mode"), [("POSIX", "0"), ("POSIX", "1"), ("C", "0"), ("C.utf8", "0")]
)
def test_a_query_is_read_as_utf8_in_any_locale(locale: str, mode: str) -> None:
    code = (
        "import sys; from membrowse.cli.parameters import valid; "
        "print(ascii([valid(each) for each in sys.argv[1:]]))"
    )
    environment = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": mode, "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, "пароль für 端口", os.fsdecode(b"caf\xe9")],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.stdout == f"{ascii(['пароль für 端口', 'caf?'])}\n"
    assert done.stderr == "membrowse: bytes that are not UTF-8 are read as question marks: caf?\n"
