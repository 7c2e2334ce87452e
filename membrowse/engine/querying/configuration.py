"""The settings in force: what queries are ranked by, and the saved configurations behind them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from membrowse import paths, settings
from membrowse.ranking.ranker import Ranker
from membrowse.settings import Settings, SettingsError, saved_configurations
from membrowse.wire.overrides import Overrides
from membrowse.wire.tuning import TUNABLE, Configurations

log = logging.getLogger(__name__)

_CUT = frozenset({"agent.k", "agent.min_score"})
_Stamp = tuple[int, int, int]


class ActiveConfiguration:
    """The settings in force and their ranker; replaced, never changed, and read from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.ranker = Ranker(settings)
        """Read once: settings and ranker always match (`ranker.settings`)."""

    @property
    def settings(self) -> Settings:
        return self.ranker.settings

    def ranker_with(self, profile: Overrides) -> Ranker:
        """The ranker for a request with an agent's profile. Raises `SettingsError`."""
        if not profile:
            return self.ranker
        return self.ranker.with_settings(with_profile(self.settings, profile))

    def put(self, settings: Settings) -> None:
        """Rank by `settings` from now on."""
        self.ranker = Ranker(settings)


def with_profile(base: Settings, profile: Overrides) -> Settings:
    """`base` with an agent's profile over it; the environment outranks the profile.

    Raises `SettingsError`.
    """
    fixed = settings.fixed_keys(os.environ)
    free = {key: value for key, value in profile.items() if key not in fixed}
    return settings.overridden(base, free)


class ConfigurationStore:
    """The saved configurations in `file`, which several engines and clients share.

    Keeps `configuration` at what the file says is in force, over the settings that the engine
    started with. `changed` is called when something else came into force. Thread-safe.
    """

    def __init__(
        self, configuration: ActiveConfiguration, file: Path, changed: Callable[[], None]
    ) -> None:
        self._configuration = configuration
        self._base = configuration.settings
        self._file = file
        self._changed = changed
        self._fixed = settings.fixed_keys(os.environ)
        self._cut_set = _sets_cut()
        self._stamp: _Stamp | None = None
        self._lock = threading.RLock()
        self._tuned = saved_configurations.SavedConfigurations()
        self.name = ""
        """Name of the saved configuration in force, or empty."""
        self.problem = ""
        """Why the configuration that the file names cannot be used, or empty."""
        self._read()

    def with_overrides(self, overrides: Overrides) -> Settings:
        """The settings that saving `overrides` would put in force. Raises `SettingsError`."""
        free = {key: value for key, value in overrides.items() if key not in self._fixed}
        return settings.overridden(self._base, free)

    def refresh(self) -> None:
        """Use what another process saved, if the file has changed (one `stat`)."""
        if self._stat() != self._stamp:
            with self._lock:
                self._reload()

    def save(self, name: str, overrides: Overrides) -> Configurations:
        """Save `overrides` under `name` and use them. Raises `SettingsError`."""
        settings.overridden(self._base, overrides)
        return self._after(
            lambda: saved_configurations.save_configuration(self._file, name, overrides)
        )

    def delete(self, name: str) -> Configurations:
        """Delete a saved configuration. Raises `SettingsError`."""
        return self._after(lambda: saved_configurations.delete_configuration(self._file, name))

    def use(self, name: str) -> Configurations:
        """Use a saved configuration; with an empty name, none. Raises `SettingsError`."""
        return self._after(lambda: saved_configurations.use_configuration(self._file, name))

    def listed(self) -> Configurations:
        """What is saved and what is in force."""
        self.refresh()
        base, current = (settings.flat(each) for each in (self._base, self._configuration.settings))
        return Configurations(
            in_force=self.name,
            saved=self._tuned.listed(),
            base=_tunable(base),
            current=_tunable(current),
            fixed=self._fixed,
        )

    @property
    def cut_set(self) -> bool:
        """Whether the agent's cut is set, be it to the default values."""
        return self._cut_set or not _CUT.isdisjoint(self._tuned.overrides)

    def _after(self, change: Callable[[], object]) -> Configurations:
        with self._lock:
            change()
            self._reload()
            return self.listed()

    def _stat(self) -> _Stamp | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _reload(self) -> None:
        """Read the file, and report if something else is in force now."""
        before = (self.name, self.problem, self._configuration.settings)
        self._read()
        if before != (self.name, self.problem, self._configuration.settings):
            log.info("saved configuration in force: %s", self.name or "none")
            self._changed()

    def _read(self) -> None:
        """Use the configuration that the file names, or none if it cannot be used."""
        self._stamp = self._stat()
        tuned, problem = saved_configurations.SavedConfigurations(), ""
        wanted = self._base
        try:
            tuned = saved_configurations.read_configurations(self._file)
            wanted = tuned.applied_to(self._base, settings.fixed_keys())
        except SettingsError as error:
            log.warning("no saved configuration is in force: %s", error)
            problem = f"no saved configuration is in force: {error}"
        self._tuned = tuned
        self.name, self.problem = "" if problem else tuned.in_force, problem
        if wanted != self._configuration.settings:
            self._configuration.put(wanted)


def _sets_cut() -> bool:
    """Whether the settings file or the environment sets the agent's cut."""
    try:
        return any(settings.is_set(key, paths.config_file()) for key in _CUT)
    except SettingsError:
        return False  # the file changed since the engine read it


def _tunable(values: dict[str, Any]) -> Overrides:
    return {key: values[key] for key in TUNABLE}
