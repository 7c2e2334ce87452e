"""What `membrowse service` writes: units that systemd accepts, hardened, for any path."""

from __future__ import annotations

import grp
import os
import plistlib
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from membrowse.client.registered_services import RegisteredService
from membrowse.deployment import access, accounts, acl, launchd, steps, systemd
from membrowse.deployment.accounts import Accounts
from membrowse.deployment.service import ServicePlan, UnsuitableService, default_name, folder_of
from membrowse.log_formats import LogFormat

EXPOSURE = re.compile(r"Overall exposure level for .*: ([0-9.]+)")
ENVIRONMENT = Path("/etc/membrowse/services/notes.env")
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
    drop_in.write_text(
        systemd.drop_in(service, ENVIRONMENT).replace(str(service.python), "/bin/true")
    )
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
    python = Path('/opt/"m" 100% $HOME/python')
    odd = ServicePlan(name="notes", folder=Path("/srv"), user="u", group="g", python=python)
    told = systemd.drop_in(odd, ENVIRONMENT)
    assert r'ExecStart="/opt/\"m\" 100%% $$HOME/python" "-P"' in told
    assert '"--group" "g"' in told


@pytest.mark.parametrize("folder", ["/srv/memory", AWKWARD, "/srv/a`b\\c"])
def test_only_root_and_the_service_can_see_the_folder(folder: str) -> None:
    files = [step for step in steps.installation(plan(folder)) if isinstance(step, steps.WriteFile)]
    secret = [step for step in files if step.secret]
    assert [step.path for step in secret] == [ENVIRONMENT]
    assert folder_of(secret[0].content) == Path(folder)
    assert f"EnvironmentFile={ENVIRONMENT}" in systemd.drop_in(plan(folder), ENVIRONMENT)
    for step in steps.installation(plan(folder)):
        if step not in secret:
            assert "/srv/" not in str(step), "everybody can see this"


def test_homes_are_hidden_but_for_the_folder_in_one() -> None:
    assert "ProtectHome" not in systemd.drop_in(plan("/srv/memory"), ENVIRONMENT)
    told = systemd.drop_in(plan("/home/agent/a:b"), ENVIRONMENT)
    assert "ProtectHome=tmpfs" in told
    assert r'BindReadOnlyPaths="/home/agent/a\:b"' in told


def test_operators_are_a_group_of_the_service() -> None:
    operated = plan(operators="memory-admins")
    assert "SupplementaryGroups=memory-admins" in systemd.drop_in(operated, ENVIRONMENT)
    assert '"--operators" "memory-admins"' in systemd.drop_in(operated, ENVIRONMENT)
    assert "g memory-admins -" in systemd.sysusers(operated, accounts.planned(operated, Accounts()))


def test_the_log_of_a_service_can_be_json() -> None:
    structured = plan(log_format=LogFormat.JSON)
    assert '"--log-format" "json"' in systemd.drop_in(structured, ENVIRONMENT)
    assert '"--log-format" "json"' in systemd.user_drop_in(structured, ENVIRONMENT)
    assert "--log-format" not in systemd.drop_in(plan(), ENVIRONMENT)


def test_the_service_is_registered_where_it_listens() -> None:
    files = {
        str(step.path): step.content
        for step in steps.installation(plan())
        if isinstance(step, steps.WriteFile)
    }
    registered = msgspec.json.decode(
        files["/etc/membrowse/services/notes.json"], type=RegisteredService
    )
    assert registered.serves("/srv/memory") and not registered.serves("/srv/memor")
    assert registered.user == "membrowse-notes"
    assert registered.socket == "/run/membrowse/notes/engine.sock"
    assert "RuntimeDirectory=membrowse/%i" in files["/etc/systemd/system/membrowse@.service"]


def test_launchd_gets_a_property_list() -> None:
    content = plistlib.loads(launchd.plist(plan(AWKWARD)).encode())
    assert content["Label"] == "membrowse.notes"
    assert content["ProgramArguments"][-3:] == ["serve", "--group", "membrowse-notes"]
    assert content["EnvironmentVariables"]["MEMBROWSE_FOLDER"] == AWKWARD
    assert content["UserName"] == "membrowse-notes" and content["Umask"] == 0o077
    assert content["KeepAlive"] is True


def removed(own: Accounts, *, keep_index: bool = False) -> list[str]:
    """The steps that remove a service that runs as `u`."""
    service = RegisteredService(name="notes", key="0", user="u", group="g", socket="/run/s")
    return list(steps.shown_steps(steps.removal(service, own, keep_index=keep_index, last=True)))


