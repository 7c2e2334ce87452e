"""An engine under a service manager: readiness, watchdog, reload, rights, and metrics."""

from __future__ import annotations

import asyncio
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from membrowse import paths
from membrowse.client import discovery, registered_services, supervisor
from membrowse.client.engine import EngineClient, EngineHangs, EngineRefused, EngineUnavailable
from membrowse.client.registered_services import RegisteredService, own_directory
from membrowse.client.supervisor import Connected, Lost, Starting, Supervisor
from membrowse.credentials import user_name
from membrowse.engine.health.index_checks import _store_counts
from membrowse.engine.http.peers import Peer, Rights
from membrowse.engine.service_manager import ServiceManager, status_line
from membrowse.engine.state import unopened_state
from membrowse.settings import Settings
from membrowse.wire.engine import HelloRequest, MetricsFormat, MetricsRequest, PurgeRequest, Right
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.health import HealthRequest, StoreCheck
from membrowse.wire.pins import AddPinRequest
from membrowse.wire.search import Target
from tests.engine.conftest import FOOD, PORTS, ask, current, until
from tests.waiting import DEADLINE_SECONDS

SERVICE = "notes"
SERVICE_PAGE = Path(__file__).parents[2] / "assets" / "docs" / "service.md"


class Manager:
    """A service manager: it listens for notifications and starts the engine."""

    def __init__(self, base: Path, folder: Path, settings: Path) -> None:
        self._base, self._folder = base, folder
        self.settings = settings
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(base / "notify"))
        self._messages: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        runtime = self._base / "run"
        runtime.mkdir(mode=0o750, exist_ok=True)
        environment = os.environ | {
            "NOTIFY_SOCKET": str(self._base / "notify"),
            "WATCHDOG_USEC": "400000",
            "RUNTIME_DIRECTORY": str(runtime),
        }
        command = [sys.executable, "-P", "-m", "membrowse", "serve", str(self._folder)]
        command += options
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def _listen(self) -> None:
        while data := self._socket.recv(4096):
            lines = data.decode().splitlines()
            self._messages.put(dict(line.split("=", 1) for line in lines))

    def told(self, wanted: str) -> dict[str, str]:
        """The next notification that has `wanted`."""
        while True:
            message = self._messages.get(timeout=DEADLINE_SECONDS)
            if wanted in message:
                return message

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(DEADLINE_SECONDS)
        self._socket.shutdown(socket.SHUT_RD)
        self._listener.join()
        self._socket.close()

    @property
    def engine(self) -> subprocess.Popen[bytes]:
        assert self.process is not None
        return self.process


