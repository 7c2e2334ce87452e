"""The machine as programs see it: home directories and the environment variables that move them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """Home, working directory and environment of the user."""

    home: Path = field(default_factory=Path.home)
    working_directory: Path = field(default_factory=Path.cwd)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def directory(self, variable: str, default: str) -> Path:
        """The directory that `variable` names, else `default` below the home directory."""
        return self.path(self.environment.get(variable) or f"~/{default}")

    def config(self, name: str) -> Path:
        """A program's directory for settings."""
        return self.directory("XDG_CONFIG_HOME", ".config") / name

    def cache(self, name: str) -> Path:
        """A program's directory for caches."""
        return self.directory("XDG_CACHE_HOME", ".cache") / name

    def path(self, text: str, base: Path | None = None) -> Path:
        """`text` as an absolute path; `~` is the home directory, `base` that of relative ones."""
        if text == "~" or text.startswith("~/"):
            text = f"{self.home}{text[1:]}"
        return Path(os.path.normpath((base or self.working_directory) / text))
