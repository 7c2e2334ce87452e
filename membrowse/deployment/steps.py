"""What setting up and removing a service takes: files and commands, in order.

A list of steps can be shown instead of carried out, so that nothing happens unseen.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from membrowse.client import registered_services
from membrowse.client.registered_services import RegisteredService
from membrowse.deployment import launchd, systemd
from membrowse.deployment.service import ServicePlan
from membrowse.paths import SERVICE_SOCKET

UNITS = Path("/etc/systemd/system")
_SYSUSERS = Path("/etc/sysusers.d")
_RUNTIME = Path("/run/membrowse")


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write a file that everybody can read."""

    path: Path
    content: str

    def carry_out(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.content, encoding="utf-8")
        self.path.chmod(0o644)


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a file, and its directory if that is empty then."""

    path: Path

    def carry_out(self) -> None:
        self.path.unlink(missing_ok=True)
        if self.path.parent.name.endswith(".d") and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()


@dataclass(frozen=True, slots=True)
class Run:
    """Run a program."""

    arguments: tuple[str, ...]

    def carry_out(self) -> None:
        """Raises `subprocess.CalledProcessError`, with the program's output."""
        subprocess.run(  # noqa: S603  (no shell; the arguments are ours)
            self.arguments, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )


Step = WriteFile | RemoveFile | Run


def installation(plan: ServicePlan) -> list[Step]:
    """The steps that set the service up on Linux, and start it."""
    sysusers = _SYSUSERS / f"membrowse-{plan.name}.conf"
    return [
        WriteFile(sysusers, systemd.sysusers(plan)),
        _run("systemd-sysusers", str(sysusers)),
        *unit_files(plan),
        WriteFile(_registration(plan.name), _registered(plan)),
        _run("systemctl", "daemon-reload"),
        _run("systemctl", "enable", "--now", unit(plan.name)),
    ]


def unit_files(plan: ServicePlan) -> list[WriteFile]:
    """The template, and what is particular to this service."""
    return [
        WriteFile(UNITS / "membrowse@.service", systemd.TEMPLATE),
        WriteFile(_drop_in(plan.name), systemd.drop_in(plan)),
    ]


def removal(service: RegisteredService, *, keep_index: bool, last: bool) -> list[Step]:
    """The steps that stop and remove a service; `last`: no other service uses the template."""
    name = service.name
    steps: list[Step] = [_run("systemctl", "disable", "--now", service.unit)]
    if not keep_index:
        kinds = ("state", "cache", "logs", "runtime", "configuration")
        steps.append(_run("systemctl", "clean", f"--what={','.join(kinds)}", service.unit))
    steps += [RemoveFile(_registration(name)), RemoveFile(_drop_in(name))]
    if last:
        steps.append(RemoveFile(UNITS / "membrowse@.service"))
    steps.append(_run("systemctl", "daemon-reload"))
    if not keep_index:
        steps += [
            RemoveFile(_SYSUSERS / f"membrowse-{name}.conf"),
            _run("userdel", service.user),
        ]
    return steps


def mac_installation(plan: ServicePlan) -> list[Step]:
    """The steps that set the service up on macOS, and start it."""
    user, place, file = f"/Users/{plan.user}", launchd.home(plan.name), launchd.file(plan.name)
    owner = f"{plan.user}:{plan.group}"
    return [
        _run("dseditgroup", "-o", "create", plan.group),
        _run("sysadminctl", "-addUser", plan.user, "-roleAccount", "-shell", "/usr/bin/false"),
        _run("dscl", ".", "-create", user, "NFSHomeDirectory", "/var/empty"),
        _run("dseditgroup", "-o", "edit", "-a", plan.user, "-t", "user", plan.group),
        _run("install", "-d", "-o", plan.user, "-g", plan.group, "-m", "0755", str(place)),
        _run("install", "-d", "-o", plan.user, "-g", plan.group, "-m", "0700", f"{place}/home"),
        _run("install", "-d", "-o", plan.user, "-g", plan.group, "-m", "0750", f"{place}/run"),
        WriteFile(file, launchd.plist(plan)),
        WriteFile(_registration(plan.name), _registered(plan, place / "run")),
        _run("chown", "-R", owner, f"{place}/home"),
        _run("launchctl", "bootstrap", "system", str(file)),
    ]


def user_installation(plan: ServicePlan, units: Path) -> list[Step]:
    """The steps that keep a user's own engine running, without root; `units`: the user's units."""
    return [
        WriteFile(units / "membrowse@.service", systemd.USER_TEMPLATE),
        WriteFile(units / f"{unit(plan.name)}.d" / "folder.conf", systemd.user_drop_in(plan)),
        _run("systemctl", "--user", "daemon-reload"),
        _run("systemctl", "--user", "enable", "--now", unit(plan.name)),
    ]


def unit(name: str) -> str:
    return f"membrowse@{name}.service"


def shown_steps(steps: Sequence[Step]) -> Iterator[str]:
    """The steps as a person reads them: files with their content, commands for a shell."""
    for step in steps:
        match step:
            case WriteFile():
                yield f"# write {step.path}"
                yield from (f"    {line}".rstrip() for line in step.content.splitlines())
            case RemoveFile():
                yield f"# remove {step.path}"
            case Run():
                yield shlex.join(step.arguments)


def _registered(plan: ServicePlan, runtime: Path | None = None) -> str:
    service = RegisteredService(
        name=plan.name,
        folder=str(plan.folder),
        user=plan.user,
        group=plan.group,
        socket=str((runtime or _RUNTIME / plan.name) / SERVICE_SOCKET),
    )
    return msgspec.json.format(msgspec.json.encode(service)).decode() + "\n"


def _registration(name: str) -> Path:
    return registered_services.DIRECTORY / f"{name}.json"


def _drop_in(name: str) -> Path:
    return UNITS / f"{unit(name)}.d" / "folder.conf"


def _run(*arguments: str) -> Run:
    return Run(arguments)
