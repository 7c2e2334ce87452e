"""Questions to step through, read from a JSONL file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from membrowse.presentation import figures
from membrowse.text import shown
from membrowse.wire.search import Target

LARGEST = 20_000_000
"""Bytes of a questions file that are read, at most."""


@dataclass(frozen=True, slots=True)
class Question:
    query: str
    id: str = ""
    target: Target | None = None
    """What should be found, if the file says so."""


@dataclass(slots=True)
class Questions:
    """The questions, the index of the current one (−1: none yet), and the invalid lines."""

    items: tuple[Question, ...] = ()
    problems: tuple[str, ...] = ()
    at: int = -1

    def step(self, by: int) -> Question | None:
        """Move by `by` questions, at most to the ends; None if there are no questions."""
        if not self.items:
            return None
        self.at = max(0, min(len(self.items) - 1, self.at + by)) if self.at >= 0 else 0
        return self.items[self.at]

    def caption(self, text: str) -> str:
        """`question 3/17` if `text` is the current question, else `17 questions`, or nothing."""
        if not self.items:
            return ""
        if self.at >= 0 and text == self.items[self.at].query:
            return f"question {self.at + 1}/{len(self.items)}"
        return figures.counted(len(self.items), "question")


def _question(line: str) -> Question | str:
    """The question on a line, or what is wrong with the line."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON ({error})"
    if not isinstance(value, dict):
        return "not a JSON object"
    query = value.get("query")
    if not isinstance(query, str) or not query.strip():
        return 'no "query" text'
    path, text = value.get("path"), value.get("text", "")
    target = None
    if isinstance(path, str) and path:
        target = Target(path=path, text=text if isinstance(text, str) else "")
    return Question(query, str(value.get("id", "")), target)


def load(file: Path) -> Questions:
    """Read `file`: one JSON object per line with `query`, and perhaps `id`, `path` and
    `text` (as of a pin: what should be found); other keys are ignored.

    `problems` names the invalid lines; a file that cannot be read is one problem.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(LARGEST + 1).decode("utf-8-sig", errors="replace")
    except OSError as error:
        return Questions(problems=(f"{shown(str(file))}: {error.strerror or error}",))
    items: list[Question] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        found = _question(line)
        if isinstance(found, Question):
            items.append(found)
        else:
            problems.append(f"line {number}: {shown(found)[:200]}")
    return Questions(tuple(items), tuple(problems))
