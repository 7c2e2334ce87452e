"""Saved configurations: the file `tunings.json` beside the settings file.

It contains named sets of overrides, and the name of the one in force. All engines of a user share
it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from membrowse.paths import private, replace_file
from membrowse.settings.loader import SettingsError
from membrowse.settings.overrides import overridden
from membrowse.settings.values import Settings
from membrowse.wire.overrides import Overrides
from membrowse.wire.tuning import SavedConfiguration

NAME_LENGTH = 60


class SavedConfigurations(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content."""

    in_force: str = ""
    """A saved name, or empty."""
    saved: dict[str, Overrides] = {}

    @property
    def overrides(self) -> Overrides:
        """The overrides in force; empty if no saved configuration is."""
        return self.saved.get(self.in_force, {})

    def applied_to(self, base: Settings, fixed: Container[str]) -> Settings:
        """`base` with the overrides in force, except for the dotted keys that are `fixed`.

        Raises `SettingsError`, with the configuration's name.
        """
        free = {key: value for key, value in self.overrides.items() if key not in fixed}
        try:
            return overridden(base, free)
        except SettingsError as error:
            raise SettingsError(f"the saved configuration {self.in_force!r}: {error}") from error

    def listed(self) -> tuple[SavedConfiguration, ...]:
        """All saved configurations, sorted by name."""
        named = sorted(self.saved.items())
        return tuple(SavedConfiguration(name=name, overrides=values) for name, values in named)


def configurations_file(config_file: Path) -> Path:
    """The file of saved configurations that belongs to a settings file."""
    return config_file.with_name("tunings.json")


def read_configurations(file: Path) -> SavedConfigurations:
    """The content of `file`; empty if it does not exist. Raises `SettingsError`."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=SavedConfigurations)
    except FileNotFoundError:
        return SavedConfigurations()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{file}: the saved configurations cannot be read: {error}") from error


def save_configuration(file: Path, name: str, overrides: Overrides) -> SavedConfigurations:
    """Save `overrides` as `name` and put them in force. Raises `SettingsError`."""
    name = _checked_name(name)
    return _changed_file(
        file, lambda now: SavedConfigurations(in_force=name, saved={**now.saved, name: overrides})
    )


def delete_configuration(file: Path, name: str) -> SavedConfigurations:
    """Delete `name`; if it was in force, none is. Raises `SettingsError`."""

    def without(now: SavedConfigurations) -> SavedConfigurations:
        _known(now, name)
        left = {key: values for key, values in now.saved.items() if key != name}
        return SavedConfigurations(
            in_force="" if now.in_force == name else now.in_force, saved=left
        )

    return _changed_file(file, without)


def use_configuration(file: Path, name: str) -> SavedConfigurations:
    """Put `name` in force; none if it is empty. Raises `SettingsError`."""

    def using(now: SavedConfigurations) -> SavedConfigurations:
        if name:
            _known(now, name)
        return SavedConfigurations(in_force=name, saved=now.saved)

    return _changed_file(file, using)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise SettingsError(
            f"a saved configuration needs a name of 1 to {NAME_LENGTH} printable characters"
        )
    return name


def _known(saved: SavedConfigurations, name: str) -> None:
    if name not in saved.saved:
        raise SettingsError(f"no configuration is saved as {name!r}")


def _changed_file(
    file: Path, change: Callable[[SavedConfigurations], SavedConfigurations]
) -> SavedConfigurations:
    """Read, change and write `file`, one process at a time. Raises `SettingsError`."""
    try:
        with _locked_directory(private(file.parent)):
            changed = change(read_configurations(file))
            replace_file(
                file, msgspec.json.format(msgspec.json.encode(changed), indent=2) + b"\n", sync=True
            )
            return changed
    except OSError as error:
        raise SettingsError(f"{file}: the configuration cannot be saved: {error}") from error


@contextmanager
def _locked_directory(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
