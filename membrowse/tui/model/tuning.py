"""The state of the tuning panel: values tried over those in force, and their results."""

from __future__ import annotations

from dataclasses import dataclass, field

from membrowse import paths
from membrowse.tui.model.tunable_settings import (
    ROOT_LIMIT,
    TUNABLE_SETTINGS,
    TunableSetting,
    value_text,
)
from membrowse.wire.overrides import Overrides, Value
from membrowse.wire.tuning import Configurations, TuneResponse


def base_label() -> str:
    """Label of the configuration that no saved one overrides."""
    return "the settings file" if paths.config_file().exists() else "the defaults"


@dataclass(frozen=True, slots=True)
class NamedConfiguration:
    """A configuration that can be used or compared."""

    name: str
    """Empty: the values of the settings file."""
    overrides: Overrides

    @property
    def label(self) -> str:
        return self.name or base_label()

    @property
    def values_text(self) -> str:
        """Its values on one line."""
        return _values_text(self.overrides)


@dataclass(slots=True)
class Tuning:
    """Rows, cursor and values of the tuning panel."""

    known: Configurations | None = None
    """What is saved and in force; None until the engine has replied."""
    changed: Overrides = field(default_factory=dict)
    """Values of the panel's settings that differ from those in force."""
    extra: Overrides = field(default_factory=dict)
    """Values tried for settings that the panel does not show (from a suggestion of `why`)."""
    at: int = 0
    """The row under the cursor: settings first, then configurations."""
    typed: str = ""
    """Digits of a value that is being typed."""
    tried: TuneResponse | None = None
    """The open query with the values tried."""
    problem: str = ""
    """Why the values cannot be tried, or the typed text is not a value."""
    has_roots: bool = False
    """Whether a collection is open."""
    agent: str = ""
    """The agent whose profile is chosen: values are tried without it."""

    # Rows

    @property
    def configurations(self) -> list[NamedConfiguration]:
        """The settings file's values, then the saved configurations."""
        saved = self.known.saved if self.known else ()
        named = (NamedConfiguration(one.name, one.overrides) for one in saved)
        return [NamedConfiguration("", {}), *named]

    @property
    def settings(self) -> tuple[TunableSetting, ...]:
        """The settings that are shown: a limit per root only where there are roots, or a limit."""
        limited = self.has_roots or ROOT_LIMIT in self.changed or self.saved_value(ROOT_LIMIT)
        return tuple(each for each in TUNABLE_SETTINGS if limited or each.key != ROOT_LIMIT)

    @property
    def rows(self) -> int:
        return len(self.settings) + len(self.configurations)

    @property
    def setting(self) -> TunableSetting | None:
        """The setting under the cursor."""
        settings = self.settings
        return settings[self.at] if self.at < len(settings) else None

    @property
    def configuration(self) -> NamedConfiguration | None:
        """The configuration under the cursor."""
        at = self.at - len(self.settings)
        return self.configurations[at] if 0 <= at < len(self.configurations) else None

    @property
    def in_force(self) -> NamedConfiguration:
        """The configuration in force."""
        name = self.known.in_force if self.known else ""
        found = (one for one in self.configurations if one.name == name)
        return next(found, NamedConfiguration("", {}))

    def saved_value(self, key: str) -> Value | None:
        """The value in force."""
        return self.known.current.get(key) if self.known else None

    def value(self, key: str) -> Value | None:
        """The value tried, else the value in force."""
        return self.changed.get(key, self.saved_value(key))

    def why_idle(self, setting: TunableSetting) -> str:
        """Why the setting has no effect now; empty if it has."""
        if self.known is not None and setting.key in self.known.fixed:
            return "fixed by an environment variable"
        if setting.key == "fusion.rrf_k" and self.value("fusion.method") != "rrf":
            return "with rrf only"
        unranked = self.value("rerank.method") == "none"
        if setting.key in ("rerank.pool", "rerank.blend", ROOT_LIMIT) and unranked:
            return "with a reranker only"
        return ""

    # Values tried

    @property
    def trying(self) -> bool:
        """Whether any value differs from those in force."""
        return bool(self.changed or self.extra)

    @property
    def overrides(self) -> Overrides:
        """The configuration tried, as it would be saved."""
        return self.in_force.overrides | self.extra | self.changed

    @property
    def values_text(self) -> str:
        """The values tried, on one line: `fusion.weight 0.62, rerank.pool 100`."""
        return _values_text(self.extra | self.changed)

    # Changing values

    def take(self, known: Configurations) -> None:
        """Take what is saved and in force; values equal to it no longer count as changed."""
        self.known = known
        for key, value in list(self.changed.items()):
            self.put(key, value)
        self.at = min(self.at, self.rows - 1)

    def put(self, key: str, value: Value) -> None:
        """Try `value`; the value in force undoes the change."""
        if value == self.saved_value(key):
            self.changed.pop(key, None)
        else:
            self.changed[key] = value
        self.problem = ""

    def put_all(self, overrides: Overrides) -> None:
        """Try these values and no others."""
        known = {setting.key for setting in TUNABLE_SETTINGS}
        self.reset_all()
        self.extra = {key: value for key, value in overrides.items() if key not in known}
        for key, value in overrides.items():
            if key in known:
                self.put(key, value)
        rows = (at for at, setting in enumerate(self.settings) if setting.key in overrides)
        self.at = next(rows, self.at)

    def step(self, by: int, *, far: bool) -> bool:
        """Change the setting under the cursor by steps; False if it cannot be changed."""
        setting = self.setting
        value = self.value(setting.key) if setting else None
        if setting is None or value is None or self.why_idle(setting):
            return False
        self.typed = ""
        self.put(setting.key, setting.stepped(value, by, far=far))
        return True

    def type(self, character: str) -> bool:
        """Add a character to the typed value; False if the setting takes none."""
        setting = self.setting
        if setting is None or setting.choices or self.why_idle(setting):
            return False
        self.typed = (self.typed + character)[:8]
        self.problem = ""
        return True

    def take_typed(self) -> bool:
        """Try the typed value; False if there is none, or it is invalid and `problem` says why."""
        typed, self.typed = self.typed, ""
        setting = self.setting
        if not typed or setting is None:
            return False
        try:
            self.put(setting.key, setting.parse(typed))
        except ValueError as error:
            self.problem = str(error)
            return False
        return True

    def reset(self) -> None:
        """Undo the change of the setting under the cursor."""
        if self.setting is not None:
            self.changed.pop(self.setting.key, None)
        self.typed, self.problem = "", ""

    def reset_all(self) -> None:
        """Undo all changes."""
        self.changed, self.extra = {}, {}
        self.typed, self.tried, self.problem = "", None, ""


def _values_text(values: Overrides) -> str:
    return ", ".join(f"{key} {value_text(value)}" for key, value in values.items())
