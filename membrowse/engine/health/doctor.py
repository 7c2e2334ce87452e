"""`python -m membrowse.engine.health.doctor`: what is wrong, and which command fixes it.

Runs in a separate process, so that it works even if no engine can start, and prints one
`membrowse.wire.health.Health` as JSON.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from membrowse import interpreter, paths, settings
from membrowse.engine.health import environment_checks
from membrowse.engine.health.environment_checks import Subject, problem
from membrowse.engine.health.index_checks import index_checks
from membrowse.wire.codec import encode
from membrowse.wire.health import Check, CheckState, Health

_CHECKS: dict[str, Callable[[Subject], Iterator[Check]]] = {
    "folder": environment_checks.folder,
    "model": environment_checks.model,
    "inotify": environment_checks.inotify,
    "disk": environment_checks.disk,
    "index": index_checks,
}


def examine(folder: Path) -> Health:
    """Run all checks on `folder`; changes nothing and raises nothing."""
    checks = tuple(_examined(Path(os.path.realpath(folder))))
    healthy = all(check.state is not CheckState.PROBLEM for check in checks)
    return Health(healthy=healthy, checks=checks)


def _examined(folder: Path) -> Iterator[Check]:
    try:
        configured = settings.load(paths.config_file())
    except settings.SettingsError as error:
        configured = settings.Settings()
        yield problem("settings", str(error), f"edit {paths.config_file()}")
    subject = Subject(folder, configured)
    for name, check in _CHECKS.items():
        try:
            yield from check(subject)
        except Exception as error:  # a check that fails is a result, not a traceback
            logging.getLogger(__name__).exception("the check of the %s failed", name)
            remedy = f"see the log: {paths.log_file(folder)}"
            yield problem(name, f"{type(error).__name__}: {error}", remedy)


def main() -> int:
    """Examine the folder that the environment names, and print the result."""
    health = examine(interpreter.given_folder())
    sys.stdout.buffer.write(encode(health) + b"\n")
    return 0 if health.healthy else 1


if __name__ == "__main__":
    sys.exit(main())
