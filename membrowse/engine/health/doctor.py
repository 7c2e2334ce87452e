"""`python -m membrowse.engine.health.doctor FOLDER`: what is wrong, and which command mends it.

Runs in a process of its own, so that it works where no engine can start, and prints one
`findings.health.Health` as JSON.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from membrowse import paths, settings
from membrowse.engine.health import environment_checks
from membrowse.engine.health.environment_checks import Subject, problem
from membrowse.engine.health.index_checks import index_looks
from membrowse.wire.codec import encode
from membrowse.wire.health import Check, CheckState, Health

_LOOKS: dict[str, Callable[[Subject], Iterator[Check]]] = {
    "folder": environment_checks.folder,
    "model": environment_checks.model,
    "inotify": environment_checks.inotify,
    "disk": environment_checks.disk,
    "index": index_looks,
}


def examine(folder: Path) -> Health:
    """Look at everything that belongs to `folder`; nothing is changed, nothing raised."""
    checks = tuple(_examined(Path(os.path.realpath(folder))))
    healthy = all(check.state is not CheckState.PROBLEM for check in checks)
    return Health(healthy=healthy, checks=checks)


def _examined(folder: Path) -> Iterator[Check]:
    try:
        configured = settings.load(paths.config_file())
    except settings.SettingsError as error:
        configured = settings.Settings()
        yield problem("settings", str(error), f"edit {paths.config_file()}")
    patient = Subject(folder, configured)
    for name, look in _LOOKS.items():
        try:
            yield from look(patient)
        except Exception as error:  # a look that fails is a finding, not a traceback
            logging.getLogger(__name__).exception("looking at the %s failed", name)
            remedy = f"the log may tell more: {paths.log_file(folder)}"
            yield problem(name, f"{type(error).__name__}: {error}", remedy)


def main() -> int:
    """Examine the folder named on the command line and print what came of it."""
    health = examine(Path(sys.argv[1]))
    sys.stdout.buffer.write(encode(health) + b"\n")
    return 0 if health.healthy else 1


if __name__ == "__main__":
    sys.exit(main())
