"""The saved configuration in force: kept as the file of saved ones says, whoever wrote it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from membrowse import settings
from membrowse.engine.querying.active_configuration import ActiveConfiguration
from membrowse.settings import Settings, SettingsError, saved_configurations
from membrowse.settings.origins import put_on
from membrowse.wire.tuning import TUNABLE, Configurations, Overrides

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]


class ConfigurationStore:
    """Puts what is saved in `file` into `configuration`; safe to use from several threads.

    `changed` is called when another configuration is in force than before. The values of the
    settings file and of environment variables are those of the engine's start.
    """

    def __init__(
        self, configuration: ActiveConfiguration, file: Path, changed: Callable[[], None]
    ) -> None:
        self._configuration = configuration
        self._base = configuration.settings
        self._file = file
        self._changed = changed
        self._fixed = settings.fixed_keys(os.environ)
        self._stamp: _Stamp | None = None
        self._lock = threading.RLock()
        self._tuned = saved_configurations.SavedConfigurations()
        self.name = ""
        """The saved configuration in force, or empty."""
        self.problem = ""
        """Why the one that is said to be in force is not, or empty."""
        self._read()

    @property
    def fixed(self) -> tuple[str, ...]:
        """Dotted keys that environment variables set."""
        return self._fixed

    def with_overrides(self, overrides: Overrides) -> Settings:
        """The settings as they would be if `overrides` were saved and in force.

        Raises `SettingsError`.
        """
        free = {key: value for key, value in overrides.items() if key not in self._fixed}
        return settings.overridden(self._base, free)

    def refresh(self) -> None:
        """Take over what another process saved; costs a look at the file's time."""
        if self._looked() != self._stamp:
            with self._lock:
                self._take_over()

    def save(self, name: str, overrides: Overrides) -> Configurations:
        """Save `overrides` under `name` and use them. Raises `SettingsError`."""
        settings.overridden(self._base, overrides)
        return self._after(lambda: saved_configurations.save(self._file, name, overrides))

    def delete(self, name: str) -> Configurations:
        """Delete a saved configuration. Raises `SettingsError`."""
        return self._after(lambda: saved_configurations.delete(self._file, name))

    def use(self, name: str) -> Configurations:
        """Put a saved configuration in force; none, if the name is empty."""
        return self._after(lambda: saved_configurations.use(self._file, name))

    def listed(self) -> Configurations:
        """What is saved, and in force."""
        self.refresh()
        base, current = (settings.flat(each) for each in (self._base, self._configuration.settings))
        return Configurations(
            in_force=self.name,
            saved=self._tuned.listed(),
            base=_tunable(base),
            current=_tunable(current),
            fixed=self._fixed,
        )

    def _after(self, change: Callable[[], object]) -> Configurations:
        with self._lock:
            change()
            self._take_over()
            return self.listed()

    def _looked(self) -> _Stamp | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _take_over(self) -> None:
        """Read the file, and tell if something else is in force now."""
        before = (self.name, self.problem, self._configuration.settings)
        self._read()
        if before != (self.name, self.problem, self._configuration.settings):
            log.info("the saved configuration in force: %s", self.name or "none")
            self._changed()

    def _read(self) -> None:
        """Read the file and put its configuration in force, or none where it cannot be used."""
        self._stamp = self._looked()
        tuned, problem = saved_configurations.SavedConfigurations(), ""
        wanted = self._base
        try:
            tuned = saved_configurations.read(self._file)
            wanted = put_on(self._base, tuned, os.environ)
        except SettingsError as error:
            log.warning("no saved configuration is in force: %s", error)
            problem = f"no saved configuration is in force: {error}"
        self._tuned = tuned
        self.name, self.problem = "" if problem else tuned.in_force, problem
        if wanted != self._configuration.settings:
            self._configuration.put(wanted)


def _tunable(values: dict[str, Any]) -> Overrides:
    return {key: values[key] for key in TUNABLE}
