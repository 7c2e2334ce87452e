"""Finding the engine that serves a folder, or starting one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from membrowse import places
from membrowse.engine.client import EngineClient, EngineRefused, EngineUnavailable
from membrowse.engine.protocol import PROTOCOL, Hello
from membrowse.engine.spawning import spawned, started

START_SECONDS = 30.0
"""How long a started engine may take until its socket answers; it answers before it loads."""
_POLL_SECONDS = 0.02


class EngineOutdated(EngineUnavailable):
    """An engine answers, of a version that speaks otherwise."""


def ignore(_message: str) -> None:
    """A narrator who says nothing."""


async def connect(
    folder: Path, *, start: bool = True, say: Callable[[str], None] = ignore
) -> EngineClient:
    """A client of the engine that serves `folder`: one of the system's, else one's own.

    With `start`, an engine is started when none runs, and `say` is told so. Raises
    `EngineUnavailable` when none answers, with the reason and what to do.
    """
    folder = Path(os.path.realpath(folder))
    if start and not folder.is_dir():
        raise EngineUnavailable(f"{folder} is not a folder that can be read")
    found = await _find(folder)
    if found is not None:
        return found
    if not start:
        raise EngineUnavailable(f"no engine runs for {folder}; `membrowse index` starts one")
    say(f"starting an engine for {folder}")
    return await _start(folder)


async def _find(folder: Path) -> EngineClient | None:
    """A client of a running engine of `folder`; raises `EngineOutdated`."""
    found = await _greeted(folder)
    if found is None:
        return None
    client, hello = found
    if hello.protocol != PROTOCOL:
        await client.close()
        raise EngineOutdated(
            f"the engine (process {hello.engine.pid}, version {hello.engine.version}) speaks "
            f"protocol {hello.protocol}, this program {PROTOCOL}: `membrowse engine restart`"
        )
    return client


async def _greeted(folder: Path) -> tuple[EngineClient, Hello] | None:
    """A client of whatever engine answers for `folder`, and what it said."""
    own = places.own_socket(folder)
    for socket in (places.system_socket(folder), own):
        if not socket.exists() or (socket == own and not _is_ours(socket)):
            continue
        client = EngineClient(socket)
        try:
            return client, await client.hello()
        except EngineUnavailable:
            await client.close()
        except BaseException:
            await client.close()
            raise
    return None


def _is_ours(socket: Path) -> bool:
    """A socket in a directory that others may write to must not be somebody else's."""
    return socket.stat().st_uid == os.getuid()


async def _start(folder: Path) -> EngineClient:
    log = places.log_file(folder)
    try:
        process = await asyncio.to_thread(spawned, folder, log)
    except OSError as error:
        reason = f"no engine can be started: {log.parent}: {error.strerror}"
        raise EngineUnavailable(reason) from error
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        client = await _find(folder)
        if client is not None:
            return client
        if process.poll() is not None and process.returncode != _exit_locked():
            raise EngineUnavailable(
                f"the engine ended at once (exit status {process.returncode}): {last_words(log)}"
            )
        await asyncio.sleep(_POLL_SECONDS)
    raise EngineUnavailable(
        f"the engine did not answer within {START_SECONDS:.0f} s; its log is {log}"
    )


def _exit_locked() -> int:
    """The status of an engine that found another one starting: wait for that one's socket."""
    return os.EX_TEMPFAIL


def last_words(log: Path, lines: int = 1) -> str:
    """The last `lines` lines of an engine's log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"its log {log} cannot be read: {error}"
    return "\n".join(text.rstrip().splitlines()[-lines:]) or f"its log {log} is empty"


async def stop(folder: Path, seconds: float = 20.0) -> bool:
    """Stop the engine of `folder`, of whatever version, and wait for its end; False if none runs.

    Raises `EngineRefused` where this is not the caller's right, and `EngineUnavailable` when the
    engine has not ended after `seconds`.
    """
    found = await _greeted(Path(os.path.realpath(folder)))
    if found is None:
        return False
    client, hello = found
    try:
        await client.stop()
    except EngineUnavailable:
        return True
    finally:
        await client.close()
    deadline = time.monotonic() + seconds
    while _runs(hello.engine.pid):
        if time.monotonic() > deadline:
            raise EngineUnavailable(
                f"the engine (process {hello.engine.pid}) has not ended after {seconds:.0f} s"
            )
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _runs(pid: int) -> bool:
    if pid in started:
        return started[pid].poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


__all__ = [
    "EngineOutdated",
    "EngineRefused",
    "EngineUnavailable",
    "connect",
    "last_words",
    "stop",
]
