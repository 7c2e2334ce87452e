"""A LaunchDaemon for macOS: launchd.plist(5), launchctl(1), and the accounts that it runs as."""

from __future__ import annotations

import grp
import plistlib
import pwd
from pathlib import Path

from membrowse import interpreter
from membrowse.client.registered_services import MAC_DIRECTORY, mac_directories
from membrowse.deployment.accounts import Accounts
from membrowse.deployment.service import ServicePlan

DAEMONS = Path("/Library/LaunchDaemons")
_NUMBERS = range(400, 500)
"""Where a number for a user and a group is looked for: below those of persons."""
_READ = "read,readattr,readextattr,readsecurity,list,search,execute,file_inherit,directory_inherit"


def label(name: str) -> str:
    return f"membrowse.{name}"


def target(name: str) -> str:
    """What launchctl calls the service."""
    return f"system/{label(name)}"


def file(name: str) -> Path:
    return DAEMONS / f"{label(name)}.plist"


def home(name: str) -> Path:
    """The directory of everything that the service writes."""
    return MAC_DIRECTORY / name


def runtime(name: str) -> Path:
    """The directory of its socket."""
    return home(name) / "run"


def log_file(name: str) -> Path:
    return home(name) / "logs" / "engine.log"


def plist(plan: ServicePlan) -> str:
    """The daemon's property list.

    What it prints goes nowhere: launchd would let that file grow, and its own log is bounded.
    """
    content = {
        "Label": label(plan.name),
        "ProgramArguments": list(plan.arguments),
        "UserName": plan.user,
        "GroupName": plan.group,
        "WorkingDirectory": "/",
        "Umask": 0o077,
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 5,
        "ExitTimeOut": 60,
        "ProcessType": "Background",
        "EnvironmentVariables": {
            **mac_directories(plan.name),
            interpreter.FOLDER: str(plan.folder),
            "RUNTIME_DIRECTORY": str(runtime(plan.name)),
        },
    }
    return plistlib.dumps(content).decode()


def folder(name: str) -> Path | None:
    """The folder that the daemon serves; None for somebody who may not know it."""
    try:
        content = plistlib.loads(file(name).read_bytes())
        return Path(content["EnvironmentVariables"][interpreter.FOLDER])
    except (OSError, ValueError, KeyError):
        return None


def account_commands(plan: ServicePlan, own: Accounts) -> list[tuple[str, ...]]:
    """Create the accounts of `own`, and make the service's user a member of its groups."""
    commands: list[tuple[str, ...]] = []
    if own.user:
        number, record = str(_free_number()), f"/Users/{own.user}"
        commands.append(("dseditgroup", "-o", "create", "-i", number, own.user))
        commands += [
            ("dscl", ".", "-create", record, key, value)
            for key, value in (
                ("UniqueID", number),
                ("PrimaryGroupID", number),
                ("UserShell", "/usr/bin/false"),
                ("NFSHomeDirectory", "/var/empty"),
                ("IsHidden", "1"),
            )
        ]
    commands += [("dseditgroup", "-o", "create", group) for group in own.groups]
    groups = (plan.group, *([plan.operators] if plan.operators else []))
    commands += [
        ("dseditgroup", "-o", "edit", "-a", plan.user, "-t", "user", group) for group in groups
    ]
    return commands


def account_removal_commands(own: Accounts) -> list[tuple[str, ...]]:
    """Delete the accounts of `own`."""
    users = [("dscl", ".", "-delete", f"/Users/{own.user}")] if own.user else []
    groups = (*([own.user] if own.user else []), *own.groups)
    return [*users, *(("dseditgroup", "-o", "delete", group) for group in groups)]


def grant_commands(folder: Path, user: str) -> list[tuple[str, ...]]:
    """Let `user` read `folder`, today's notes and those to come."""
    closed = (each for each in reversed(folder.parents) if not each.stat().st_mode & 0o001)
    parents = [("chmod", "+a", f"user:{user} allow search", str(each)) for each in closed]
    return [*parents, ("chmod", "-R", "+a", f"user:{user} allow {_READ}", str(folder))]


def revoke_commands(folder: Path, user: str) -> list[tuple[str, ...]]:
    """Take back what `grant_commands` did; they fail where that is not set."""
    closed = (each for each in reversed(folder.parents) if not each.stat().st_mode & 0o001)
    parents = [("chmod", "-a", f"user:{user} allow search", str(each)) for each in closed]
    return [*parents, ("chmod", "-R", "-a", f"user:{user} allow {_READ}", str(folder))]


def _free_number() -> int:
    """A number that neither a user nor a group has."""
    taken = {each.pw_uid for each in pwd.getpwall()} | {each.gr_gid for each in grp.getgrall()}
    return next(number for number in _NUMBERS if number not in taken)
