"""Profiles of attached agents: one JSON file each, in a directory beside the settings file."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.settings import Settings, SettingsError, with_profile
from membrowse.wire.agents import AgentMemory, AgentProfile

LARGEST = 1 << 20
"""Bytes of a profile."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,59}")


def directory() -> Path:
    """The directory of the profiles; it need not exist."""
    return paths.config_file().with_name("agents")


def listed() -> list[AgentProfile]:
    """All profiles, by name. Raises `SettingsError` for one that cannot be used."""
    return [read(name) for name in names()]


def names() -> list[str]:
    """The names of all profiles."""
    found = (file.stem for file in directory().glob("*.json"))
    return sorted(name for name in found if _NAME.fullmatch(name))


def read(name: str) -> AgentProfile:
    """The profile called `name`. Raises `SettingsError`."""
    file = _file(name)
    try:
        if file.parent.is_dir():
            paths.private(file.parent)
        with os.fdopen(paths.open_file(file, os.O_RDONLY), "rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise SettingsError(f"{file}: larger than {LARGEST >> 20} MB")
        profile = msgspec.json.decode(content, type=AgentProfile)
    except FileNotFoundError as error:
        known = ", ".join(names())
        hint = f"attached: {known}" if known else "`membrowse agents` lists what can be attached"
        raise SettingsError(f"no agent is attached as {name!r} ({hint})") from error
    except paths.Untrusted:
        raise
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{file}: the profile cannot be read: {error}") from error
    with_profile(Settings(), profile)
    return msgspec.structs.replace(profile, name=name)


def keep(profile: AgentProfile) -> Path:
    """Write `profile` and return its file. Raises `SettingsError`.

    A profile of the same name is replaced if it has the same folder. The agreement to run its
    command lasts as long as the command stays the same.
    """
    file = _file(profile.name)
    with_profile(Settings(), profile)
    if file.exists():
        known = read(profile.name)
        if known.memory.folder != profile.memory.folder:
            raise SettingsError(
                f"{profile.name!r} is attached to {known.memory.folder}: give another --name"
            )
        agreed = known.may_run and known.memory.search == profile.memory.search
        profile = msgspec.structs.replace(profile, may_run=profile.may_run or agreed)
    _write(file, profile)
    return file


def agree(profile: AgentProfile) -> AgentProfile:
    """`profile`, with the agreement that its command runs, which is kept. Raises
    `SettingsError`."""
    agreed = msgspec.structs.replace(profile, may_run=True)
    _write(_file(profile.name), agreed)
    return agreed


def forget(name: str) -> None:
    """Delete the profile called `name`; nothing else is touched. Raises `SettingsError`."""
    file = _file(name)
    try:
        file.unlink()
    except FileNotFoundError as error:
        raise SettingsError(f"no agent is attached as {name!r}") from error
    except OSError as error:
        raise SettingsError(f"{file}: cannot be deleted: {error.strerror}") from error
    with contextlib.suppress(OSError):
        file.parent.rmdir()


def of_folder(folder: Path) -> list[AgentProfile]:
    """The profiles of `folder`, by name. Raises `SettingsError`."""
    real = os.path.realpath(folder)
    return [each for each in listed() if os.path.realpath(each.memory.folder) == real]


def of_store(address: str) -> AgentProfile:
    """A profile for the own search of the store at `address`, which nothing else is known of."""
    kind = re.split("[:+]", address, maxsplit=1)[0]
    return AgentProfile(name=kind, memory=AgentMemory(id=kind, system=kind, store=address))


def default_name(memory: AgentMemory) -> str:
    """A name for the profile of `memory`: its id, without characters that a name cannot have."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", memory.id).strip("-.")[:60]


def _file(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be a name: letters, digits, `.`, `_` and `-`, up to 60"
        )
    return directory() / f"{name}.json"


def _write(file: Path, profile: AgentProfile) -> None:
    content = msgspec.json.format(msgspec.json.encode(profile), indent=2) + b"\n"
    try:
        paths.replace_file(file, content, sync=True)
    except paths.Untrusted:
        raise
    except OSError as error:
        raise SettingsError(f"{file}: cannot be written: {error.strerror}") from error
