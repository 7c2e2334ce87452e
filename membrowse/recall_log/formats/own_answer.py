"""Answers of membrowse's own MCP server in transcripts: the log has these recalls already.

A transcript keeps the tool's structured content, or its text; `membrowse.mcp.results` writes both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from membrowse.recall_log.formats.values import (
    HITS,
    Record,
    first_text,
    from_json,
    hit,
    records,
    table,
)
from membrowse.wire.recalls import RecallHit

_KEYS = frozenset({"query", "hits", "k", "min_score", "below_min_score"})
_HEAD = re.compile(r"\d+ hits? for “.*”(?: \(search (?P<id>[0-9a-f]{16})\))?")
_HIT = re.compile(
    r"(?P<number>\d{1,3})\. (?P<path>.{1,4096}):(?P<first>\d{1,9})-(?P<last>\d{1,9})"
    r" \(score (?P<score>\d+\.\d+), .*\)"
)


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """What our tool `search` answered."""

    id: str
    """Of the recall in our log; empty if it is not known."""
    given: tuple[RecallHit, ...]


def own_answer(result: object) -> OwnAnswer | None:
    """`result`, a decoded object or text, if our tool `search` answered it; else None."""
    if isinstance(result, str):
        head, *lines = result.split("\n")
        if found := _HEAD.fullmatch(head):
            return OwnAnswer(found["id"] or "", tuple(_quoted_hits(lines)))
    answer = table(from_json(result))
    if not answer.keys() >= _KEYS:
        return None
    return OwnAnswer(first_text(answer, "id"), tuple(map(_hit, records(answer["hits"]))))


def _hit(found: Record) -> RecallHit:
    return hit(
        found.get("path"),
        found.get("start_line"),
        found.get("end_line"),
        found.get("score"),
    )


def _quoted_hits(lines: list[str]) -> list[RecallHit]:
    """The hits of an answer as text: each follows an empty line, which no quoted line is."""
    given: list[RecallHit] = []
    for before, line in zip(lines, lines[1:], strict=False):
        found = None if before else _HIT.fullmatch(line)
        if found and int(found["number"]) == len(given) + 1 <= HITS:
            given.append(hit(found["path"], found["first"], found["last"], found["score"]))
    return given
