"""The settings in force, and where each value comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from membrowse.settings import saved_configurations
from membrowse.settings.loading import PREFIX, SettingsError, content_of, of
from membrowse.settings.overrides import flat, overridden
from membrowse.settings.values import Settings

DEFAULT = "default"
"""The origin of a value that nobody set."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What rules, layer upon layer."""

    settings: Settings
    origins: Mapping[str, str]
    """By dotted key: `default`, the settings file's path, `saved configuration NAME`, or the
    environment variable's name."""
    tuning: str
    """The saved configuration in force, or empty."""
    problem: str = ""
    """Why the saved configuration is left aside, or empty."""


def fixed_keys(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The dotted keys that environment variables set: no saved configuration changes them."""
    named = {name.upper() for name in environment}
    return tuple(key for key in flat(Settings()) if _variable(key) in named)


def put_on(
    base: Settings, tuned: saved_configurations.SavedConfigurations, environment: Mapping[str, str]
) -> Settings:
    """`base` with the saved configuration in force, save for what `environment` fixes.

    Raises `SettingsError`, with the configuration's name.
    """
    fixed = fixed_keys(environment)
    free = {key: value for key, value in tuned.overrides.items() if key not in fixed}
    try:
        return overridden(base, free)
    except SettingsError as error:
        raise SettingsError(f"the saved configuration {tuned.in_force!r}: {error}") from error


def configured(file: Path, environment: Mapping[str, str] = os.environ) -> Configured:
    """The settings of `file`, `environment` and the saved configuration in force.

    Raises `SettingsError` like `load`; a saved configuration that cannot be used is left aside.
    """
    content = content_of(file)
    base = of(content, file, environment)
    tuned, settings, problem = saved_configurations.SavedConfigurations(), base, ""
    try:
        read = saved_configurations.read(saved_configurations.beside(file))
        settings, tuned = put_on(base, read, environment), read
    except SettingsError as error:
        problem = str(error)
    origins = {key: _origin(key, file, content, tuned, environment) for key in flat(settings)}
    return Configured(settings, origins, tuned.in_force, problem)


def _origin(
    key: str,
    file: Path,
    content: Any,
    tuned: saved_configurations.SavedConfigurations,
    environment: Mapping[str, str],
) -> str:
    for name in environment:
        if name.upper() == _variable(key):
            return name
    if key in tuned.overrides:
        return f"saved configuration {tuned.in_force}"
    for name in key.split("."):
        if not isinstance(content, dict) or name not in content:
            return DEFAULT
        content = content[name]
    return str(file)


def _variable(key: str) -> str:
    return PREFIX + key.replace(".", "_").upper()
