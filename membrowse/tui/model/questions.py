"""A list of questions to step through, from a JSONL file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from membrowse.text import shown

LARGEST = 20_000_000
"""Bytes of a questions file that are read."""


@dataclass(frozen=True, slots=True)
class Question:
    query: str
    id: str = ""


@dataclass(slots=True)
class Questions:
    """The questions, where one stands among them (0 to n − 1), and what could not be read."""

    items: tuple[Question, ...] = ()
    problems: tuple[str, ...] = ()
    at: int = -1

    def step(self, by: int) -> Question | None:
        """The next question (or the one before); stays at the ends. None where there are none."""
        if not self.items:
            return None
        self.at = max(0, min(len(self.items) - 1, self.at + by)) if self.at >= 0 else 0
        return self.items[self.at]

    @property
    def place(self) -> str:
        """`question 3/17`, or how to begin."""
        if not self.items:
            return ""
        return f"question {self.at + 1 if self.at >= 0 else '–'}/{len(self.items)}"


def _question(line: str) -> Question | str:
    """The question of a line, or what is wrong with it."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON ({error})"
    if not isinstance(value, dict):
        return "not a JSON object"
    query = value.get("query")
    if not isinstance(query, str) or not query.strip():
        return 'no "query" text'
    return Question(query, str(value.get("id", "")))


def load(file: Path) -> Questions:
    """Read `file`: one JSON object a line with `query` and perhaps `id`; other keys are ignored.

    Lines that cannot be used are named in `problems`; a file that cannot be read is one problem.
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
