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

from membrowse.findings.tuning import Overrides, SavedTuning
from membrowse.places import private, replace_file
from membrowse.settings.loading import SettingsError

NAME_LENGTH = 60


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content."""

    in_force: str = ""
    """A saved name, or empty."""
    saved: dict[str, Overrides] = {}

    @property
    def overrides(self) -> Overrides:
        """Of the configuration in force; none where none is."""
        return self.saved.get(self.in_force, {})

    def listed(self) -> tuple[SavedTuning, ...]:
        """What is saved, by name."""
        named = sorted(self.saved.items())
        return tuple(SavedTuning(name=name, overrides=values) for name, values in named)


def beside(config_file: Path) -> Path:
    """The file of saved configurations that belongs to a settings file."""
    return config_file.with_name("tunings.json")


def read(file: Path) -> Tuned:
    """What `file` holds; nothing where there is none. Raises `SettingsError`."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Tuned)
    except FileNotFoundError:
        return Tuned()
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"{file}: the saved configurations cannot be read: {error}") from error


def save(file: Path, name: str, overrides: Overrides) -> Tuned:
    """Save `overrides` under `name`, in force from now on. Raises `SettingsError`."""
    name = _checked(name)
    return _changed(file, lambda now: Tuned(in_force=name, saved={**now.saved, name: overrides}))


def forget(file: Path, name: str) -> Tuned:
    """Forget `name`; where it was in force, nothing is. Raises `SettingsError`."""

    def without(now: Tuned) -> Tuned:
        _known(now, name)
        left = {key: values for key, values in now.saved.items() if key != name}
        return Tuned(in_force="" if now.in_force == name else now.in_force, saved=left)

    return _changed(file, without)


def use(file: Path, name: str) -> Tuned:
    """Put `name` in force; none, if it is empty. Raises `SettingsError`."""

    def using(now: Tuned) -> Tuned:
        if name:
            _known(now, name)
        return Tuned(in_force=name, saved=now.saved)

    return _changed(file, using)


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise SettingsError(
            f"a saved configuration needs a name of 1 to {NAME_LENGTH} printable characters"
        )
    return name


def _known(tuned: Tuned, name: str) -> None:
    if name not in tuned.saved:
        raise SettingsError(f"no configuration is saved as {name!r}")


def _changed(file: Path, change: Callable[[Tuned], Tuned]) -> Tuned:
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
