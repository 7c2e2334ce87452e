"""Saved configurations: a file beside the settings file, written by membrowse itself.

`tunings.json` holds names with the settings they change, and which of them is in force. All engines
of a person share it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from membrowse.paths import private, replace_file
from membrowse.settings.loading import SettingsError
from membrowse.wire.tuning import Overrides, SavedConfiguration

NAME_LENGTH = 60


class SavedConfigurations(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content."""

    in_force: str = ""
    """A saved name, or empty."""
    saved: dict[str, Overrides] = {}

    @property
    def overrides(self) -> Overrides:
        """Of the configuration in force; none where none is."""
        return self.saved.get(self.in_force, {})

    def listed(self) -> tuple[SavedConfiguration, ...]:
        """What is saved, by name."""
        named = sorted(self.saved.items())
        return tuple(SavedConfiguration(name=name, overrides=values) for name, values in named)


def beside(config_file: Path) -> Path:
    """The file of saved configurations that belongs to a settings file."""
    return config_file.with_name("tunings.json")


def read(file: Path) -> SavedConfigurations:
    """What `file` holds; nothing where there is none. Raises `SettingsError`."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=SavedConfigurations)
    except FileNotFoundError:
        return SavedConfigurations()
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"{file}: the saved configurations cannot be read: {error}") from error


def save(file: Path, name: str, overrides: Overrides) -> SavedConfigurations:
    """Save `overrides` under `name`, in force from now on. Raises `SettingsError`."""
    name = _checked(name)
    return _changed(
        file, lambda now: SavedConfigurations(in_force=name, saved={**now.saved, name: overrides})
    )


def delete(file: Path, name: str) -> SavedConfigurations:
    """Forget `name`; where it was in force, nothing is. Raises `SettingsError`."""

    def without(now: SavedConfigurations) -> SavedConfigurations:
        _known(now, name)
        left = {key: values for key, values in now.saved.items() if key != name}
        return SavedConfigurations(
            in_force="" if now.in_force == name else now.in_force, saved=left
        )

    return _changed(file, without)


def use(file: Path, name: str) -> SavedConfigurations:
    """Put `name` in force; none, if it is empty. Raises `SettingsError`."""

    def using(now: SavedConfigurations) -> SavedConfigurations:
        if name:
            _known(now, name)
        return SavedConfigurations(in_force=name, saved=now.saved)

    return _changed(file, using)


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise SettingsError(
            f"a saved configuration needs a name of 1 to {NAME_LENGTH} printable characters"
        )
    return name


def _known(tuned: SavedConfigurations, name: str) -> None:
    if name not in tuned.saved:
        raise SettingsError(f"no configuration is saved as {name!r}")


def _changed(
    file: Path, change: Callable[[SavedConfigurations], SavedConfigurations]
) -> SavedConfigurations:
    """Read, change and write `file`, one process at a time."""
    try:
        with _alone(private(file.parent)):
            tuned = change(read(file))
            replace_file(
                file, msgspec.json.format(msgspec.json.encode(tuned), indent=2) + b"\n", sync=True
            )
            return tuned
    except OSError as error:
        raise SettingsError(f"{file}: the configuration cannot be saved: {error}") from error


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
