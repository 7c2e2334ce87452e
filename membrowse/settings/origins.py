"""The settings in force, and where each value comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from membrowse.settings import saved_configurations
from membrowse.settings.loader import PREFIX, SettingsError, content_of, of
from membrowse.settings.overrides import flat, overridden
from membrowse.settings.values import Settings
from membrowse.wire.agents import AgentProfile
from membrowse.wire.overrides import Overrides

DEFAULT = "default"
"""The origin of a value that is not set."""


@dataclass(frozen=True, slots=True)
class Configured:
    """The settings in force, from all layers."""

    settings: Settings
    origins: Mapping[str, str]
    """By dotted key: `default`, the settings file's path, `saved configuration NAME`,
    `agent NAME`, or the environment variable's name."""
    problem: str = ""
    """Why the saved configuration is ignored, or empty."""


def fixed_keys(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Dotted keys that environment variables set; a saved configuration cannot change them."""
    named = {name.upper() for name in environment}
    return tuple(key for key in flat(Settings()) if _variable(key) in named)


def configured(
    file: Path,
    environment: Mapping[str, str] = os.environ,
    profile: AgentProfile | None = None,
) -> Configured:
    """The settings of `file`, `environment`, the saved configuration in force and `profile`.

    Raises `SettingsError` like `load`, and for a profile that cannot be used. A saved configuration
    that cannot be used is ignored.
    """
    content = content_of(file)
    base = of(content, file, environment)
    saved, settings, problem = saved_configurations.SavedConfigurations(), base, ""
    try:
        read = saved_configurations.read_configurations(
            saved_configurations.configurations_file(file)
        )
        settings, saved = read.applied_to(base, fixed_keys(environment)), read
    except SettingsError as error:
        problem = str(error)
    layers = [(f"saved configuration {saved.in_force}", saved.overrides)]
    if profile is not None:
        settings = with_profile(settings, profile, environment)
        layers.insert(0, (f"agent {profile.name}", profile.memory.settings))
    origins = {key: _origin(key, file, content, layers, environment) for key in flat(settings)}
    return Configured(settings, origins, problem)


def is_set(key: str, file: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether `file` or `environment` sets a dotted key, be it to the default value.

    Raises `SettingsError`.
    """
    return _origin(key, file, content_of(file), (), environment) != DEFAULT


def with_profile(
    base: Settings, profile: AgentProfile, environment: Mapping[str, str] = os.environ
) -> Settings:
    """`base` with the settings of an agent's profile, except for keys that `environment` fixes.

    Raises `SettingsError`, with the profile's name.
    """
    fixed = fixed_keys(environment)
    free = {key: value for key, value in profile.memory.settings.items() if key not in fixed}
    try:
        return overridden(base, free)
    except SettingsError as error:
        raise SettingsError(f"the profile of the agent {profile.name!r}: {error}") from error


def _origin(
    key: str,
    file: Path,
    content: Any,
    layers: Sequence[tuple[str, Overrides]],
    environment: Mapping[str, str],
) -> str:
    for name in environment:
        if name.upper() == _variable(key):
            return name
    for name, overrides in layers:
        if key in overrides:
            return name
    for name in key.split("."):
        if not isinstance(content, dict) or name not in content:
            return DEFAULT
        content = content[name]
    return str(file)


def _variable(key: str) -> str:
    return PREFIX + key.replace(".", "_").upper()
