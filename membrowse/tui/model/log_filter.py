"""The filter of the log as one line of text: `agent:openclaw flag:cut since:7d which port`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from membrowse.presentation.moments import iso_moment
from membrowse.wire.recalls import RecallFlag, RecallsRequest

AGENT, FLAG, SINCE, UNTIL = "agent", "flag", "since", "until"
PERIODS = ("1d", "7d", "30d", "365d")
"""Ages that a key steps through."""

_FIELD = re.compile(rf'(?:^|(?<=\s))({AGENT}|{FLAG}|{SINCE}|{UNTIL}):(?:"([^"]*)"?|(\S*))\s*')


class InvalidFilter(ValueError):
    """The line has a field whose value means nothing; the message says what to write."""


def values(text: str) -> dict[str, str]:
    """The fields of a filter line, and under an empty name the words that the query contains."""
    fields = {found[1]: found[2] or found[3] or "" for found in _FIELD.finditer(text)}
    return fields | {"": " ".join(_FIELD.sub("", text).split())}


def with_value(text: str, field: str, value: str) -> str:
    """The filter line with another value of a field; an empty one removes the field."""
    chosen = values(text) | {field: value}
    words = chosen.pop("")
    fields = [f"{name}:{_quoted(each)}" for name, each in chosen.items() if each]
    return " ".join(filter(None, [*fields, words]))


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"\s", value) else value


def next_value(text: str, field: str, choices: Sequence[str]) -> str:
    """The filter line with the choice after the field's value; after the last one, without it."""
    now = values(text).get(field, "")
    at = choices.index(now) + 1 if now in choices else 0
    return with_value(text, field, choices[at] if at < len(choices) else "")


def recalls_request(text: str, now: datetime, *, limit: int, before: str = "") -> RecallsRequest:
    """The request that a filter line means. Raises `InvalidFilter`."""
    chosen = values(text)
    return RecallsRequest(
        agent=chosen.get(AGENT, ""),
        flag=_flag(chosen.get(FLAG, "")),
        since=_moment(chosen.get(SINCE, ""), now),
        until=_moment(chosen.get(UNTIL, ""), now),
        text=chosen[""],
        limit=limit,
        before=before,
    )


def _flag(name: str) -> RecallFlag | None:
    try:
        return RecallFlag(name) if name else None
    except ValueError as error:
        raise InvalidFilter(f"flag: is one of {', '.join(RecallFlag)}") from error


def _moment(text: str, now: datetime) -> str:
    try:
        return iso_moment(text, now) if text else ""
    except (ValueError, OverflowError) as error:
        raise InvalidFilter("since: and until: take a date (2026-03-02) or an age (7d)") from error
