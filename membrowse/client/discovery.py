"""Find the engine that serves a folder, start one, or stop it."""

from __future__ import annotations

import asyncio
import getpass
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from membrowse import __version__, paths
from membrowse.client.engine import EngineClient, EngineHangs, EngineUnavailable, EngineUntrusted
from membrowse.client.launch import spawned, started
from membrowse.client.registered_services import RegisteredService, own_registered, registered
from membrowse.client.titles import title_or_path
from membrowse.shell_commands import command
from membrowse.text import shown
from membrowse.wire.codec import encode
from membrowse.wire.engine import PROTOCOL, Hello, HelloRequest, StopRequest

START_SECONDS = 30.0
"""Time for a started engine until its socket answers, which is before anything is loaded."""
_POLL_SECONDS = 0.02
_LOCKED_SECONDS = 1.0
"""An engine is started again after another one had the index, which may have ended since."""
_SERVICE_POLL_SECONDS = 0.25
_EXIT_LOCKED = os.EX_TEMPFAIL
"""Exit status of an engine that found another one, which starts or ends: wait for its socket, and
start one again."""


class EngineOutdated(EngineUnavailable):
    """An engine answers with another protocol version."""


class ServiceUnavailable(EngineUnavailable):
    """The system service of a folder does not answer; it may be restarting."""


def ignore(_message: str) -> None:
    """Discard a message."""


async def connect(
    folder: Path, *, start: bool = True, wait: bool = True, say: Callable[[str], None] = ignore
) -> EngineClient:
    """A client of the engine that serves `folder`: a system service's, else the user's own.

    With `start`, an engine is started if none runs, and `say` reports it. A service is not started
    but, with `wait`, waited for while its service manager restarts it. Raises `EngineUnavailable`,
    with the reason and what to do, if none answers.
    """
    folder = Path(os.path.realpath(folder))
    service, named = registered(folder), title_or_path(folder)
    if service is None and start and not os.access(folder, os.R_OK | os.X_OK):
        raise EngineUnavailable(f"{named} is not a readable folder")
    address = _address(folder, service)
    if (found := await _find_engine(address, say)) is not None:
        return found
    service = service or (own_registered(folder) if start else None)
    if start and service is not None and await _restarts(service):
        if wait and (found := await _restarted(address, service, say)) is not None:
            return found
        raise ServiceUnavailable(_service_unreachable(service))
    if service is not None and not service.own:
        raise ServiceUnavailable(_service_unreachable(service))
    if not start:
        index = command("index", folder)
        raise EngineUnavailable(f"no engine runs for {named}; {index} starts one")
    say(f"starting an engine for {named}")
    return await _start(folder)


async def _restarts(service: RegisteredService) -> bool:
    return service.admits and await asyncio.to_thread(lambda: service.restarts)


async def _restarted(
    address: _Address, service: RegisteredService, say: Callable[[str], None]
) -> EngineClient | None:
    """A client of the engine of `service` once its manager has restarted it; None if it fails."""
    say(f"waiting for {service.unit}, which is being restarted")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and await _restarts(service):
        await asyncio.sleep(_SERVICE_POLL_SECONDS)
        if (found := await _find_engine(address, say)) is not None:
            return found
    return None


def _service_unreachable(service: RegisteredService) -> str:
    """Why a system service cannot be reached, and what to do."""
    if not service.admits:
        return (
            f"{service.unit} answers members of the group {service.group}: "
            f"ask for `usermod -aG {service.group} {getpass.getuser()}`"
        )
    return f"{service.unit} does not answer: `membrowse service status {service.name}`"


@dataclass(frozen=True, slots=True)
class _Address:
    """Where an engine must answer, and for which folder."""

    socket: Path
    folder: Path | None
    """Its real path; None: the folder of `service`."""
    service: RegisteredService | None
    """The system service that it belongs to; None: it is the user's own."""

    def serves(self, folder: str) -> bool:
        """Whether an engine that reports `folder` is the one."""
        if self.folder is None:
            return self.service is not None and self.service.serves(folder)
        asked = msgspec.json.decode(encode(str(self.folder)))  # as a reply can contain it
        return bool(os.path.realpath(folder) == asked)


def _address(folder: Path, service: RegisteredService | None) -> _Address:
    socket = Path(service.socket) if service else paths.own_socket(folder)
    return _Address(socket, folder, service)


async def connect_to(service: RegisteredService) -> EngineClient:
    """A client of the engine of `service`, whatever its folder. Raises `EngineUnavailable`."""
    found = await _find_engine(_Address(Path(service.socket), None, service))
    if found is None:
        raise ServiceUnavailable(_service_unreachable(service))
    return found


async def _find_engine(
    address: _Address, say: Callable[[str], None] = ignore
) -> EngineClient | None:
    """A client of the engine that answers at `address`; `say` reports another version.

    Raises `EngineOutdated` if they cannot talk to each other.
    """
    found = await _greeted_engine(address)
    if found is None:
        return None
    client, hello = found
    difference = version_difference(hello)
    if hello.protocol != PROTOCOL:
        await client.close()
        raise EngineOutdated(f"{difference}; they cannot talk to each other")
    if difference:
        say(difference)
    return client


