"""Leave text without words out of a note: embedded files, base64, minified code.

Cut into chunks, a picture of 150 kB in a note becomes hundreds of chunks that nobody can look for.
Each such payload is replaced by one character; alternative text and names around it stay, and so do
line ends, so line numbers do not change.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

MARK = "…"
"""Stands for a payload that was left out."""


_MAX_LISTED = 3
_KEPT_START = 80
"""Characters that are kept of a long run or line: a URL's host, a script's name."""
_MINIFIED_FROM = 4_000
_MAX_MINIFIED_BLANKS = 0.05
_MIN_LETTERS = 0.1

_ANY = re.compile(r'[!-~]{64}|[^\r\n]{4000}|"excalidraw"')
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one kind of payload is recognised: the part of a match after the first `keeps`
    characters."""

    kind: str
    pattern: re.Pattern[str]
    accepts: Callable[[str], bool] = bool
    keeps: int = 0


@dataclass(frozen=True, slots=True)
class _Payload:
    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class SearchableText:
    """A text without its payloads."""

    text: str
    warnings: tuple[str, ...] = ()
    """What was left out, how much of it and where; at most one."""
    _positions: tuple[int, ...] = ()
    """Offsets in `text` of the first characters after the marks."""
    _removed: tuple[int, ...] = ()
    """Characters left out before each of these."""

    def original_offset(self, offset: int) -> int:
        """Return the offset in the whole text of the character at `offset`."""
        index = bisect_right(self._positions, offset)
        return offset + (self._removed[index - 1] if index else 0)


def without_payloads(text: str) -> SearchableText:
    """Return `text` with every payload replaced by `MARK`."""
    found = list(_separate_payloads(_payloads(text))) if _ANY.search(text) else []
    if not found:
        return SearchableText(text)
    parts: list[str] = []
    positions: list[int] = []
    removed: list[int] = []
    done = length = 0
    for payload in found:
        kept = text[done : payload.start]
        ends = "".join(_LINE_END.findall(text, payload.start, payload.end))
        parts += kept, MARK, ends
        length += len(kept) + len(MARK) + len(ends)
        positions.append(length)
        removed.append(payload.end - payload.start - len(MARK) - len(ends))
        done = payload.end
    parts.append(text[done:])
    return SearchableText(
        "".join(parts),
        (_payload_warning(text, found),),
        tuple(positions),
        tuple(accumulate(removed)),
    )


def _payloads(text: str) -> Iterator[_Payload]:
    for rule in _RULES:
        for match in rule.pattern.finditer(text):
            start = match.start("payload") + rule.keeps
            end = start + len(text[start : match.end("payload")].rstrip())
            if rule.accepts(match["payload"]):
                yield _Payload(start, end, rule.kind)


def _separate_payloads(payloads: Iterator[_Payload]) -> Iterator[_Payload]:
    """Yield payloads in order; one that begins within another is dropped."""
    end = -1
    for payload in sorted(payloads, key=lambda each: (each.start, -each.end)):
        if payload.start >= end and payload.end - payload.start > _KEPT_START:
            yield payload
            end = payload.end


def _is_base64(run: str) -> bool:
    """Whether capitals, small letters and digits are mixed as in random bytes, not as in words."""
    sample = run[:4096]
    capitals = sum(map(str.isupper, sample))
    small = sum(map(str.islower, sample))
    digits = sum(map(str.isdigit, sample))
    return min(capitals / 26, small / 26, digits / 10) > len(sample) / 64 / 4


def _is_minified(line: str) -> bool:
    """Whether a long line is code or numbers rather than prose; other scripts have few spaces."""
    if len(line.encode("ascii", "ignore")) < len(line) * 0.9:
        return False
    blanks = sum(map(str.isspace, line))
    letters = sum(map(str.isalpha, line))
    return blanks < len(line) * _MAX_MINIFIED_BLANKS or letters < len(line) * _MIN_LETTERS


_RULES = (
    _Rule(
        "embedded data",
        re.compile(
            r"(?P<payload>data:[\w.+-]{1,40}/[\w.+-]{1,80}(?:;[\w=.+-]{1,80}){0,4},"
            r"[^\s\"'<>()\[\]]{64,})"
        ),
    ),
    _Rule(
        "a drawing",
        re.compile(
            r"^(?:```+|~~~+)[ \t]*"
            r"(?:compressed-json|json[ \t]*\r?\n\s*\{\s*\"type\":\s*\"excalidraw\")"
            r"(?P<payload>[^`~]*)",
            re.MULTILINE,
        ),
    ),
    _Rule(
        "base64",
        re.compile(
            r"^(?P<payload>(?:[ \t>]*[A-Za-z0-9+/]{40,}={0,2}[ \t]*(?:\r\n|\n|\r){1,2}){2,}"
            r"(?:[ \t>]*[A-Za-z0-9+/]+(?:=|(?<=[A-Za-z0-9+/]{16}))=?(?=[ \t]*$))?)",
            re.MULTILINE,
        ),
        _is_base64,
    ),
    _Rule("base64", re.compile(r"(?P<payload>[A-Za-z0-9+/_-]{200,}={0,2})"), _is_base64),
    _Rule("hexadecimal data", re.compile(r"(?P<payload>[0-9a-f]{200,}|[0-9A-F]{200,})")),
    _Rule("text without spaces", re.compile(r"(?P<payload>[!-~]{1000,})"), keeps=_KEPT_START),
    _Rule(
        "minified text",
        re.compile(rf"(?P<payload>[^\r\n]{{{_MINIFIED_FROM},}})"),
        _is_minified,
        keeps=_KEPT_START,
    ),
)


def _payload_warning(text: str, found: list[_Payload]) -> str:
    listed = [
        f"{payload.kind} in {_lines(text, payload)} ({payload.end - payload.start:,} characters)"
        for payload in sorted(found, key=lambda each: each.start - each.end)[:_MAX_LISTED]
    ]
    if len(found) > _MAX_LISTED:
        listed.append(f"{len(found) - _MAX_LISTED} more")
    return f"left out of the index, since it has no words: {', '.join(listed)}"


def _lines(text: str, payload: _Payload) -> str:
    first = len(_LINE_END.findall(text, 0, payload.start)) + 1
    last = first + len(_LINE_END.findall(text, payload.start, payload.end))
    return f"line {first}" if first == last else f"lines {first}–{last}"