@pytest.fixture
def registry(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry in which `folder` is a service's, run by this user."""
    directory = tmp_path / "services"
    directory.mkdir(mode=0o755)
    monkeypatch.setenv("MEMBROWSE_SERVICES_DIR", str(directory))
    service = RegisteredService(
        name=SERVICE,
        key=paths.folder_key(folder),
        user=subprocess.check_output(["id", "-un"], text=True).strip(),
        group=subprocess.check_output(["id", "-gn"], text=True).strip(),
        socket=str(tmp_path / "run" / paths.SERVICE_SOCKET),
    )
    (directory / f"{SERVICE}.json").write_bytes(msgspec.json.encode(service))
    return directory


@contextmanager
def managed(base: Path, folder: Path) -> Iterator[Manager]:
    manager = Manager(base, folder, paths.config_file())
    try:
        yield manager
    finally:
        manager.stop()


@asynccontextmanager
async def client(folder: Path) -> AsyncIterator[EngineClient]:
    engine = await discovery.connect(folder, start=False)
    try:
        yield engine
    finally:
        await engine.close()


@pytest.mark.usefixtures("registry")
async def test_a_service_reports_ready_feeds_its_watchdog_and_stops(
    tmp_path: Path, folder: Path
) -> None:
    with managed(tmp_path, folder) as manager:
        manager.start()
        assert "STATUS" in await asyncio.to_thread(manager.told, "READY")
        await asyncio.to_thread(manager.told, "WATCHDOG")
        async with client(folder) as engine:
            await until(engine, current)
            assert (await ask(engine, "ssh")).rankings["keyword"].total == 1
            assert (await engine.ask(HelloRequest())).engine.pid == manager.engine.pid
        assert not paths.own_socket(folder).exists()
        manager.engine.terminate()
        await asyncio.to_thread(manager.told, "STOPPING")
        assert await asyncio.to_thread(manager.engine.wait, DEADLINE_SECONDS) == 0


@pytest.mark.usefixtures("registry")
async def test_hangup_reloads_the_settings_in_the_same_process(
    tmp_path: Path, folder: Path
) -> None:
    with managed(tmp_path, folder) as manager:
        manager.start()
        await asyncio.to_thread(manager.told, "READY")
        manager.settings.parent.mkdir(parents=True, exist_ok=True)
        manager.settings.write_text("[agent]\nk = 9\n")
        manager.engine.send_signal(signal.SIGHUP)
        await asyncio.to_thread(manager.told, "RELOADING")
        await asyncio.to_thread(manager.told, "READY")
        async with client(folder) as engine:
            assert (await until(engine, lambda state: state.agent_k == 9)).agent_k == 9
        manager.settings.write_text("[agent]\nnot_a_key = 9\n")
        manager.engine.send_signal(signal.SIGHUP)
        log = paths.log_file(folder)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while "the settings are not reloaded" not in log.read_text():
                await asyncio.sleep(0.05)
        async with client(folder) as engine:
            assert (await until(engine, current)).agent_k == 9
            (reason,) = (await engine.ask(HealthRequest())).reasons
            assert "prevent the next start" in reason and "not_a_key" in reason


class Systemctl:
    """Stands in for systemctl, which reports `state` of every unit."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._state = directory / "state"
        program = directory / "systemctl"
        directory.mkdir()
        program.write_text(f"#!/bin/sh\ncat {self._state}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")

    def reports(self, state: str) -> None:
        self._state.write_text(state)


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    return Systemctl(tmp_path / "bin", monkeypatch)


@pytest.mark.usefixtures("registry")
async def test_clients_wait_while_the_service_restarts(
    tmp_path: Path, folder: Path, systemctl: Systemctl
) -> None:
    systemctl.reports("activating")
    said: list[str] = []
    with managed(tmp_path, folder) as manager:
        waiting = asyncio.create_task(discovery.connect(folder, say=said.append))
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not said:
                await asyncio.sleep(0.01)
        manager.start()
        engine = await waiting
        assert (await engine.ask(HelloRequest())).engine.pid == manager.engine.pid
        await engine.close()
    assert said == [f"waiting for membrowse@{SERVICE}.service, which is being restarted"]
    systemctl.reports("failed")
    with pytest.raises(EngineUnavailable, match="membrowse service status notes"):
        await discovery.connect(folder)


async def test_a_users_own_service_is_waited_for_too(
    tmp_path: Path, folder: Path, systemctl: Systemctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_SERVICES_DIR", "")
    systemctl.reports("activating")
    service = RegisteredService(
        name=SERVICE,
        key=paths.folder_key(folder),
        user=user_name(os.getuid()),
        group="",
        socket=str(paths.own_socket(folder)),
        own=True,
    )
    paths.replace_file(own_directory() / f"{SERVICE}.json", msgspec.json.encode(service))
    monkeypatch.setattr(discovery, "START_SECONDS", 0.5)
    with pytest.raises(EngineUnavailable, match="membrowse service status notes"):
        await discovery.connect(folder)
    assert not paths.index_dir(folder).exists()


@pytest.mark.usefixtures("registry")
async def test_no_private_engine_starts_beside_a_service(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(EngineUnavailable, match="membrowse service status notes"):
        await discovery.connect(folder)
    assert not paths.index_dir(folder).exists()
    with managed(tmp_path, folder) as manager:
        sessions = Supervisor(folder).sessions()
        async for session in sessions:
            if isinstance(session, Lost) and manager.process is None:
                manager.start()
            if isinstance(session, Connected):
                assert session.hello.engine.pid == manager.engine.pid
                break
        await sessions.aclose()


@pytest.mark.usefixtures("registry")
async def test_a_browser_never_gives_up_on_a_service(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> None:
        raise EngineHangs("the engine has not answered for 5 s")

    monkeypatch.setattr(discovery, "connect", hang)
    monkeypatch.setattr(supervisor, "_SERVICE_RETRY_SECONDS", 0.0)
    seen: list[supervisor.Session] = []
    async with asyncio.timeout(DEADLINE_SECONDS), aclosing(Supervisor(folder).sessions()) as told:
        async for session in told:
            seen.append(session)
            if len(seen) == 4 * supervisor.DEATHS_ALLOWED:
                break
    assert {type(session) for session in seen} == {Starting, Lost}


async def test_a_service_waits_for_a_folder_that_is_not_there_yet(
    tmp_path: Path, folder: Path, registry: Path
) -> None:
    away = tmp_path / "away"
    folder.rename(away)
    with managed(tmp_path, folder) as manager:
        manager.start()
        assert (await asyncio.to_thread(manager.told, "READY"))["STATUS"].startswith("waiting")
        away.rename(folder)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                try:
                    async with client(folder) as engine:
                        await until(engine, lambda state: state.notes == 2)
                    break
                except EngineUnavailable:
                    await asyncio.sleep(0.1)


@pytest.mark.usefixtures("registry")
async def test_metrics_and_health_hold_no_text(tmp_path: Path, folder: Path) -> None:
    with managed(tmp_path, folder) as manager:
        manager.start()
        await asyncio.to_thread(manager.told, "READY")
        async with client(folder) as engine:
            await until(engine, current)
            await ask(engine, "bastion")
            await ask(engine, "nosuchword")
            text = (await engine.ask(MetricsRequest())).text
            health = await engine.ask(HealthRequest())
            collected = await engine.ask(MetricsRequest(text_format=MetricsFormat.PROMETHEUS))
        assert 'membrowse_notes{service="membrowse",state="indexed"} 2.0' in text
        samples = re.findall(r"^\w+(?:\{(.*)\})? ", text, re.M)
        assert samples and all('service="membrowse"' in labels for labels in samples)
        documented = set(re.findall(r"^\| `(membrowse_\w+)` \|", SERVICE_PAGE.read_text(), re.M))
        told = set(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
        suffixes = {"counter": "_total", "info": "_info"}
        assert re.search(
            r'membrowse_watcher\{kind="(inotify|fsevents|polling)",service="membrowse"\} 1.0', text
        )
        assert 'membrowse_watcher_restarts_total{service="membrowse"} 0.0' in text
        assert {name + suffixes.get(kind, "") for name, kind in told} == documented
        assert 'membrowse_search_seconds_count{ranking="keyword",service="membrowse"} 2.0' in text
        types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", collected.text, re.M))
        assert set(types) == documented and set(types.values()) <= {"counter", "gauge", "histogram"}
        assert text.endswith("# EOF\n")
        assert not any(word in text for word in ("bastion", "nosuchword", "ports", str(folder)))
        assert health.ready and not health.reasons
        http = subprocess.run(
            [
                "curl",
                "-s",
                "--unix-socket",
                str(tmp_path / "run" / "engine.sock"),
                "http://x/health",
            ],
            capture_output=True,
            check=False,
        )
        if http.returncode == 0:
            assert msgspec.json.decode(http.stdout)["ready"] is True


@pytest.mark.usefixtures("registry")
async def test_the_log_of_a_session_holds_no_word_of_notes_and_queries(
    tmp_path: Path, folder: Path
) -> None:
    """Indexing, searching, failing and refusing: whatever a person wrote stays out of the log."""
    with managed(tmp_path, folder) as manager:
        manager.start("--log-format", "json")
        await asyncio.to_thread(manager.told, "READY")
        async with client(folder) as engine:
            await until(engine, current)
            for text in ("bastion", "nosuchword", '"unclosed phrase', "\ud800 surrogate"):
                with suppress(EngineRefused, UnicodeError):
                    await ask(engine, text)
            target = Target(text="soup on rainy")
            await engine.ask(ExplainRequest(text="bastion soup", target=target))
            await engine.ask(AddPinRequest(text="porridge", target=target))
            await engine.ask(PurgeRequest(text="maintainer"))
            (folder / "food.md").write_text("# Food\n\nPorridge on sunny days.\n")
            (folder / "bad.md").write_bytes(b"\xff\xfe\x00broken\x00" * 9)
            await until(engine, lambda state: state.generation > 1 and current(state))
    log = paths.log_file(folder).read_text()
    events = [msgspec.json.decode(line) for line in log.splitlines()]
    assert {"at", "level", "logger", "message"} <= set.intersection(*map(set, events))
    assert any(event["level"] == "info" and "generation" in event["message"] for event in events)
    written = " ".join(PORTS.split() + FOOD.split()) + " nosuchword unclosed rainy porridge sunny"
    words = {word.lower() for word in re.findall(r"[A-Za-z]{5,}", written)}
    logged = set(re.findall(r"[a-z]{5,}", log.lower()))
    assert not words & logged


def test_without_a_service_manager_notifications_are_dropped() -> None:
    manager = ServiceManager({})
    manager.ready("nobody listens")
    assert not manager.present and manager.watchdog_seconds == 0


def test_one_note_is_no_notes() -> None:
    state = unopened_state(Path("/srv"), Settings())
    state = msgspec.structs.replace(
        state, notes=1, chunks=1, generation=3, reading=False, progress=None
    )
    assert status_line(state) == "1 note, 1 chunk, generation 3"
    report = StoreCheck(generation=3, notes=1, chunks=1, longest_chunk=1, window=256)
    assert "generation 3, 1 note, 1 chunk" in _store_counts(report, Path("/srv")).detail


def test_a_watchdog_that_watches_another_process_is_not_ours() -> None:
    assert ServiceManager({"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}).watchdog_seconds == 0
    assert ServiceManager({"WATCHDOG_USEC": "5000000"}).watchdog_seconds == 5


def test_a_registration_that_others_could_write_is_ignored(registry: Path, folder: Path) -> None:
    file = registry / f"{SERVICE}.json"
    assert registered_services.registered(folder) is not None
    file.chmod(0o666)
    assert registered_services.registered(folder) is None
    file.chmod(0o644)
    registry.chmod(0o777)
    assert registered_services.registered(folder) is None
    registry.chmod(0o755)
    file.rename(registry / "elsewhere")
    file.symlink_to(registry / "elsewhere")
    assert registered_services.registered(folder) is None


def test_an_empty_registry_ignores_services_and_never_means_here(
    registry: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(registry)
    for value in ("", ".", "services"):
        monkeypatch.setenv("MEMBROWSE_SERVICES_DIR", value)
        assert registered_services.registered(folder) is None


def test_rights_follow_from_who_asks() -> None:
    mine, other = Peer(os.getuid()), Peer(65_534)
    assert Right.ADMINISTER in Rights().of(mine)
    assert Rights().of(other) == (Right.READ,)
    group = subprocess.check_output(["id", "-gn", "nobody"], text=True).strip()
    assert Rights(group).of(other) == (Right.READ, Right.REINDEX)
    assert Rights("no-such-group").of(other) == (Right.READ,)
    assert "members of the group" in Rights(group).holders(Right.REINDEX)
    assert "members of the group" not in Rights(group).holders(Right.ADMINISTER)
