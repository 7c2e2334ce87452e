"""Other users of the machine: what they leave is not trusted, and their services do not disturb.

Root plays two users; anybody else runs what needs one, with injected credentials.
"""

from __future__ import annotations

import asyncio
import grp
import importlib.util
import os
import pickle
import re
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar, cast

import anyio
import httpx
import pytest

from membrowse import __version__, paths
from membrowse.client import discovery
from membrowse.client import engine as client_engine
from membrowse.client.engine import EngineUnavailable, EngineUntrusted
from membrowse.client.registered_services import RegisteredService, registered
from membrowse.credentials import user_name
from membrowse.deployment.health import State, examine
from membrowse.engine.http.listener import bind
from membrowse.wire.codec import encode
from membrowse.wire.engine import PROTOCOL, EngineInfo, Hello, Right
from tests.engine.conftest import ask, current, engine_here, serving, until

T = TypeVar("T")
NOBODY = 65534
two_users = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play two users")
_PRELOADED = (httpx, anyio)  # before the user changes, who may not read the installation
if importlib.util.find_spec("sniffio") is None:
    # httpcore looks for it at every request. While it does, its import is locked, and a process
    # that is forked at that moment would wait for ever to look for it, too.
    sys.modules["sniffio"] = cast(ModuleType, None)


def as_nobody(function: Callable[[], T], group: int = NOBODY) -> T:
    """The result of `function` in a process of another user, in one group only."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(NOBODY)
            result: object = function()
        except BaseException as error:
            result = RuntimeError(f"{type(error).__name__}: {error}")
        with os.fdopen(writer, "wb") as stream:
            pickle.dump(result, stream)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        result = pickle.load(stream)  # noqa: S301 (from our own child)
    os.waitpid(child, 0)
    if isinstance(result, RuntimeError):
        raise result
    return result  # type: ignore[return-value]


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A directory that other users can enter, and write to as to `/tmp`."""
    path = Path(tempfile.mkdtemp(prefix="mb-"))
    path.chmod(0o1777)
    yield path
    shutil.rmtree(path)


ENGINE = EngineInfo(pid=1, user="x", since="", version="0")


class Impostor:
    """Answers every request at a socket as an engine of `folder`, and keeps what it was sent."""

    def __init__(self, path: Path, folder: Path) -> None:
        body = encode(
            Hello(protocol=PROTOCOL, folder=str(folder), rights=(Right.READ,), engine=ENGINE)
        )
        self._reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        self.received = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)  # ends the wait for a connection
        self._thread.join()
        self.socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.received += connection.recv(65536)
            connection.sendall(self._reply)
            connection.close()


def found(folder: Path) -> str:
    """What connecting to an engine of `folder` ends with, without starting one."""

    async def connected() -> str:
        client = await discovery.connect(folder, start=False)
        await client.close()
        return "connected"

    try:
        return asyncio.run(connected())
    except EngineUnavailable as error:
        return f"{type(error).__name__}: {error}"


