"""What the person tries with the knobs: values over those in force, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from membrowse.tui.model.knobs import KNOBS, Knob, written
from membrowse.wire.tuning import Configurations, Overrides, TuneResponse, Value

SETTINGS_FILE = "the settings file"
"""What the configuration without a saved one is called."""


@dataclass(frozen=True, slots=True)
class Named:
    """A configuration that can be put in force or compared."""

    name: str
    """Of the saved one; empty: the settings file's values."""
    overrides: Overrides

    @property
    def label(self) -> str:
        return self.name or SETTINGS_FILE

    @property
    def told(self) -> str:
        """Its values, in a line."""
        return _told(self.overrides)


@dataclass(slots=True)
class Tuning:
    """The state of the tuning panel."""

    tunings: Configurations | None = None
    """What is saved and in force; None until the engine has told."""
    turned: Overrides = field(default_factory=dict)
    """What differs from the configuration in force."""
    extra: Overrides = field(default_factory=dict)
    """Settings without a knob that are tried, too (a change that `why` offers)."""
    at: int = 0
    """The knob, or after the knobs the configuration, under the cursor."""
    typed: str = ""
    tried: TuneResponse | None = None
    problem: str = ""
    """Why the values cannot be tried, or what was typed cannot be taken."""

    # What there is

    @property
    def configurations(self) -> list[Named]:
        """The settings file's values, then what is saved."""
        saved = self.tunings.saved if self.tunings else ()
        return [Named("", {}), *(Named(one.name, one.overrides) for one in saved)]

    @property
    def rows(self) -> int:
        return len(KNOBS) + len(self.configurations)

    @property
    def knob(self) -> Knob | None:
        """The knob under the cursor."""
        return KNOBS[self.at] if self.at < len(KNOBS) else None

    @property
    def configuration(self) -> Named | None:
        """The configuration under the cursor."""
        at = self.at - len(KNOBS)
        return self.configurations[at] if 0 <= at < len(self.configurations) else None

    @property
    def in_force(self) -> Named:
        """The configuration in force."""
        name = self.tunings.in_force if self.tunings else ""
        return next((one for one in self.configurations if one.name == name), Named("", {}))

    def saved_value(self, key: str) -> Value | None:
        """The value in force."""
        return self.tunings.current.get(key) if self.tunings else None

    def value(self, key: str) -> Value | None:
        """The value tried, or in force."""
        return self.turned.get(key, self.saved_value(key))

    def idle(self, knob: Knob) -> str:
        """Why the knob turns nothing now; empty where it does."""
        if self.tunings is not None and knob.key in self.tunings.fixed:
            return "fixed by an environment variable"
        if knob.key == "fusion.rrf_k" and self.value("fusion.method") != "rrf":
            return "for rrf only"
        unranked = self.value("rerank.method") == "none"
        if knob.key in ("rerank.pool", "rerank.blend") and unranked:
            return "for a reranker only"
        return ""

    # What is tried

    @property
    def trying(self) -> bool:
        """Whether anything differs from what is in force."""
        return bool(self.turned or self.extra)

    @property
    def overrides(self) -> Overrides:
        """The configuration tried, as it would be saved."""
        return self.in_force.overrides | self.extra | self.turned

    @property
    def told(self) -> str:
        """What is tried, in a line: `fusion.weight 0.62, rerank.pool 100`."""
        return _told(self.extra | self.turned)

    # Turning

    def take(self, tunings: Configurations) -> None:
        """Take what is saved and in force now; what equals it is not turned any more."""
        self.tunings = tunings
        for key, value in list(self.turned.items()):
            self.put(key, value)
        self.at = min(self.at, self.rows - 1)

    def put(self, key: str, value: Value) -> None:
        """Try `value`, which may be the one in force."""
        if value == self.saved_value(key):
            self.turned.pop(key, None)
        else:
            self.turned[key] = value
        self.problem = ""

    def put_all(self, overrides: Overrides) -> None:
        """Try these values in place of whatever was turned."""
        known = {knob.key for knob in KNOBS}
        self.reset_all()
        self.extra = {key: value for key, value in overrides.items() if key not in known}
        for key, value in overrides.items():
            if key in known:
                self.put(key, value)
        first = next((at for at, knob in enumerate(KNOBS) if knob.key in overrides), self.at)
        self.at = first

    def turn(self, by: int, *, far: bool) -> bool:
        """Turn the knob under the cursor by steps; False where there is nothing to turn."""
        knob = self.knob
        value = self.value(knob.key) if knob else None
        if knob is None or value is None or self.idle(knob):
            return False
        self.typed = ""
        self.put(knob.key, knob.turned(value, by, far=far))
        return True

    def take_typed(self) -> bool:
        """Try what was typed; False where that cannot be, and `problem` says why."""
        typed, self.typed = self.typed, ""
        knob = self.knob
        if not typed or knob is None:
            return False
        try:
            self.put(knob.key, knob.read(typed))
        except ValueError as error:
            self.problem = str(error)
            return False
        return True

    def reset(self) -> None:
        """Give the knob under the cursor its value in force again."""
        if self.knob is not None:
            self.turned.pop(self.knob.key, None)
        self.typed, self.problem = "", ""

    def reset_all(self) -> None:
        """Try nothing any more."""
        self.turned, self.extra = {}, {}
        self.typed, self.tried, self.problem = "", None, ""


def _told(values: Overrides) -> str:
    return ", ".join(f"{key} {written(value)}" for key, value in values.items())
