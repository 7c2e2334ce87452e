"""`membrowse doctor`: shows what a process of its own finds wrong, and which command mends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from membrowse.cli import output
from membrowse.cli.boundary import Stop
from membrowse.cli.exits import Exit
from membrowse.text import shown

_SIGNS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}
_STDERR_LINES = 5


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    state: str
    """`ok`, `warning` or `problem`."""
    detail: str
    remedy: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse doctor --json` prints."""

    healthy: bool
    checks: tuple[Check, ...]


def doctor(folder: Path, *, as_json: bool) -> Exit:
    """Examine `folder` and its index; the index and the models are opened in a child process."""
    report = _examined(folder)
    if as_json:
        output.write_json(report)
    else:
        output.write("".join(_lines(report)))
    return Exit.DONE if report.healthy else Exit.NONE


def _examined(folder: Path) -> Report:
    child = subprocess.run(  # noqa: S603  (our own interpreter and module, no shell)
        [sys.executable, "-m", "membrowse.engine.doctor", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    try:
        return msgspec.json.decode(child.stdout, type=Report)
    except msgspec.DecodeError as error:
        words = child.stderr.decode("utf-8", errors="replace").strip().splitlines()
        last = "\n".join(words[-_STDERR_LINES:])
        raise Stop(
            Exit.INTERNAL, f"the examination itself failed (status {child.returncode}): {last}"
        ) from error


def _lines(report: Report) -> list[str]:
    width = max((len(check.name) for check in report.checks), default=0)
    lines = []
    for check in report.checks:
        sign = _SIGNS.get(check.state, shown(check.state))
        lines.append(f"{sign}  {shown(check.name):<{width}}  {shown(check.detail)}\n")
        if check.remedy:
            lines.append(f"{'':7}  {'':{width}}  → {shown(check.remedy)}\n")
    problems = sum(check.state == "problem" for check in report.checks)
    count = "1 problem" if problems == 1 else f"{problems} problems"
    lines.append("healthy\n" if report.healthy else f"not healthy: {count}\n")
    return lines
