"""Processes that change an index until they are killed: `python -m …`, a directory per stdin line.

For each directory a process is forked, so the imports are paid for once. It writes its pid,
`begins` and every step of every change to stdout; the parent writes `ended` when the process is
gone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import chromadb  # noqa: F401 (before the fork)

from membrowse.index.index import Index
from tests.index.edit_history import step
from tests.index.factories import BUDGET, DIMENSION, RECIPE


class ReportingIndex(Index):
    """Reports each step of a change on stdout."""

    def _fault_point(self, step: str) -> None:
        super()._fault_point(step)
        report(step)


def report(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def change_forever(directory: Path) -> None:
    report(str(os.getpid()))
    index = ReportingIndex(directory, RECIPE, token_budget=BUDGET, dimension=DIMENSION)
    index.open_chroma()
    report("begins")
    while True:
        step(index)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            change_forever(Path(line.strip()))
        os.waitpid(child, 0)
        report("ended")


if __name__ == "__main__":
    main()
