"""A LaunchDaemon for macOS: launchd.plist(5)."""

from __future__ import annotations

import plistlib
from pathlib import Path

from membrowse import interpreter
from membrowse.deployment.service import ServicePlan

DAEMONS = Path("/Library/LaunchDaemons")
_BASE = Path("/usr/local/var/membrowse")


def label(name: str) -> str:
    return f"membrowse.{name}"


def file(name: str) -> Path:
    return DAEMONS / f"{label(name)}.plist"


def home(name: str) -> Path:
    """The directory of everything that the service writes."""
    return _BASE / name


def plist(plan: ServicePlan) -> str:
    """The daemon's property list."""
    place = home(plan.name)
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
            "MEMBROWSE_HOME": str(place / "home"),
            "MEMBROWSE_SERVICE": plan.name,
            interpreter.FOLDER: str(plan.folder),
            "RUNTIME_DIRECTORY": str(place / "run"),
        },
        "StandardErrorPath": str(place / "home" / "stderr.log"),
    }
    return plistlib.dumps(content).decode()
