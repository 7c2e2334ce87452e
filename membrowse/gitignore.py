"""Patterns in gitignore syntax, matched in time that no pattern can make long.

Patterns may come from whoever writes the notes, so they are bounded and never backtrack: the
shortest match of what is between two stars is always good enough, and is never given up again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 500
"""Characters of a pattern."""
MOST_STARS, MOST_PARTS = 30, 30
_WILDCARD = re.compile(r"[*?\[\\]")
_CLASS = re.compile(r"\[(?P<negated>[!^]?)(?P<content>\]?(?:\\.|[^\]\\])*)\]", re.DOTALL)
_RANGE = re.compile(r"(?P<low>\\?.)-(?P<high>\\?.)|(?P<one>\\?.)", re.DOTALL)

Segment = str | re.Pattern[str] | None
"""What one part of a path must be: this name, a name that matches, or (None) any number of parts,
written `**`."""


class InvalidPattern(ValueError):
    """A pattern that cannot be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One gitignore pattern."""

    negated: bool
    """Whether it re-includes what it matches (`!`)."""
    directory: bool
    """Whether it matches directories only (a trailing `/`)."""
    segments: tuple[Segment, ...]

    def matches(self, names: Sequence[str], *, directory: bool) -> bool:
        """Whether it matches the path that consists of `names`, and not only one above it."""
        if self.directory and not directory:
            return False
        if len(self.segments) == 2 and self.segments[0] is None:
            return _segment_matches(self.segments[1], names[-1])
        return _segments_match(self.segments, names)


def parse(line: str) -> Pattern | None:
    """The pattern of a line of an ignore file; None for blank lines and comments.

    A pattern without a slash, except at its end, matches at any depth. Raises `InvalidPattern`.
    """
    text = _without_trailing_space(line)
    if not text or text.startswith("#"):
        return None
    if len(text) > LONGEST:
        raise InvalidPattern(f"longer than {LONGEST} characters")
    pattern = text.removeprefix("!")
    parts = pattern.rstrip("/").split("/")
    if pattern.count("*") > MOST_STARS or len(parts) > MOST_PARTS:
        raise InvalidPattern(f"more than {MOST_STARS} stars or {MOST_PARTS} parts")
    anchored = len(parts) > 1
    if parts[0] == "":
        del parts[0]
    if not any(parts):
        raise InvalidPattern("it names nothing")
    segments: tuple[Segment, ...] = () if anchored else (None,)
    segments += tuple(_segment(part) for part in parts)
    return Pattern(text.startswith("!"), pattern.endswith("/"), segments)


def _without_trailing_space(line: str) -> str:
    """`line` up to the last character that is no space or follows a backslash."""
    text = line.rstrip()
    backslashes = len(text) - len(text.rstrip("\\"))
    return line[: len(text) + backslashes % 2]


def _segment(part: str) -> Segment:
    if part == "**":
        return None
    return re.compile(_expression(part), re.DOTALL) if _WILDCARD.search(part) else part


def _expression(part: str) -> str:
    """A regular expression for a name; every step but the last is atomic."""
    first, *rest = _between_stars(part)
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{fixed})" for fixed in middle if fixed) + f".*{last}"


def _between_stars(part: str) -> list[str]:
    """Regular expressions of fixed length for what is before, between and after the stars."""
    pieces, at = [""], 0
    while at < len(part):
        character = part[at]
        if character == "*":
            pieces.append("")
        elif character == "?":
            pieces[-1] += "."
        elif character == "[":
            found = _CLASS.match(part, at)
            if found is None:
                raise InvalidPattern("a `[` is not closed")
            pieces[-1] += _character_class(found)
            at = found.end() - 1
        elif character == "\\":
            at += 1
            if at == len(part):
                raise InvalidPattern("it ends with a backslash")
            pieces[-1] += re.escape(part[at])
        else:
            pieces[-1] += re.escape(character)
        at += 1
    return pieces


def _character_class(found: re.Match[str]) -> str:
    """A character class; each range is escaped."""
    content = ""
    for item in _RANGE.finditer(found["content"]):
        low, high = (item["one"] or item["low"])[-1], (item["one"] or item["high"])[-1]
        if low > high:
            raise InvalidPattern(f"the range {low}-{high} is reversed")
        content += f"{re.escape(low)}-{re.escape(high)}"
    if not content:
        raise InvalidPattern("an empty `[]`")
    return f"[{'^' if found['negated'] else ''}{content}]"


def _segments_match(segments: Sequence[Segment], names: Sequence[str]) -> bool:
    """Whether `names` are what `segments` describe.

    When a name does not match, only the last `**` can take one more: a match of what is before it
    cannot be improved.
    """
    at = name = 0
    retry = None
    while name < len(names):
        if at < len(segments) and segments[at] is None:
            if at == len(segments) - 1:
                return True
            retry = at, name
            at += 1
        elif at < len(segments) and _segment_matches(segments[at], names[name]):
            at, name = at + 1, name + 1
        elif retry is not None:
            at, name = retry[0] + 1, retry[1] + 1
            retry = retry[0], name
        else:
            return False
    return at == len(segments)


def _segment_matches(segment: Segment, name: str) -> bool:
    if isinstance(segment, re.Pattern):
        return segment.fullmatch(name) is not None
    return segment is None or segment == name