def version_difference(hello: Hello) -> str:
    """That an engine is of another version than this program, and what to do; empty if it is not.

    Different protocols count as different versions.
    """
    theirs, ours = shown(hello.engine.version), __version__
    if hello.protocol != PROTOCOL:
        theirs, ours = f"{theirs} (protocol {hello.protocol})", f"{ours} (protocol {PROTOCOL})"
    if theirs == ours:
        return ""
    folder = Path(hello.folder)
    remedy = f"run {command('engine restart', folder)}"
    if (service := registered(folder)) is not None:
        remedy = f"as root, `membrowse service upgrade {service.name}` lets it run this version"
    pid = hello.engine.pid
    return f"the engine (process {pid}) is version {theirs}, this program is {ours}: {remedy}"


async def _greeted_engine(address: _Address) -> tuple[EngineClient, Hello] | None:
    """A client of any engine that answers at `address`, and its handshake.

    Raises `EngineUntrusted` if somebody else's process answers, or an engine of another folder.
    """
    if not paths.reachable(address.socket):
        return None
    owner = _expected_owner(address.socket.parent, address.service)
    client = EngineClient(address.socket, owner, address.folder)
    try:
        hello = await client.ask(HelloRequest())
        if not address.serves(hello.folder):
            served = shown(hello.folder)
            reason = f"the engine at {address.socket} serves {served}: not connecting to it"
            raise EngineUntrusted(reason)
        return client, hello
    except (EngineHangs, EngineUntrusted):
        await client.close()
        raise
    except EngineUnavailable:
        await client.close()
        return None
    except BaseException:
        await client.close()
        raise


def _expected_owner(directory: Path, service: RegisteredService | None) -> int:
    """The user whose process must answer at a socket in `directory`: the service's, or this one.

    Nobody else may be able to put a socket there. Raises `EngineUntrusted`.
    """
    found, owner = directory.stat(), service.uid if service else os.getuid()
    if owner is None:
        raise EngineUntrusted(f"the user of {directory} is gone: its engine is not trusted")
    if found.st_mode & 0o022:
        raise EngineUntrusted(f"{directory} is writable by other users: its engine is not trusted")
    if found.st_uid != owner:
        reason = f"belongs to user {found.st_uid} instead of {owner}"
        raise EngineUntrusted(f"{directory} {reason}: its engine is not trusted")
    return owner


async def _start(folder: Path) -> EngineClient:
    log = paths.log_file(folder)
    process = await _spawned(folder, log)
    began = time.monotonic()
    deadline, again = began + START_SECONDS, began + _LOCKED_SECONDS
    while time.monotonic() < deadline:
        client = await _find_engine(_address(folder, None))
        if client is not None:
            return client
        if process.poll() is not None and process.returncode != _EXIT_LOCKED:
            raise EngineUnavailable(
                f"the engine ended at once (exit status {process.returncode}): {last_words(log)}"
            )
        if process.poll() is not None and time.monotonic() > again:
            process, again = await _spawned(folder, log), time.monotonic() + _LOCKED_SECONDS
        await asyncio.sleep(_POLL_SECONDS)
    raise EngineUnavailable(
        f"the engine did not answer within {START_SECONDS:.0f} s; its log is {log}"
    )


async def _spawned(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    try:
        return await asyncio.to_thread(spawned, folder, log)
    except OSError as error:
        reason = f"no engine can be started: {log.parent}: {error.strerror}"
        raise EngineUnavailable(reason) from error


def last_words(log: Path, lines: int = 1) -> str:
    """The last `lines` lines of an engine's log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"its log {log} cannot be read: {error}"
    return "\n".join(text.rstrip().splitlines()[-lines:]) or f"its log {log} is empty"


async def stop(folder: Path, seconds: float = 20.0) -> bool:
    """Stop the engine of `folder`, of any version, and wait until it ends; False if none runs.

    Raises `EngineRefused` if the caller lacks the right, and `EngineUnavailable` if the engine has
    not ended after `seconds`.
    """
    folder = Path(os.path.realpath(folder))
    found = await _greeted_engine(_address(folder, registered(folder)))
    if found is None:
        return False
    client, hello = found
    try:
        await client.ask(StopRequest())
    except EngineUnavailable:
        return True
    finally:
        await client.close()
    deadline = time.monotonic() + seconds
    while _process_runs(hello.engine.pid):
        if time.monotonic() > deadline:
            raise EngineUnavailable(
                f"the engine (process {hello.engine.pid}) has not ended after {seconds:.0f} s"
            )
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _process_runs(pid: int) -> bool:
    """Whether a process is there and has not ended; one that its parent has not reaped has."""
    if pid in started:
        return started[pid].poll() is None
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
