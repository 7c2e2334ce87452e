"""Processes that change an index until they are killed: `python -m …`, a directory a line on stdin.

For each directory a process is forked, so that the imports are paid for once. It says on stdout
its pid, when it is about to begin, and every step of every change; `ended` is said of it when it
is gone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import chromadb  # noqa: F401 (before the fork)

from membrowse.index.index import Index
from tests.index.history import step
from tests.index.making import BUDGET, DIMENSION, RECIPE


class Telling(Index):
    """Tells each step of a change to who listens."""

    def _reached(self, step: str) -> None:
        super()._reached(step)
        tell(step)


def tell(what: str) -> None:
    os.write(1, f"{what}\n".encode())


def change_forever(directory: Path) -> None:
    tell(str(os.getpid()))
    index = Telling.open(directory, RECIPE, token_budget=BUDGET, dimension=DIMENSION)
    index.open_chroma()
    tell("begins")
    while True:
        step(index)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            change_forever(Path(line.strip()))
        os.waitpid(child, 0)
        tell("ended")


if __name__ == "__main__":
    main()