def register(base: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Register a service of this user for `folder`; its socket, in `base`/run."""
    registry, run = base / "services", base / "run"
    registry.mkdir(mode=0o755)
    run.mkdir(mode=0o750)
    service = RegisteredService(
        name="notes",
        key=paths.folder_key(folder),
        user=user_name(os.getuid()),
        group=grp.getgrgid(os.getgid()).gr_name,
        socket=str(run / paths.SERVICE_SOCKET),
    )
    (registry / "notes.json").write_bytes(encode(service))
    (registry / "notes.json").chmod(0o644)
    monkeypatch.setenv("MEMBROWSE_SERVICES_DIR", str(registry))
    return Path(service.socket)


@two_users
def test_a_service_that_is_closed_to_me_leaves_my_own_folders_alone(
    shared: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_HOME", str(shared / "home"))
    notes, served = shared / "notes", shared / "served"
    notes.mkdir()
    served.mkdir()
    socket_ = register(shared, served, monkeypatch)
    for mode in (0o700, 0o750, 0o711):
        listener = bind(socket_)
        socket_.parent.chmod(mode)
        try:
            assert as_nobody(lambda: found(notes)).startswith("EngineUnavailable: no engine runs")
            assert "ask for `usermod -aG" in as_nobody(lambda: found(served))
        finally:
            listener.close()


@two_users
async def test_a_member_reads_and_learns_how_the_service_is(
    shared: Path, folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(folder) as client:
        await until(client, current)
        socket_ = register(shared, folder, monkeypatch)
        own = paths.own_socket(folder)
        socket_.hardlink_to(own)
        own.chmod(0o666)
        socket_.parent.chmod(0o711)
        monkeypatch.setenv("MEMBROWSE_HOME", str(shared / "theirs"))
        service = registered(folder)
        assert service is not None
        health = await asyncio.to_thread(as_nobody, lambda: asyncio.run(examine(service)))
        monkeypatch.setenv("MEMBROWSE_HOME", str(home))
        monkeypatch.setenv("MEMBROWSE_SERVICES_DIR", "")
    assert (health.state, health.live, health.notes) == (State.GOOD, True, 2), health.reasons


@two_users
async def test_the_groups_of_the_process_decide_and_not_the_user_database(
    shared: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who has left the group keeps it until she logs out, and one who has joined it
    lacks it until she logs in again: what the kernel says of the process counts."""
    monkeypatch.setenv("MEMBROWSE_HOME", str(shared))

    def rights(address: Path) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(address))
            connection.sendall(b"POST /hello HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    in_database = grp.getgrgid(NOBODY)
    other = next(
        each for each in grp.getgrall() if each.gr_gid not in (0, NOBODY) and not each.gr_mem
    )
    for operators, operates in ((other, True), (in_database, False)):
        async with engine_here(folder, operators.gr_name) as address:
            address.chmod(0o666)
            address.parent.chmod(0o755)
            said = await asyncio.to_thread(as_nobody, lambda: rights(address), other.gr_gid)
        assert '"read"' in said and ('"reindex"' in said) is operates, operators.gr_name


def test_only_a_group_can_reach_the_socket_that_is_bound_for_it(tmp_path: Path) -> None:
    path = tmp_path / "run" / paths.SERVICE_SOCKET
    listener = bind(path, grp.getgrgid(os.getgid()).gr_name)
    try:
        assert path.parent.stat().st_mode & 0o777 == 0o750
        assert path.stat().st_mode & 0o777 == 0o660
    finally:
        listener.close()


def test_an_engine_of_another_folder_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impostor = Impostor(register(tmp_path, folder, monkeypatch), tmp_path)
    assert f"serves {tmp_path}: not connecting to it" in found(folder)
    assert b"/hello" in impostor.received
    impostor.close()


async def test_an_engine_of_another_version_says_so_and_what_to_do(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(folder):
        with monkeypatch.context() as patch:
            said: list[str] = []
            patch.setattr(discovery, "__version__", "99.1")
            client = await discovery.connect(folder, say=said.append)
            await client.close()
            assert [re.sub(r"process \d+", "process", each) for each in said] == [
                f"the engine (process) is version {__version__}, this program is 99.1: "
                "run `membrowse engine restart`"
            ]
            patch.setattr(discovery, "PROTOCOL", PROTOCOL + 1)
            with pytest.raises(discovery.EngineOutdated, match="they cannot talk to each other"):
                await discovery.connect(folder)
    impostor = Impostor(register(tmp_path, folder, monkeypatch), folder)
    hello = Hello(protocol=PROTOCOL, folder=str(folder), rights=(), engine=ENGINE)
    assert "`membrowse service upgrade notes`" in discovery.version_difference(hello)
    impostor.close()


async def test_a_process_of_another_user_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(folder) as client:
        with monkeypatch.context() as patch:
            patch.setattr(client_engine, "peer_uid", lambda _: os.getuid() + 1)
            with pytest.raises(EngineUntrusted, match=f"runs as user {os.getuid() + 1}"):
                await ask(client, "a secret question")
            with pytest.raises(EngineUntrusted, match="not connecting to it"):
                await discovery.connect(folder)


@pytest.mark.parametrize("system", [True, False])
def test_a_socket_in_a_directory_that_others_can_write_to_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: bool
) -> None:
    path = register(tmp_path, folder, monkeypatch) if system else paths.own_socket(folder)
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o777)
    impostor = Impostor(path, folder)
    assert "is writable by other users" in found(folder)
    assert impostor.received == b""
    impostor.close()


@two_users
def test_a_stranger_who_makes_the_directory_first_gets_no_query(
    shared: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    monkeypatch.setenv("MEMBROWSE_HOME", str(shared / ("deep" * 30)))
    path = paths.own_socket(folder)
    assert path.parent.parent == shared

    def squat() -> None:
        path.parent.mkdir(mode=0o777)
        path.parent.chmod(0o755)
        squatted = socket.socket(socket.AF_UNIX)
        squatted.bind(str(path))

    as_nobody(squat)
    assert f"belongs to user {NOBODY} instead of {os.getuid()}: its engine is not trusted" in found(
        folder
    )
    with pytest.raises(paths.Untrusted, match=f"belongs to user {NOBODY}"):
        bind(path)


@two_users
@pytest.mark.parametrize("planted", ["directory", "link"])
def test_nothing_is_written_to_an_index_that_a_stranger_made(
    shared: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    monkeypatch.setenv("MEMBROWSE_INDEX_DIR", str(shared))
    mine = shared / "mine"
    mine.mkdir(mode=0o700)
    (mine / "lock").write_text("thesis")
    index = paths.index_dir(folder)

    def plant() -> None:
        if planted == "link":
            index.symlink_to(mine)
        else:
            index.mkdir(mode=0o777)
            (index / "lock").symlink_to(mine / "lock")
            (index / "engine.log").symlink_to(mine / "lock")

    as_nobody(plant)
    with pytest.raises(EngineUnavailable, match="no engine can be started: .*user 65534"):
        asyncio.run(discovery.connect(folder))
    assert (mine / "lock").read_text() == "thesis"
    assert [path.name for path in mine.iterdir()] == ["lock"]


@pytest.mark.parametrize("name", ["engine.log", "lock", "manifest.sqlite", "keyword", "chroma"])
def test_no_file_of_an_index_is_written_through_a_link(
    folder: Path, tmp_path: Path, name: str
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("thesis")
    index = paths.private(paths.index_dir(folder))
    target = victim if name in ("keyword", "chroma") else victim / "file"
    (index / name).symlink_to(target)
    with pytest.raises(EngineUnavailable, match="it is a link"):
        asyncio.run(discovery.connect(folder))
    assert [(path.name, path.read_text()) for path in victim.iterdir()] == [("file", "thesis")]


@pytest.mark.parametrize("squatter", ["other", "open"])
def test_a_squatted_runtime_directory_is_passed_over(
    shared: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, squatter: str
) -> None:
    runtime, state = shared / "runtime", shared / "state"
    runtime.mkdir(mode=0o700)
    monkeypatch.delenv("MEMBROWSE_HOME")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    assert paths.own_socket(folder).parent == runtime / "membrowse"
    if squatter == "open":
        runtime.chmod(0o777)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert runtime not in paths.own_socket(folder).parents
