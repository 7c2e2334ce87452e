"""A system service as it is to be: its name, folder, users and program."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from membrowse import interpreter
from membrowse.log_formats import LogFormat

NAME = re.compile(r"[a-z][a-z0-9-]{0,20}")
"""What a service can be called: its name becomes part of user names and unit names."""


class Platform(StrEnum):
    """A kind of service manager."""

    LINUX = "linux"
    MACOS = "macos"


HERE = Platform.MACOS if sys.platform == "darwin" else Platform.LINUX


class UnsuitableService(ValueError):
    """The service cannot be set up like this; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """What `membrowse service install` is to set up.

    Raises `UnsuitableService` for a name or a folder that a service manager could misread.
    """

    name: str
    folder: Path
    """Its real path."""
    user: str
    group: str
    """Its members may connect and read."""
    operators: str | None = None
    """A group whose members may also reindex and pin."""
    log_format: LogFormat = LogFormat.TEXT
    grant_read: bool = False
    """Let the user read the folder."""
    python: Path = interpreter.PROGRAM

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            reason = "a name has 1 to 21 characters: a-z, then a-z, 0-9 or -"
            raise UnsuitableService(f"{self.name!r} cannot name a service: {reason}")
        for path in (self.folder, self.python):
            if not str(path).isprintable():
                raise UnsuitableService(f"{path!s}: a service needs a path of printable characters")

    @property
    def environment(self) -> str:
        """An environment file that names the folder, for the service manager to read."""
        escaped = re.sub(r'(["\\$`])', r"\\\1", str(self.folder))
        return f'{interpreter.FOLDER}="{escaped}"\n'

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line of the engine. Everybody can see it, so it does not name the folder."""
        operators = ("--operators", self.operators) if self.operators else ()
        return (*self.own_arguments, "--group", self.group, *operators)

    @property
    def own_arguments(self) -> tuple[str, ...]:
        """The command line of the engine as a user's own."""
        log = () if self.log_format is LogFormat.TEXT else ("--log-format", str(self.log_format))
        return (str(self.python), "-P", "-m", "membrowse", "serve", *log)


def folder_of(environment: str) -> Path | None:
    """The folder that `ServicePlan.environment` names."""
    found = re.search(rf'^{interpreter.FOLDER}="(.+)"$', environment, re.MULTILINE)
    return Path(re.sub(r"\\(.)", r"\1", found[1])) if found else None


def default_name(folder: Path) -> str:
    """A name for the service of `folder`, from the folder's own."""
    plain = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
    return (plain if NAME.match(plain) else f"notes-{plain}".strip("-"))[:21].strip("-")