def test_removal_keeps_the_index_only_if_asked() -> None:
    own = Accounts("u", ("g",))
    kept, gone = removed(own, keep_index=True), removed(own)
    assert not [line for line in kept if "clean" in line or "userdel" in line or "group" in line]
    assert any(line.startswith("systemctl clean --what=state") for line in gone)
    assert gone[-3:] == ["gpasswd --members '' u", "userdel u", "groupdel g"]
    for file in ("notes.json", "notes.env", "notes.acl"):
        assert f"# remove /etc/membrowse/services/{file}" in gone
    assert "# remove /etc/systemd/system/membrowse@.service" in gone


def test_users_and_groups_that_were_there_before_are_not_removed() -> None:
    me, mine = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    runs_as_me = plan(user=me, group=mine, operators="no-such-group")
    own = accounts.planned(runs_as_me, Accounts())
    assert own == Accounts("", ("no-such-group",))
    assert me not in systemd.sysusers(runs_as_me, own)
    assert not [line for line in removed(own) if "userdel" in line or line == f"groupdel {mine}"]


def test_a_second_installation_knows_the_accounts_of_the_first() -> None:
    me, mine = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    made = accounts.planned(plan(user="no-such-user", group="no-such-group"), Accounts())
    assert accounts.listed(systemd.sysusers(plan(), made)) == made
    assert accounts.planned(plan(user=me, group=mine), Accounts(me, (mine,))).user == me


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
    commands = [step.arguments for step in acl.grants(tmp_path, "nobody")]
    assert ("setfacl", "-R", "-m", "u:nobody:rX", str(tmp_path)) in commands


def lists(*files: Path) -> str:
    return subprocess.check_output(["getfacl", "-p", *map(str, files)], text=True)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that nobody else can read, in a directory that others cannot pass."""
    if os.geteuid() != 0 or not shutil.which("setfacl"):
        pytest.skip("needs root and setfacl")
    for directory in tmp_path.parents[:-2]:
        directory.chmod(0o755)
    tmp_path.chmod(0o710)
    folder = tmp_path / "notes"
    (folder / "plain").mkdir(parents=True)
    for path, mode in (
        (folder, 0o700),
        (folder / "a.md", 0o640),
        (folder / "plain" / "b.md", 0o600),
    ):
        path.touch()
        path.chmod(mode)
    return folder


def granted(folder: Path, record: Path) -> None:
    for step in acl.grant_steps(folder, "nobody", record):
        step.carry_out()
    assert access.folder_access(folder, "nobody", "nogroup").granted


def revoke(folder: Path, record: Path) -> list[str]:
    todo = acl.removal_steps(folder, "nobody", record)
    for step in todo:
        step.carry_out()
    return list(steps.shown_steps(todo))


def test_a_grant_is_taken_back_without_a_trace(private: Path, tmp_path: Path) -> None:
    record = tmp_path / "notes.acl"
    files = [tmp_path, private, *private.rglob("*")]
    before = lists(*files)
    granted(private, record)
    granted(private, record)  # the record is the first one's
    (private / "plain" / "new.md").write_text("new")
    assert record.stat().st_mode & 0o777 == 0o600
    assert len(revoke(private, record)) == 3
    assert lists(*files) == before
    assert "nobody" not in lists(private / "plain" / "new.md")
    assert "mask" not in lists(private / "plain" / "new.md")
    assert revoke(private, record) == []


def test_lists_that_were_there_before_a_grant_are_left_as_they_were(
    private: Path, tmp_path: Path
) -> None:
    for entry, path in (
        ("u:daemon:rwx,m::---", private / "a.md"),
        ("d:u::rwx,d:g::r-x,d:o::---", private / "plain"),
        ("g:daemon:r--", private / "plain" / "b.md"),
    ):
        subprocess.check_call(["setfacl", "-m", entry, str(path)])
    files = [tmp_path, private, *private.rglob("*")]
    before, record = lists(*files), tmp_path / "notes.acl"
    granted(private, record)
    revoke(private, record)
    assert lists(*files) == before


def test_what_an_owner_allowed_after_a_grant_stays(private: Path, tmp_path: Path) -> None:
    record = tmp_path / "notes.acl"
    granted(private, record)
    subprocess.check_call(["setfacl", "-m", "u:daemon:rw", str(private / "a.md")])
    revoke(private, record)
    told = lists(private / "a.md")
    assert "user:daemon:rw-" in told and "mask::rw-" in told and "nobody" not in told
    assert "default" not in lists(private, private / "plain")
