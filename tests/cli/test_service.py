"""`membrowse service`: what it would do, and what it refuses to do."""

from __future__ import annotations

import json
import os
import plistlib
import re
import shutil
import subprocess
import textwrap
import time
from itertools import takewhile
from pathlib import Path

import msgspec
import pytest
import yaml

from membrowse import interpreter, paths
from membrowse.client.registered_services import RegisteredService, own_directory
from membrowse.deployment import access, acl, launchd, steps
from membrowse.deployment.accounts import Accounts
from membrowse.deployment.health import ServiceHealth, State, state_of
from membrowse.deployment.service import ServicePlan
from membrowse.engine import clock
from membrowse.engine.health.condition import engine_health, overdue
from membrowse.engine.state import unopened_state
from membrowse.settings import Settings
from membrowse.wire.codec import encode
from membrowse.wire.engine import EncoderState, Pending, Watcher
from membrowse.wire.health import EngineHealth
from membrowse.wire.search import RankingState
from tests.cli.conftest import Program

MONITORING = Path(__file__).parents[2] / "assets" / "monitoring"


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    folder = tmp_path / "My Memory"
    folder.mkdir()
    return folder


@pytest.fixture
def registered(tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "services"
    directory.mkdir(mode=0o755)
    monkeypatch.setenv("MEMBROWSE_SERVICES_DIR", str(directory))
    for name in ("memory", "other"):
        service = RegisteredService(
            name=name,
            key=paths.folder_key(memory if name == "memory" else Path("/srv/other")),
            user="root",
            group="root",
            socket=str(tmp_path / name / "engine.sock"),
        )
        (directory / f"{name}.json").write_bytes(encode(service))
    return directory


def test_a_dry_run_prints_every_file_and_command(
    program: Program, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "check_program", lambda *_: None)
    ran = program("service", "install", str(memory), "--grant-read", "--dry-run")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert "# write /etc/systemd/system/membrowse@.service" in lines
    assert "# write /etc/systemd/system/membrowse@my-memory.service.d/folder.conf" in lines
    assert "# write /etc/membrowse/services/my-memory.json" in lines
    named = "# write /etc/membrowse/services/my-memory.env, which only its owner can read"
    assert lines[lines.index(named) + 1] == f'    MEMBROWSE_FOLDER="{memory}"'
    assert f"setfacl -R -m u:membrowse-my-memory:rX '{memory}'" in lines
    assert lines[-2:] == [
        "systemctl enable membrowse@my-memory.service",
        "systemctl restart membrowse@my-memory.service",  # a service that runs may be changed
    ]
    assert list(memory.iterdir()) == []


def test_without_root_it_says_what_to_do(
    program: Program, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ran = program("service", "install", str(memory))
    assert (ran.status, ran.out) == (2, "")
    assert "this needs root; --dry-run shows what it would do" in ran.err


def commands_of(out: str) -> list[str]:
    """The printed steps that are commands."""
    return [line for line in out.splitlines() if not line.startswith(("#", " "))]


def test_a_launch_daemon_is_installed(
    program: Program, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launchd, "_free_number", lambda: 417)
    arguments = (str(memory), "--platform", "macos", "--name", "m", "--grant-read")
    ran = program("service", "install", *arguments, "--operators", "no-such-group")
    assert ran.status == 0
    commands, daemon = commands_of(ran.out), "/Library/LaunchDaemons/membrowse.m.plist"
    assert commands[-3:] == [
        "launchctl bootout system/membrowse.m || true",
        "launchctl enable system/membrowse.m",
        f"launchctl bootstrap system {daemon}",
    ]
    assert commands[:2] == [
        "dseditgroup -o create -i 417 membrowse-m",
        "dscl . -create /Users/membrowse-m UniqueID 417",
    ]
    assert "dseditgroup -o edit -a membrowse-m -t user no-such-group" in commands
    (grant,) = (line for line in commands if line.startswith("chmod -R +a"))
    assert grant.startswith("chmod -R +a 'user:membrowse-m allow read,") and str(memory) in grant
    assert not Path("/Library/LaunchDaemons").exists()
    _, _, after = ran.out.partition(f"# write {daemon}, which only its owner can read\n")
    written = takewhile(lambda line: line.startswith("    "), after.splitlines())
    content = plistlib.loads(textwrap.dedent("\n".join(written)).encode())
    assert content["ProgramArguments"][3:5] == ["membrowse", "serve"]
    assert (content["Label"], content["UserName"]) == ("membrowse.m", "membrowse-m")
    variables, place = content["EnvironmentVariables"], "/usr/local/var/membrowse/m"
    assert variables["MEMBROWSE_FOLDER"] == str(memory)
    for name in ("STATE", "CACHE", "LOGS", "RUNTIME"):
        directory = variables[f"{name}_DIRECTORY"]
        made = [line for line in commands if line.startswith("install -d -o membrowse-m -g ")]
        assert directory.startswith(place) and any(line.endswith(directory) for line in made)
    assert f'"socket": "{place}/run/engine.sock"' in ran.out


@pytest.mark.usefixtures("registered")
def test_a_launch_daemon_is_restarted_read_and_removed(
    program: Program, memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launchd, "DAEMONS", tmp_path)
    plan = ServicePlan(name="memory", folder=memory, user="root", group="root")
    launchd.file("memory").write_text(launchd.plist(plan))
    macos = ("memory", "--platform", "macos")
    assert commands_of(program("service", "restart", *macos).out) == [
        "launchctl kickstart -k system/membrowse.memory"
    ]
    log = "/usr/local/var/membrowse/memory/logs/engine.log"
    assert commands_of(program("service", "logs", *macos, "-n", "7", "-F").out) == [
        f"tail -n 7 -F {log}"
    ]
    monkeypatch.setattr(steps, "own_accounts", lambda _: Accounts("membrowse-memory", ("ops",)))
    removal = commands_of(program("service", "uninstall", *macos).out)
    assert removal[0] == "launchctl bootout system/membrowse.memory || true"
    assert any(line.startswith("chmod -R -a") and str(memory) in line for line in removal)
    assert removal[-4:] == [
        "rm -rf /usr/local/var/membrowse/memory /etc/membrowse/memory",
        "dscl . -delete /Users/membrowse-memory",
        "dseditgroup -o delete membrowse-memory",
        "dseditgroup -o delete ops",
    ]
    kept = commands_of(program("service", "uninstall", *macos, "--keep-index").out)
    assert not [line for line in kept if line.startswith(("rm", "dscl", "dseditgroup"))]
    assert launchd.file("memory").exists(), "another platform's service is only shown"


def test_a_user_unit_needs_no_user_of_its_own(program: Program, memory: Path) -> None:
    ran = program("service", "install", str(memory), "--user-unit", "--dry-run")
    assert "systemctl --user restart membrowse@my-memory.service" in ran.out
    assert "User=" not in ran.out and "sysusers" not in ran.out


def test_a_service_of_the_users_own_has_a_status_like_any_other(
    program: Program, memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = tmp_path / "called"
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> {called}\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{systemctl.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MEMBROWSE_SERVICES_DIR", "")
    unit = "membrowse@my-memory.service"
    assert program("service", "install", str(memory), "--user-unit").status == 0
    drop_in = tmp_path / "config" / "systemd" / "user" / f"{unit}.d" / "folder.conf"
    environment = own_directory() / "my-memory.env"
    assert f"EnvironmentFile={environment}\n" in drop_in.read_text()
    assert environment.read_text() == f'{interpreter.FOLDER}="{memory}"\n'
    assert environment.stat().st_mode & 0o777 == 0o600

    ran = program("service", "status", "--json")
    report = json.loads(ran.out)
    assert ran.status == 2
    assert (report["service"], report["state"]) == ("my-memory", "down")
    assert f"{unit} does not answer: `membrowse service logs my-memory`" in report["reasons"][0]

    assert program("service", "restart").status == 0
    assert program("service", "uninstall", "my-memory").status == 0
    assert called.read_text().splitlines() == [
        "--user daemon-reload",
        f"--user enable {unit}",
        f"--user restart {unit}",
        f"--user restart {unit}",
        f"--user disable --now {unit}",
        "--user daemon-reload",
    ]
    assert not drop_in.parent.exists() and not list(tmp_path.glob("config/systemd/user/*"))
    assert "there are: none" in program("service", "status").err


def test_the_unit_alone_is_printed(program: Program, memory: Path) -> None:
    ran = program("service", "unit", str(memory), "--name", "m", "--operators", "admins")
    assert "NoNewPrivileges=yes" in ran.out and '"--operators" "admins"' in ran.out


def test_a_bad_name_is_refused(program: Program, memory: Path) -> None:
    ran = program("service", "unit", str(memory), "--name", "../etc")
    assert ran.status == 2 and "cannot name a service" in ran.err


@pytest.mark.usefixtures("registered")
def test_which_service_is_asked_for_if_there_are_several(program: Program) -> None:
    ran = program("service", "status")
    assert ran.status == 2 and "which service? there are: memory, other" in ran.err
    ran = program("service", "status", "nosuch")
    assert ran.status == 2 and "no service is called nosuch; there are: memory, other" in ran.err


@pytest.mark.usefixtures("registered")
def test_a_service_that_does_not_answer_is_down(program: Program) -> None:
    ran = program("service", "status", "memory", "--json")
    report = json.loads(ran.out)
    assert ran.status == 2
    assert (report["state"], report["live"], report["ready"]) == ("down", False, False)
    assert (
        "membrowse@memory.service does not answer: `membrowse service logs" in report["reasons"][0]
    )


def test_uninstalling_takes_back_what_the_users_number_could_inherit(
    program: Program, memory: Path, registered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revocation = steps.Run(("setfacl", "-R", "-x", "u:root,m", str(memory)))
    monkeypatch.setattr(acl, "removal_steps", lambda *_: [revocation])
    monkeypatch.setattr(steps, "folder", lambda _: memory)
    record = registered / "memory.acl"
    monkeypatch.setattr(steps, "acl_record", lambda _: record)
    for own, granted in (("", False), ("", True), ("membrowse-memory", False)):
        monkeypatch.setattr(steps, "own_accounts", lambda _, own=own: Accounts(own))
        record.write_text("{}") if granted else record.unlink(missing_ok=True)
        ran = program("service", "uninstall", "memory", "--dry-run")
        assert (f"setfacl -R -x u:root,m '{memory}'" in ran.out) is (granted or bool(own))


def test_a_name_belongs_to_one_folder_and_a_folder_to_one_service(
    program: Program, memory: Path, registered: Path, tmp_path: Path
) -> None:
    ran = program("service", "install", str(memory), "--name", "second", "--dry-run")
    assert ran.status == 2 and "membrowse@memory.service serves" in ran.err
    ran = program("service", "install", str(tmp_path), "--name", "memory", "--dry-run")
    assert ran.status == 2 and "serves another folder: choose another --name" in ran.err
    assert "systemctl restart membrowse@memory.service" in ran.out
    assert sorted(file.name for file in registered.iterdir()) == ["memory.json", "other.json"]


@pytest.mark.usefixtures("registered")
def test_who_may_not_connect_does_not_know_how_a_service_is(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RegisteredService, "admits", False)
    ran = program("service", "status", "memory", "--json")
    report = json.loads(ran.out)
    assert (ran.status, report["state"]) == (3, "unknown")
    assert "ask for `usermod -aG root" in report["reasons"][0]


def test_what_answers_no_search_is_down_and_what_opens_its_index_is_not() -> None:
    for ready, reasons, state in (
        (True, (), State.GOOD),
        (True, ("indexing is paused",), State.DEGRADED),
        (False, (), State.DEGRADED),
        (False, ("the index cannot be opened",), State.DOWN),
    ):
        assert state_of(EngineHealth(ready=ready, reasons=reasons)) is state


def test_an_index_that_lacks_most_of_its_folder_is_not_good() -> None:
    state = unopened_state(Path("/srv"), Settings(), problem="", stopping=False)
    state = msgspec.structs.replace(state, notes=100, chunks=400, encoded=400, progress=None)
    for pending, encoded, reason in (
        (Pending(changed=10), 400, ""),
        (Pending(new=200), 400, "200 notes differ from it"),
        (Pending(), 300, "100 of 400 chunks have no vector yet"),
    ):
        lagging = msgspec.structs.replace(state, pending=pending, encoded=encoded)
        reasons = [each for each in engine_health(lagging, opened=True).reasons if reason in each]
        assert bool(reason) is any("differ" in each or "vector yet" in each for each in reasons)


def test_an_encoder_that_is_being_prepared_is_not_good() -> None:
    state = msgspec.structs.replace(unopened_state(Path("/srv"), Settings()), progress=None)
    for message, reasons in (("", ()), ("prepared", ("no vectors for queries yet: prepared",))):
        encoder = EncoderState(state=RankingState.LOADING, name="m", message=message)
        loading = msgspec.structs.replace(state, encoder=encoder)
        told = engine_health(loading, opened=True).reasons
        assert tuple(each for each in told if "vectors" in each) == reasons


def test_a_folder_that_does_not_answer_is_not_good() -> None:
    state = unopened_state(Path("/srv"), Settings())
    for ago, check_seconds, late in ((60, 30, False), (1800, 30, True), (1800, 3600, False)):
        checked = clock.stamp(time.time() - ago)
        found = msgspec.structs.replace(state, watcher=Watcher(kind="inotify", last_check=checked))
        reason = overdue(found, check_seconds)
        assert ("last compared 30 minutes ago" in reason) is late
    assert overdue(state, 30) == "", "it has not been compared yet"


def test_a_serving_program_leaves_a_services_folder_alone(
    program: Program, memory: Path, registered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    ran = program("serve", str(memory))
    assert ran.status == 2 and "membrowse@memory.service serves" in ran.err
    (registered / "memory.json").unlink()
    monkeypatch.setattr(os, "access", lambda *_: False)
    ran = program("serve", str(memory))
    assert ran.status == 2 and "is not a readable folder" in ran.err


def test_every_key_and_exit_status_of_a_service_is_documented() -> None:
    page = (MONITORING.parent / "docs" / "service.md").read_text()
    for state in State:
        assert f"| {state.exit_status} | {state} |" in page
    for key in msgspec.structs.fields(ServiceHealth):
        assert f"`{key.encode_name}`" in page


@pytest.mark.usefixtures("registered")
def test_the_engine_of_a_service_is_left_to_its_manager(program: Program, memory: Path) -> None:
    for command in ("stop", "restart", "log"):
        ran = program("engine", command, "--folder", str(memory))
        assert ran.status == 2 and "membrowse service" in ran.err, command
    ran = program("doctor", "--folder", str(memory))
    assert ran.status == 1 and "membrowse@memory.service" in ran.out


@pytest.mark.usefixtures("registered")
def test_uninstalling_asks_and_leaves_the_folder(program: Program, memory: Path) -> None:
    assert program("service", "uninstall", "memory").status != 0  # nobody answered
    ran = program("service", "uninstall", "memory", "--dry-run")
    assert "systemctl disable --now membrowse@memory.service" in ran.out
    assert str(memory) not in ran.out


def test_a_group_needs_a_service_manager(
    program: Program, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    ran = program("serve", str(memory), "--group", "staff")
    assert ran.status == 2 and "membrowse service install" in ran.err


def test_alerts_and_dashboard_use_documented_metrics() -> None:
    page = (MONITORING.parent / "docs" / "service.md").read_text()
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    expressions = [rule["expr"] for rule in rules]
    expressions += [target["expr"] for panel in panels for target in panel["targets"]]
    used = {name for text in expressions for name in re.findall(r"membrowse_[a-z_]+", text)}
    documented = set(re.findall(r"`(membrowse_[a-z_]+)`", page))
    assert {name.removesuffix("_bucket") for name in used} <= documented
    assert len(rules) >= 7 and len(panels) >= 9


@pytest.mark.usefixtures("registered")
def test_a_textfile_says_that_an_engine_does_not_answer(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "membrowse.prom"
    ran = program("metrics", "--service", "memory", "--textfile", str(file))
    assert ran.status == 3 and "membrowse@memory.service does not answer" in ran.err
    assert file.read_text().splitlines()[-1] == 'membrowse_ready{service="memory"} 0.0'
    file.unlink()
    monkeypatch.setattr(RegisteredService, "admits", False)
    ran = program("metrics", "--service", "memory", "--textfile", str(file))
    assert ran.status == 3 and not file.exists(), "who may not ask does not know"


def test_prometheus_accepts_the_alert_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    rules = [str(MONITORING / "alerts.yml"), str(Path(__file__).parent / "alert_cases.yml")]
    for command in (["check", "rules", rules[0]], ["test", "rules", rules[1]]):
        ran = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
