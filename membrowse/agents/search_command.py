"""Run an agent's own search: without a shell, for a limited time, in a small environment.

The folder's writer is not trusted: the program runs in `/`, is never one from the folder, and what
it prints is bounded and checked.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from membrowse.agents.answers import UnreadableAnswer, read_answer, reader_of
from membrowse.agents.collections import roots_of_memory
from membrowse.settings import SettingsError
from membrowse.wire.agents import AgentAnswer, AgentHit, AgentMemory, AgentProfile, SearchCommand

DEFAULT_K = 5
MOST_OUTPUT = 4 << 20
"""Bytes that a program may print."""
MOST_ERRORS = 64 << 10
"""Bytes of its messages that are kept."""
MOST_SECONDS = 600.0
_LAST_WORDS = 500
"""Characters of its messages that are shown."""
_POLL_SECONDS = 0.1
_PIECE = 1 << 16
_PLACEHOLDER = re.compile(r"\{(query|k|folder)\}")
_VARIABLES = (
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
)
"""Variables that every program gets if they are set, besides `PATH`."""


class NotAgreed(Exception):
    """The person has not agreed that the agent's search runs; the message asks."""


class _Failed(Exception):
    """There is no answer; the message says why."""


def question(profile: AgentProfile) -> str:
    """What to ask the person before an agent's search runs for the first time."""
    search = _search_of(profile)
    return (
        f"{shlex.join(search.arguments)}\n"
        "This program is not part of membrowse. It may send the query over a network, for example "
        "to compute its vector."
    )


def ask(profile: AgentProfile, query: str, k: int | None = None) -> AgentAnswer:
    """What the agent's own search returns, blocking until it ends or its time is up.

    A failure is part of the answer (`problem`). Raises `NotAgreed` unless `profile.may_run`, and
    `SettingsError` for a profile without a search.
    """
    search = _search_of(profile)
    if not profile.may_run:
        raise NotAgreed(question(profile))
    k = k or profile.memory.k or DEFAULT_K
    values = {"query": query, "k": str(k), "folder": profile.memory.folder}
    command = tuple(
        _PLACEHOLDER.sub(lambda found: values[found[1]], each) for each in search.arguments
    )
    asked_at, started = datetime.now().astimezone(), time.monotonic()
    problem, warning = "", ""
    hits: tuple[AgentHit, ...] = ()
    try:
        output = _output(command, search, profile.memory)
        hits, warning = read_answer(output, reader_of(search.reads), profile.memory)
    except (_Failed, UnreadableAnswer) as error:
        problem = str(error)
    return AgentAnswer(
        agent=profile.name,
        query=query,
        k=k,
        asked_at=asked_at.isoformat(timespec="seconds"),
        took_ms=round((time.monotonic() - started) * 1000, 1),
        command=command,
        hits=hits,
        warning=warning,
        problem=problem,
    )


def _search_of(profile: AgentProfile) -> SearchCommand:
    if profile.memory.search is None:
        raise SettingsError(
            f"the agent {profile.name!r} has no search command: attach it with --command"
        )
    return profile.memory.search


def _output(command: tuple[str, ...], search: SearchCommand, memory: AgentMemory) -> bytes:
    """What the command prints. Raises `_Failed`."""
    variables = environment(os.environ, search.environment)
    program = _program(command[0], variables["PATH"], memory)
    try:
        process = subprocess.Popen(  # noqa: S603 (the person agreed)
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=variables,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _Failed(f"{command[0]} cannot be started: {error}") from error
    try:
        printed = _Printed()
        _collect(process, printed, time.monotonic() + min(search.seconds, MOST_SECONDS))
    finally:
        _end(process)
    if printed.problem:
        raise _Failed(f"{command[0]} {printed.problem}{_last_words(printed)}")
    if process.returncode and not printed.output.strip():
        raise _Failed(f"{command[0]} ended with status {process.returncode}{_last_words(printed)}")
    if not printed.output.strip():
        raise _Failed(f"{command[0]} printed nothing{_last_words(printed)}")
    return bytes(printed.output)


def environment(given: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The few variables of `given` that a program needs, and those called `names`."""
    kept = {name: given[name] for name in (*_VARIABLES, *names) if name in given}
    entries = given.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(entry for entry in entries if Path(entry).is_absolute())
    return kept | {"PATH": path, "NO_COLOR": "1", "TERM": "dumb"}


def _program(name: str, path: str, memory: AgentMemory) -> str:
    """The absolute path of a program, which is not in the agent's folder. Raises `_Failed`."""
    found = name if Path(name).is_absolute() else None
    if os.sep not in name:
        found = shutil.which(name, path=path)
    if found is None:
        reason = "is not installed (not on PATH)" if os.sep not in name else "is a relative path"
        raise _Failed(f"{name} {reason}")
    if roots_of_memory(memory).path_of(Path(os.path.realpath(found))) is not None:
        raise _Failed(f"{found} is in the agent's folder: it is not run")
    return found


# What a program prints


@dataclass(slots=True)
class _Printed:
    output: bytearray
    errors: bytearray
    problem: str

    def __init__(self) -> None:
        self.output, self.errors, self.problem = bytearray(), bytearray(), ""

    def take(self, stream: str, piece: bytes) -> None:
        if stream == "errors":
            self.errors += piece
            del self.errors[:-MOST_ERRORS]
            return
        self.output += piece
        if len(self.output) > MOST_OUTPUT:
            self.problem = f"printed more than {MOST_OUTPUT >> 20} MB"


def _collect(process: subprocess.Popen[bytes], printed: _Printed, deadline: float) -> None:
    """Read both streams until the program ends; sets `printed.problem` if it must not go on."""
    with selectors.DefaultSelector() as selector:
        for stream, name in ((process.stdout, "output"), (process.stderr, "errors")):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, name)
        while selector.get_map() and not printed.problem:
            ended = process.poll() is not None
            ready = selector.select(0 if ended else _POLL_SECONDS)
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                printed.take(key.data, piece)
                if not piece:
                    selector.unregister(key.fileobj)
            if ended and not ready:
                break  # a child of it keeps the streams open
            if not ended and time.monotonic() > deadline:
                printed.problem = "did not end in time"
    if not printed.problem:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            printed.problem = "did not end in time"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the program with its children, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _last_words(printed: _Printed) -> str:
    """`: ` and the end of what the program said on stderr, if anything."""
    words = printed.errors.decode("utf-8", errors="replace").strip()
    return f": {words[-_LAST_WORDS:]}" if words else ""
