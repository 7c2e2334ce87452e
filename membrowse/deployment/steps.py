"""What setting up and removing a service takes: files and commands, in order.

A list of steps can be shown instead of carried out, so that nothing happens unseen.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.client import registered_services
from membrowse.client.registered_services import RegisteredService
from membrowse.deployment import accounts, launchd, systemd
from membrowse.deployment.accounts import Accounts
from membrowse.deployment.service import Platform, ServicePlan, folder_of
from membrowse.paths import SERVICE_SOCKET, own_socket

UNITS = Path("/etc/systemd/system")
_SYSUSERS = Path("/etc/sysusers.d")
_RUNTIME = Path("/run/membrowse")
_TEMPLATE = "membrowse@.service"
_MAC_DIRECTORIES = (("state", "0700"), ("cache", "0700"), ("logs", "0750"), ("run", "0750"))


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a file that everybody can read, or with `secret` only its owner."""

    path: Path
    content: str
    secret: bool = False

    def carry_out(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        mode, directory = 0o600 if self.secret else 0o644, self.path.parent
        paths.replace_file(self.path, self.content.encode(), mode=mode, root=directory)


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a file, and the directory of drop-ins that it leaves empty."""

    path: Path

    def carry_out(self) -> None:
        self.path.unlink(missing_ok=True)
        if self.path.parent.name.startswith("membrowse@") and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()


@dataclass(frozen=True, slots=True)
class Run:
    """Run a program, whose failure matters unless it `may_fail`."""

    arguments: tuple[str, ...]
    may_fail: bool = False

    def carry_out(self) -> None:
        """Raises `subprocess.CalledProcessError`, with the program's output."""
        subprocess.run(  # noqa: S603  (no shell; the arguments are ours)
            self.arguments,
            check=not self.may_fail,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )


Step = WriteFile | RemoveFile | Run


def installation(plan: ServicePlan) -> list[Step]:
    """The steps that set the service up on Linux, and start it."""
    sysusers, own = _sysusers(plan.name), accounts.planned(plan, own_accounts(plan.name))
    return [
        WriteFile(sysusers, systemd.sysusers(plan, own)),
        _run("systemd-sysusers", str(sysusers)),
        *unit_files(plan),
        WriteFile(_environment(plan.name), plan.environment, secret=True),
        WriteFile(_registration(plan.name), _registered(plan)),
        _run("systemctl", "daemon-reload"),
        _run("systemctl", "enable", unit(plan.name)),
        _run("systemctl", "restart", unit(plan.name)),
    ]


def unit_files(plan: ServicePlan) -> list[WriteFile]:
    """The template, and what is particular to this service."""
    return [
        WriteFile(UNITS / _TEMPLATE, systemd.TEMPLATE),
        WriteFile(
            UNITS / f"{unit(plan.name)}.d" / "folder.conf",
            systemd.drop_in(plan, _environment(plan.name)),
        ),
    ]


def own_accounts(name: str) -> Accounts:
    """The accounts that the installation of the service `name` made."""
    for file in (_sysusers(name), _mac_accounts(name)):
        with contextlib.suppress(OSError):
            return accounts.listed(file.read_text(encoding="utf-8"))
    return Accounts()


def folder(service: RegisteredService) -> Path | None:
    """The folder of `service`; None for somebody who may not know it."""
    file = _own_environment(service.name) if service.own else _environment(service.name)
    try:
        return folder_of(file.read_text(encoding="utf-8"))
    except OSError:
        return None if service.own else launchd.folder(service.name)


def removal(
    service: RegisteredService, own: Accounts, *, keep_index: bool, last: bool
) -> list[Step]:
    """The steps that stop and remove a service and its `own` accounts.

    `last`: no other service uses the template.
    """
    name = service.name
    steps: list[Step] = [_run("systemctl", "disable", "--now", service.unit)]
    if not keep_index:
        kinds = ("state", "cache", "logs", "runtime", "configuration")
        steps.append(_run("systemctl", "clean", f"--what={','.join(kinds)}", service.unit))
    steps += [RemoveFile(_registration(name)), RemoveFile(_environment(name))]
    steps += [RemoveFile(acl_record(name)), RemoveFile(drop_in(service))]
    if last:
        steps.append(RemoveFile(UNITS / _TEMPLATE))
    steps.append(_run("systemctl", "daemon-reload"))
    if not keep_index:
        steps.append(RemoveFile(_sysusers(name)))
        if own.user:
            # userdel keeps a group that has members
            steps += [_run("gpasswd", "--members", "", own.user), _run("userdel", own.user)]
        steps += [_run("groupdel", group) for group in own.groups]
    return steps


def mac_installation(plan: ServicePlan) -> list[Step]:
    """The steps that set the service up on macOS, and start it; again, if it runs already."""
    name, own = plan.name, accounts.planned(plan, own_accounts(plan.name))
    made = ("install", "-d", "-o", plan.user, "-g", plan.group, "-m")
    grants = launchd.grant_commands(plan.folder, plan.user) if plan.grant_read else []
    return [
        WriteFile(_mac_accounts(name), systemd.sysusers(plan, own)),
        *map(Run, launchd.account_commands(plan, own)),
        *map(Run, grants),
        _run("install", "-d", "-m", "0755", str(launchd.home(name))),
        *(
            _run(*made, mode, str(launchd.home(name) / directory))
            for directory, mode in _MAC_DIRECTORIES
        ),
        WriteFile(launchd.file(name), launchd.plist(plan), secret=True),
        WriteFile(_registration(name), _registered(plan, launchd.runtime(name))),
        Run(("launchctl", "bootout", launchd.target(name)), may_fail=True),
        _run("launchctl", "enable", launchd.target(name)),
        _run("launchctl", "bootstrap", "system", str(launchd.file(name))),
    ]


def mac_removal(service: RegisteredService, own: Accounts, *, keep_index: bool) -> list[Step]:
    """The steps that stop and remove a service and its `own` accounts on macOS."""
    name, read = service.name, folder(service)
    revocations = launchd.revoke_commands(read, service.user) if read and read.is_dir() else []
    steps: list[Step] = [
        Run(("launchctl", "bootout", launchd.target(name)), may_fail=True),
        *(Run(command, may_fail=True) for command in revocations),
        RemoveFile(launchd.file(name)),
        RemoveFile(_registration(name)),
    ]
    if not keep_index:
        steps += [
            _run("rm", "-rf", str(launchd.home(name)), f"/etc/membrowse/{name}"),
            RemoveFile(_mac_accounts(name)),
            *map(Run, launchd.account_removal_commands(own)),
        ]
    return steps


def user_installation(plan: ServicePlan) -> list[Step]:
    """The steps that keep a user's own engine running, without root."""
    service = RegisteredService(
        name=plan.name,
        key=paths.folder_key(plan.folder),
        user=plan.user,
        group="",
        socket=str(own_socket(plan.folder)),
        own=True,
    )
    return [
        WriteFile(_user_units() / _TEMPLATE, systemd.USER_TEMPLATE),
        WriteFile(drop_in(service), systemd.user_drop_in(plan, _own_environment(plan.name))),
        WriteFile(_own_environment(plan.name), plan.environment, secret=True),
        WriteFile(registered_services.own_directory() / f"{plan.name}.json", _written(service)),
        systemctl(service, "daemon-reload"),
        systemctl(service, "enable", service.unit),
        systemctl(service, "restart", service.unit),
    ]


def user_removal(service: RegisteredService, *, last: bool) -> list[Step]:
    """The steps that stop and remove a user's own service; her index stays."""
    steps: list[Step] = [
        # without a manager of the user, nothing runs
        Run(systemctl(service, "disable", "--now", service.unit).arguments, may_fail=True),
        RemoveFile(registered_services.own_directory() / f"{service.name}.json"),
        RemoveFile(_own_environment(service.name)),
        RemoveFile(drop_in(service)),
    ]
    if last:
        steps.append(RemoveFile(_user_units() / _TEMPLATE))
    return [*steps, Run(systemctl(service, "daemon-reload").arguments, may_fail=True)]


def restart(service: RegisteredService, platform: Platform) -> list[Step]:
    """The steps that restart a service."""
    if platform is Platform.MACOS:
        return [_run("launchctl", "kickstart", "-k", launchd.target(service.name))]
    return [systemctl(service, "restart", service.unit)]


def stop(service: RegisteredService, platform: Platform) -> list[Step]:
    """The steps that stop a service until it is started, or the machine is."""
    if platform is Platform.MACOS:
        return [_run("launchctl", "bootout", launchd.target(service.name))]
    return [systemctl(service, "stop", service.unit)]


def start(service: RegisteredService, platform: Platform) -> list[Step]:
    """The steps that start a service that was stopped."""
    if platform is Platform.MACOS:
        return [_run("launchctl", "bootstrap", "system", str(launchd.file(service.name)))]
    return [systemctl(service, "start", service.unit)]


def log(service: RegisteredService, platform: Platform, *, lines: int, follow: bool) -> Run:
    """What prints the last lines of a service's log."""
    if platform is Platform.MACOS:
        following = ["-F"] if follow else []
        return _run("tail", "-n", str(lines), *following, str(launchd.log_file(service.name)))
    kind = "--user-unit" if service.own else "--unit"
    following = ["--follow"] if follow else []
    return _run("journalctl", kind, service.unit, "--lines", str(lines), "--no-pager", *following)


def unit(name: str) -> str:
    return f"membrowse@{name}.service"


def drop_in(service: RegisteredService) -> Path:
    """What is particular to `service`."""
    units = _user_units() if service.own else UNITS
    return units / f"{service.unit}.d" / "folder.conf"


def systemctl(service: RegisteredService, *arguments: str) -> Run:
    """Ask the service manager of `service`."""
    return _run("systemctl", *(["--user"] if service.own else []), *arguments)


def _user_units() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user"


def shown_steps(steps: Sequence[Step]) -> Iterator[str]:
    """The steps as a person reads them: files with their content, commands for a shell."""
    for step in steps:
        match step:
            case WriteFile():
                secret = ", which only its owner can read" if step.secret else ""
                yield f"# write {step.path}{secret}"
                yield from (f"    {line}".rstrip() for line in step.content.splitlines())
            case RemoveFile():
                yield f"# remove {step.path}"
            case Run():
                yield shlex.join(step.arguments) + (" || true" if step.may_fail else "")


def _registered(plan: ServicePlan, runtime: Path | None = None) -> str:
    service = RegisteredService(
        name=plan.name,
        key=paths.folder_key(plan.folder),
        user=plan.user,
        group=plan.group,
        socket=str((runtime or _RUNTIME / plan.name) / SERVICE_SOCKET),
    )
    return _written(service)


def _written(service: RegisteredService) -> str:
    return msgspec.json.format(msgspec.json.encode(service)).decode() + "\n"


def _registration(name: str) -> Path:
    return registered_services.DIRECTORY / f"{name}.json"


def acl_record(name: str) -> Path:
    """What the access control lists of the folder were before a grant."""
    return registered_services.DIRECTORY / f"{name}.acl"


def _environment(name: str) -> Path:
    return registered_services.DIRECTORY / f"{name}.env"


def _own_environment(name: str) -> Path:
    return registered_services.own_directory() / f"{name}.env"


def _mac_accounts(name: str) -> Path:
    """The same list as in sysusers.d(5), where there is no such directory."""
    return registered_services.DIRECTORY / f"{name}.accounts"


def _sysusers(name: str) -> Path:
    return _SYSUSERS / f"membrowse-{name}.conf"


def _run(*arguments: str) -> Run:
    return Run(arguments)
