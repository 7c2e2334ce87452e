"""Start child processes that run modules of ours in this Python.

A child never imports from the working directory, which may be a folder of notes: it runs with `-P`
in the root directory, and `PYTHONPATH` keeps its absolute entries only.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from membrowse import paths

DIRECTORY = "/"
"""Working directory of every child and engine: no library finds code or configuration there that
somebody else may have written, such as the `.env` that Chroma reads."""
PROGRAM = Path(sys.executable)
"""The Python that runs this program."""
_ROOT = str(Path(__file__).parents[1])
FOLDER = "MEMBROWSE_FOLDER"
"""Environment variable of the folder that an engine serves, or a child works on. Every user can see
the arguments of a process; its environment, only the user who runs it."""


@dataclass(frozen=True, slots=True)
class User:
    """The rights of a child; only root can give it those of another user."""

    uid: int
    gid: int
    groups: list[int]


def start(
    module: str,
    *arguments: str,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    folder: Path | None = None,
    extra: Mapping[str, str] | None = None,
    new_session: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `module`, with the variables `extra` added to the environment. Raises `OSError`.

    It gets `folder` in the environment, too: see `given_folder`.
    """
    return subprocess.Popen(  # noqa: S603 (our own interpreter and module, no shell)
        _command(module, *arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=DIRECTORY,
        env=environment() | _naming(folder) | dict(extra or {}),
        start_new_session=new_session,
    )


def run(
    module: str,
    *arguments: str,
    stdin: int = subprocess.DEVNULL,
    folder: Path | None = None,
    extra: Mapping[str, str] | None = None,
    timeout: float | None = None,
    user: User | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run `module` to its end, as `user` if given, and capture its output.

    Raises `OSError` and `subprocess.TimeoutExpired`.
    """
    return subprocess.run(  # noqa: S603 (our own interpreter and module, no shell)
        _command(module, *arguments),
        stdin=stdin,
        capture_output=True,
        cwd=DIRECTORY,
        env=environment() | _naming(folder) | dict(extra or {}),
        timeout=timeout,
        check=False,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=user.groups if user else None,
    )


def given_folder() -> Path:
    """The folder that this process was started for. Its own children do not inherit it.

    Raises `KeyError` if there is none.
    """
    return Path(os.environ.pop(FOLDER))


def _naming(folder: Path | None) -> dict[str, str]:
    return {} if folder is None else {FOLDER: str(folder)}


def _command(module: str, *arguments: str) -> list[str]:
    return [str(PROGRAM), "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The environment of a child: ours, with absolute paths and this package importable."""
    result = {**os.environ, **paths.absolute_variables()}
    entries = result.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in entries if entry.startswith("/")]  # an empty one means "here"
    if _ROOT not in (*kept, *site.getsitepackages(), site.getusersitepackages()):
        kept.append(_ROOT)
    return result | ({"PYTHONPATH": os.pathsep.join(kept)} if kept else {})
