"""What `membrowse service` writes: units that systemd accepts, hardened, for any path."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from membrowse.client.registered_services import RegisteredService
from membrowse.deployment import access, launchd, steps, systemd
from membrowse.deployment.service import ServicePlan, UnsuitableService, default_name
from membrowse.log_formats import LogFormat

EXPOSURE = re.compile(r"Overall exposure level for .*: ([0-9.]+)")
AWKWARD = '/srv/my "notes"/100 %n $HOME: agent\'s'


def plan(folder: str = "/srv/memory", **changes: Any) -> ServicePlan:
    service: dict[str, Any] = {
        "name": "notes",
        "user": "membrowse-notes",
        "group": "membrowse-notes",
    } | changes
    return ServicePlan(folder=Path(folder), python=Path("/opt/membrowse/bin/python"), **service)


def written(directory: Path, service: ServicePlan) -> Path:
    """The units of `service` in `directory`, as the unit of the service."""
    unit = directory / steps.unit(service.name)
    unit.write_text(systemd.TEMPLATE)
    drop_in = directory / f"{unit.name}.d" / "folder.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(systemd.drop_in(service).replace(str(service.python), "/bin/true"))
    return unit


def analyze(*arguments: str) -> str:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    ended = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("folder", ["/srv/memory", "/home/agent/memory", AWKWARD])
def test_systemd_accepts_the_unit(tmp_path: Path, folder: str) -> None:
    assert analyze("verify", str(written(tmp_path, plan(folder)))) == ""


@pytest.mark.parametrize("folder", ["/srv/memory", "/home/agent/memory"])
def test_the_unit_is_hardened(tmp_path: Path, folder: str) -> None:
    told = analyze("security", "--offline=true", str(written(tmp_path, plan(folder))))
    found = EXPOSURE.search(told)
    assert found is not None and float(found[1]) <= 1.0, told


def test_the_command_line_is_passed_on_as_it_is() -> None:
    line = next(
        line for line in systemd.drop_in(plan(AWKWARD)).splitlines() if line.startswith("ExecStart")
    )
    assert r'"/srv/my \"notes\"/100 %%n $$HOME: agent' in line
    assert '"--group" "membrowse-notes"' in line


def test_homes_are_hidden_but_for_the_folder_in_one() -> None:
    assert "ProtectHome" not in systemd.drop_in(plan("/srv/memory"))
    told = systemd.drop_in(plan("/home/agent/a:b"))
    assert "ProtectHome=tmpfs" in told
    assert r'BindReadOnlyPaths="/home/agent/a\:b"' in told


def test_operators_are_a_group_of_the_service() -> None:
    operated = plan(operators="memory-admins")
    assert "SupplementaryGroups=memory-admins" in systemd.drop_in(operated)
    assert '"--operators" "memory-admins"' in systemd.drop_in(operated)
    assert "g memory-admins -" in systemd.sysusers(operated)


def test_the_log_of_a_service_can_be_json() -> None:
    structured = plan(log_format=LogFormat.JSON)
    assert '"--log-format" "json"' in systemd.drop_in(structured)
    assert '"--log-format" "json"' in systemd.user_drop_in(structured)
    assert "--log-format" not in systemd.drop_in(plan())


def test_the_service_is_registered_where_it_listens() -> None:
    files = {
        str(step.path): step.content
        for step in steps.installation(plan())
        if isinstance(step, steps.WriteFile)
    }
    registered = msgspec.json.decode(
        files["/etc/membrowse/services/notes.json"], type=RegisteredService
    )
    assert registered.folder == "/srv/memory"
    assert registered.user == "membrowse-notes"
    assert registered.socket == "/run/membrowse/notes/engine.sock"
    assert "RuntimeDirectory=membrowse/%i" in files["/etc/systemd/system/membrowse@.service"]


def test_launchd_gets_a_property_list() -> None:
    content = plistlib.loads(launchd.plist(plan(AWKWARD)).encode())
    assert content["Label"] == "membrowse.notes"
    assert content["ProgramArguments"][-3:] == [AWKWARD, "--group", "membrowse-notes"]
    assert content["UserName"] == "membrowse-notes" and content["Umask"] == 0o077
    assert content["KeepAlive"] is True


def test_removal_keeps_the_index_only_if_asked() -> None:
    service = RegisteredService(
        name="notes", folder="/srv/memory", user="u", group="g", socket="/run/membrowse/s"
    )
    kept = "\n".join(steps.shown_steps(steps.removal(service, keep_index=True, last=False)))
    gone = "\n".join(steps.shown_steps(steps.removal(service, keep_index=False, last=True)))
    assert "systemctl clean" not in kept and "userdel" not in kept
    assert "systemctl clean --what=state" in gone and "userdel u" in gone
    assert "gpasswd" not in gone, "a group that was there before is not the service's"
    own = msgspec.structs.replace(service, group="u")
    gone_with_group = steps.shown_steps(steps.removal(own, keep_index=False, last=True))
    assert list(gone_with_group)[-2:] == ["gpasswd --members '' u", "userdel u"]
    assert "# remove /etc/systemd/system/membrowse@.service" in gone
    assert "/srv/memory" not in kept + gone


@pytest.mark.parametrize("name", ["", "A", "1", "a/b", "a b", "x" * 22, "é", "a\n"])
def test_a_name_that_units_could_misread_is_refused(name: str) -> None:
    with pytest.raises(UnsuitableService, match="cannot name a service"):
        plan(name=name)


def test_a_folder_with_control_characters_is_refused() -> None:
    with pytest.raises(UnsuitableService, match="printable"):
        plan("/srv/a\nUser=root")


@pytest.mark.parametrize(
    ("folder", "name"),
    [("memory", "memory"), ("My Notes!", "my-notes"), ("2026", "notes-2026"), ("日記", "notes")],
)
def test_a_service_is_named_after_its_folder(folder: str, name: str) -> None:
    assert default_name(Path("/srv") / folder) == name


def test_what_a_user_cannot_read_is_found(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can look as another user")
    (tmp_path / "open.md").write_text("a")
    (tmp_path / "closed.md").write_text("b")
    (tmp_path / "closed.md").chmod(0o600)
    for directory in (tmp_path, *tmp_path.parents[:-2]):
        directory.chmod(0o755)
    found = access.folder_access(tmp_path, "nobody", "nogroup")
    assert found.unreadable == (tmp_path / "closed.md",)
    assert not found.granted
    commands = [step.arguments for step in access.grants(tmp_path, "nobody")]
    assert ("setfacl", "-R", "-m", "u:nobody:rX", str(tmp_path)) in commands
    if shutil.which("setfacl"):
        before = [file.stat().st_mode for file in (tmp_path, *tmp_path.iterdir())]
        for step in access.grants(tmp_path, "nobody"):
            step.carry_out()
        assert access.folder_access(tmp_path, "nobody", "nogroup").granted
        for step in access.revocations(tmp_path, "nobody"):
            step.carry_out()
        assert "nobody" not in subprocess.check_output(["getfacl", "-R", tmp_path], text=True)
        assert [file.stat().st_mode for file in (tmp_path, *tmp_path.iterdir())] == before
