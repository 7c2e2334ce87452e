"""The services of this machine: which folder each serves, as whom, and where it listens.

`membrowse service install` registers a system service in a file that only root can write. Clients
trust the file, not a socket's place: a service is its registered user at its registered socket.
A service of the user's own (`--user-unit`) is registered among her settings; it is her engine.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from membrowse import paths

DIRECTORY = Path("/etc/membrowse/services")
MAC_DIRECTORY = Path("/usr/local/var/membrowse")
"""Of everything that services write on macOS, by name."""
_MAC = sys.platform == "darwin"
_MANAGER_SECONDS = 5.0
_RUNNING = ("active", "activating", "deactivating", "reloading", "refreshing", "maintenance")
"""States of a unit whose engine answers soon."""


class RegisteredService(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A service that serves a folder."""

    name: str
    key: str
    """The key of its folder: everybody can read this file, and only the group may know the path."""
    user: str
    group: str
    """Its members may read; empty for a user's own service."""
    socket: str
    own: bool = False
    """The user's own manager runs it, as the user."""

    def serves(self, folder: str | Path) -> bool:
        """Whether `folder` is its folder."""
        return self.key == paths.folder_key(Path(folder))

    @property
    def admits(self) -> bool:
        """Whether this user may connect to its socket; True if there is none at the moment."""
        try:
            return os.access(self.socket, os.W_OK) or not Path(self.socket).exists()
        except PermissionError:
            return False

    @property
    def directories(self) -> dict[str, str]:
        """The environment variables that tell its engine where its files are."""
        return mac_directories(self.name) if _MAC else _linux_directories(self.name)

    @property
    def unit(self) -> str:
        """What its service manager calls it: a systemd unit, or a label of launchd."""
        return f"membrowse.{self.name}" if _MAC else f"membrowse@{self.name}.service"

    @property
    def restarts(self) -> bool:
        """Whether its service manager runs it, or is about to; True if there is none to ask."""
        manager = ["systemctl", *(["--user"] if self.own else []), "is-active", self.unit]
        if _MAC:
            manager = ["launchctl", "print", f"system/{self.unit}"]
        try:
            asked = subprocess.run(  # noqa: S603  (no shell)
                manager,
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=_MANAGER_SECONDS,
            )
        except FileNotFoundError:
            return True
        except (OSError, subprocess.TimeoutExpired):
            return False
        if _MAC:
            return asked.returncode == 0  # launchd keeps alive what it knows
        return asked.stdout.decode().strip() in _RUNNING

    @property
    def uid(self) -> int | None:
        """The user id of its engine; None if the user is gone."""
        try:
            return pwd.getpwnam(self.user).pw_uid
        except KeyError:
            return None


def _linux_directories(name: str) -> dict[str, str]:
    return {
        "MEMBROWSE_SERVICE": name,
        "CONFIGURATION_DIRECTORY": f"/etc/membrowse/{name}",
        "STATE_DIRECTORY": f"/var/lib/membrowse/{name}",
        "CACHE_DIRECTORY": f"/var/cache/membrowse/{name}",
        "LOGS_DIRECTORY": f"/var/log/membrowse/{name}",
    }


def mac_directories(name: str) -> dict[str, str]:
    """The same on macOS."""
    return {
        "MEMBROWSE_SERVICE": name,
        "CONFIGURATION_DIRECTORY": f"/etc/membrowse/{name}",
        "STATE_DIRECTORY": str(MAC_DIRECTORY / name / "state"),
        "CACHE_DIRECTORY": str(MAC_DIRECTORY / name / "cache"),
        "LOGS_DIRECTORY": str(MAC_DIRECTORY / name / "logs"),
    }


def _directory() -> Path | None:
    """Where services are registered. `MEMBROWSE_SERVICES_DIR` (absolute) replaces it; empty: none
    is looked for."""
    place = Path(os.environ.get("MEMBROWSE_SERVICES_DIR", DIRECTORY))
    return place if place.is_absolute() else None


def own_directory() -> Path:
    """Where the user's own services are registered."""
    return paths.config_file().parent / "services"


def registered(folder: Path) -> RegisteredService | None:
    """The system service that is registered for `folder`, if there is one."""
    return next((each for each in services() if each.serves(folder)), None)


def own_registered(folder: Path) -> RegisteredService | None:
    """The user's own service that is registered for `folder`, if there is one."""
    return next((each for each in own_services() if each.serves(folder)), None)


def services() -> Iterator[RegisteredService]:
    """The registered system services, by name."""
    return _registered_in(_directory())


def own_services() -> Iterator[RegisteredService]:
    """The user's own services, by name."""
    return _registered_in(own_directory())


def _registered_in(place: Path | None) -> Iterator[RegisteredService]:
    """The services registered in `place`; files that others could have written are ignored."""
    if place is None or not _trusted(place):
        return
    for file in sorted(place.glob("*.json")):
        if _trusted(file):
            try:
                yield msgspec.json.decode(file.read_bytes(), type=RegisteredService)
            except (OSError, msgspec.DecodeError):
                continue


def _trusted(path: Path) -> bool:
    """Whether only root, or the user who runs this, can have written `path`."""
    try:
        found = path.lstat()
    except OSError:
        return False
    link, shared = stat.S_ISLNK(found.st_mode), found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return found.st_uid in (0, os.getuid()) and not link and not shared
