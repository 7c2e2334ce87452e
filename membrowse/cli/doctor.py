"""`membrowse doctor`: shows what a process of its own finds wrong, and which command mends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from membrowse.cli import output
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.text import shown
from membrowse.wire.health import CheckState, Health

_SIGNS = {
    CheckState.OK: "ok     ",
    CheckState.WARNING: "warning",
    CheckState.PROBLEM: "PROBLEM",
}
_STDERR_LINES = 5


def doctor(folder: Path, *, as_json: bool) -> Exit:
    """Examine `folder` and its index; the index and the models are opened in a child process."""
    health = _examined(folder)
    if as_json:
        output.write_json(health)
    else:
        output.write("".join(_lines(health)))
    return Exit.DONE if health.healthy else Exit.NONE


def _examined(folder: Path) -> Health:
    child = subprocess.run(  # noqa: S603  (our own interpreter and module, no shell)
        [sys.executable, "-m", "membrowse.engine.health.doctor", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    try:
        return msgspec.json.decode(child.stdout, type=Health)
    except msgspec.DecodeError as error:
        words = child.stderr.decode("utf-8", errors="replace").strip().splitlines()
        last = "\n".join(words[-_STDERR_LINES:])
        raise Stop(
            Exit.INTERNAL, f"the examination itself failed (status {child.returncode}): {last}"
        ) from error


def _lines(health: Health) -> list[str]:
    width = max((len(check.name) for check in health.checks), default=0)
    lines = []
    for check in health.checks:
        lines.append(
            f"{_SIGNS[check.state]}  {shown(check.name):<{width}}  {shown(check.detail)}\n"
        )
        if check.remedy:
            lines.append(f"{'':7}  {'':{width}}  → {shown(check.remedy)}\n")
    problems = sum(check.state is CheckState.PROBLEM for check in health.checks)
    count = "1 problem" if problems == 1 else f"{problems} problems"
    lines.append("healthy\n" if health.healthy else f"not healthy: {count}\n")
    return lines
