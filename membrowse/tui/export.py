"""Files that the browser writes on request: a picture and the text of a view, a report."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from membrowse import interpreter, paths
from membrowse.tui.messages import ReportWanted


class ExportFailed(Exception):
    """Nothing was written; the message says why."""


def new_file(now: datetime, what: str, suffix: str) -> Path:
    """A file for an export, named by `what` and time, that does not exist yet."""
    stamp = now.strftime("%Y%m%d-%H%M%S")
    names = (f"membrowse-{what}-{stamp}{n}" for n in ("", *(f"-{at}" for at in range(2, 100))))
    found = (paths.exports_dir() / f"{name}{suffix}" for name in names)
    return next(file for file in found if not file.exists())


def write_view(now: datetime, svg: str, text: str) -> Path:
    """Write a view as SVG and as text beside it, and return the SVG file. Raises `OSError`."""
    file = new_file(now, "view", ".svg")
    paths.replace_file(file, svg.encode("utf-8", "replace"))
    paths.replace_file(file.with_suffix(".txt"), text.encode("utf-8", "replace"))
    return file


async def write_report(now: datetime, folder: Path, wanted: ReportWanted) -> Path:
    """Run `membrowse report` and return the JSON file. Raises `ExportFailed`."""
    file = new_file(now, "report", ".json")
    paths.private(file.parent)
    options = ["--syntax"] if wanted.syntax == "operators" else []
    options += [f"--{name}={value}" for name, value in wanted.filters.given.items()]
    command = ["report", "-o", str(file), "--folder", str(folder), *options, "--", wanted.text]
    command += [wanted.target] if wanted.target else []
    ended = await asyncio.to_thread(interpreter.run, "membrowse", *command)
    if ended.returncode:
        raise ExportFailed(ended.stderr.decode(errors="replace").strip() or "the report failed")
    return file
