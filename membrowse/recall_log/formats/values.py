"""Values of foreign records, whatever they contain: text, finite numbers, times, lines."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from membrowse.wire.recalls import QUERY_CHARACTERS, Recall, RecallHit

Record = Mapping[str, Any]

HITS = 1000
"""Hits of one recall; what follows is left out."""
_NAME_CHARACTERS = 200
_PATH_CHARACTERS = 4096
_TEXT_CHARACTERS = 2000
_LARGEST_LINE = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS, _MILLISECONDS, _MICROSECONDS = 1e11, 1e14, 1e17
"""Numbers below are in this unit; larger ones in the next."""
_ID = re.compile("[0-9a-f]{16}")
"""An id of ours, in an export."""
_PLACE = re.compile(
    r"^(?P<path>[^\s:\0][^:\0\n]{0,1000}\.(?:md|markdown|txt))(?:[:-](?P<line>\d{1,8}))?(?=[:-]|\s*$)"
)


class BadRecord(ValueError):
    """A recall that cannot be used; the message says why."""


def text(value: object, limit: int = _NAME_CHARACTERS) -> str:
    """`value` if it is a string, at most `limit` characters of valid Unicode; else empty."""
    return str(value)[:limit].encode(errors="replace").decode() if isinstance(value, str) else ""


def first_text(record: Record, *keys: str, limit: int = _NAME_CHARACTERS) -> str:
    """The first of `keys` that has a text."""
    return next((found for key in keys if (found := text(record.get(key), limit))), "")


def number(value: object) -> float | None:
    """A finite number, also from a string; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def count(value: object) -> int | None:
    """A number of things; None if it is none."""
    found = number(value)
    return int(found) if found is not None and 0 <= found <= _LARGEST_LINE else None


def line(value: object) -> int:
    """A line number; 0 if it is not known."""
    return count(value) or 0


def records(value: object) -> Iterator[Record]:
    """The objects of a list, at most `HITS`."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (each for each in value[:HITS] if isinstance(each, Mapping))


def table(value: object) -> Record:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def from_json(value: object) -> object:
    """JSON in a string, decoded, or None if it is none; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def moment(value: object) -> str:
    """A time of any zone (UTC without one) or a number since the epoch, in UTC to the millisecond.

    Raises `BadRecord`.
    """
    try:
        since = number(value)
        then = _EPOCH + timedelta(seconds=_in_seconds(since)) if since else _parsed(value)
        then = then.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRecord(f"no time: {text(repr(value), 60)}") from error
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parsed(value: object) -> datetime:
    then = datetime.fromisoformat(text(value).strip())
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def _in_seconds(since: float) -> float:
    for limit, unit in ((_SECONDS, 1.0), (_MILLISECONDS, 1e3), (_MICROSECONDS, 1e6)):
        if abs(since) < limit:
            return since / unit
    return since / 1e9


def hit(
    path: object,
    start_line: object = 0,
    end_line: object = 0,
    score: object = None,
    content: object = "",
) -> RecallHit:
    """A hit with what is usable of it."""
    start, end = line(start_line), line(end_line)
    return RecallHit(
        path=text(path, _PATH_CHARACTERS),
        start_line=start,
        end_line=max(start, end) if start else 0,
        score=number(score),
        text=text(content, _TEXT_CHARACTERS),
    )


def recall(
    source: str,
    agent: str,
    at: object,
    query: object,
    given: Iterable[RecallHit],
    *,
    event: str = "",
    exported_id: str = "",
    **others: Any,
) -> Recall:
    """A recall with an id that the same event always has, or the one of an export of ours.

    Raises `BadRecord`.
    """
    question = text(query, QUERY_CHARACTERS)
    exported = _ID.fullmatch(exported_id)
    if not question.strip() and not exported:
        raise BadRecord("no query")
    when, hits = moment(at), tuple(given)[:HITS]
    facts = [when, question, *(f"{each.path}:{each.start_line}" for each in hits)]
    return Recall(
        id=exported_id if exported else _hashed(source, *([event] if event else facts)),
        at=when,
        agent=agent,
        query=question,
        given=hits,
        source=source,
        **others,
    )


def _hashed(*facts: str) -> str:
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]


def places_in(output: str) -> list[RecallHit]:
    """The notes that lines of a program's output begin with: `path`, `path:12`, `path:12:text`."""
    found: dict[tuple[str, int], RecallHit] = {}
    for row in output.splitlines():
        if (match := _PLACE.match(row)) and len(found) < HITS:
            at = line(match["line"])
            found.setdefault((match["path"], at), hit(match["path"], at, at))
    return list(found.values())
