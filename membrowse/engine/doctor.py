"""`python -m membrowse.engine.doctor FOLDER`: what is wrong, and which command mends it.

Runs in a process of its own, so that it works where no engine can start, and prints one
`findings.health.Health` as JSON.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from membrowse import places, settings
from membrowse.engine import looks, wire
from membrowse.engine.index_looks import index_looks
from membrowse.engine.looks import Patient, problem
from membrowse.findings.health import Check, CheckState, Health

_LOOKS: dict[str, Callable[[Patient], Iterator[Check]]] = {
    "folder": looks.folder,
    "model": looks.model,
    "inotify": looks.inotify,
    "disk": looks.disk,
    "index": index_looks,
}


def examine(folder: Path) -> Health:
    """Look at everything that belongs to `folder`; nothing is changed, nothing raised."""
    checks = tuple(_examined(Path(os.path.realpath(folder))))
    healthy = all(check.state is not CheckState.PROBLEM for check in checks)
    return Health(healthy=healthy, checks=checks)


def _examined(folder: Path) -> Iterator[Check]:
    try:
        configured = settings.load(places.config_file())
    except settings.SettingsError as error:
        configured = settings.Settings()
        yield problem("settings", str(error), f"edit {places.config_file()}")
    patient = Patient(folder, configured)
    for name, look in _LOOKS.items():
        try:
            yield from look(patient)
        except Exception as error:  # a look that fails is a finding, not a traceback
            logging.getLogger(__name__).exception("looking at the %s failed", name)
            remedy = f"the log may tell more: {places.log_file(folder)}"
            yield problem(name, f"{type(error).__name__}: {error}", remedy)


def main() -> int:
    """Examine the folder named on the command line and print what came of it."""
    health = examine(Path(sys.argv[1]))
    sys.stdout.buffer.write(wire.encoded(health) + b"\n")
    return 0 if health.healthy else 1


if __name__ == "__main__":
    sys.exit(main())
