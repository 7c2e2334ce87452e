"""Forms that are written joined, spaced or with separators: each has one term for all spellings.

Amounts (`8GB`, `8 GB`), abbreviations (`U.S.A.`), short compounds (`CI/CD`, `node.js`), telephone
numbers, IBANs, ISBNs and MAC addresses.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator

Span = tuple[int, int]

_UNITS = (
    "[kmgtp]i?b|[kmg]bit|[kmgt]?bps|bits?|bytes?"  # data
    "|ns|[uµμ]s|ms|s|secs?|mins?|h|hrs?|hours?|days?|weeks?|months?|years?|yrs?|[ap]m|[ap]\\.m\\.?"
    "|mcg|[uµμ]g|mg|g|kg|lbs?|oz"  # mass
    "|mm|cm|m|km|ft|yd|mi|ml|cl|dl|l|kph|kmh|mph"
    "|m?v|kv|m?a?h|ma|k?wh?|[kmg]?hz|rpm|fps|dpi|px|pt|rem|k|bn|x|c|f|°[cf]?|usd|eur|gbp|chf"
    "|psi|bar|k?pa|db|lm|k?cal|(?-i:A)"
)
_SPACE = "[ \\u00a0\\u2009\\u202f]"
_NUMBER = r"\d{1,12}(?:[.,:]\d{1,12}){0,4}"

AMOUNT = re.compile(
    rf"({_NUMBER})(?!(?:st|nd|rd|th|(?<=\d{{4}})s)\Z)([^\W\d_]{{1,3}}|(?:{_UNITS}))", re.IGNORECASE
)
"""A number (group 1) and its unit (group 2), without a space."""
ORDINAL = re.compile(r"(\d{1,9}(?:(?=st|nd|rd|th)|(?<=\d{4})(?=s)))[a-z]+")
"""A folded ordinal (`3rd`) or decade (`1990s`); group 1 is its number."""
ABBREVIATION = re.compile(r"(?:[^\W\d_]\.){1,8}[^\W\d_]|(?:[A-Z][a-z]?\.){1,4}[A-Z][a-z]?")
"""An abbreviation without its last dot: `U.S.A`, `Ph.D`, `e.g`."""

_FILE_SUFFIXES = frozenset(
    "bak bat c cfg conf cpp cs css csv db doc docx exe gif go gz h html ini ipynb java jpg json "
    "log lua markdown md pdf php png py rb rs rst sh sql svg tar toml txt xml yaml yml zip".split()
)
_DOTTED = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)+")
_SLASHED = re.compile(r"[^\W\d_]{1,4}(?:[/&][^\W\d_]{1,4}){1,2}")
_MAC = re.compile(
    r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|(?:[0-9a-f]{2}-){5}[0-9a-f]{2}"
    r"|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_GROUPED_DIGITS = re.compile(r"(?=(?:\D*\d){7})\d+(?:[-.]\d+){1,5}(?:-x)?")
_SEPARATORS = re.compile(r"\W+")

_SPACED = re.compile(
    rf"(?<=[a-z]{{2}})(?<!\w{{3}})(?P<iban>\d{{2}}{_SPACE}[a-z0-9]{{4}}"
    rf"(?:{_SPACE}(?=[a-z]{{0,3}}\d)[a-z0-9]{{4}}){{1,6}}(?:{_SPACE}\d{{1,3}})?)(?![\w\-:])"
    r"|(?<![\w.,:/\-])(?:(?P<size>\d{1,5}(?:(?: ?\u00d7 ?| x )\d{1,5}){1,2})"
    rf"|(?P<number>{_NUMBER})(?:{_SPACE}|(?=°))(?P<unit>{_UNITS})(?![\w'\u2019])"
    rf"|(?P<thousands>\d{{1,3}}(?:{_SPACE}\d{{3}}){{1,4}})(?!{_SPACE}?\d)"
    r"|(?P<digits>(?!\d{4}-\d\d-\d\d)\+?\(?\d{1,4}\)?"
    r"(?=(?P<groups>(?:(?:[ \u00a0.\-/]\(?|(?<=\)))\d{1,7}\)?){1,6}))(?P=groups)))(?![\w\-:])",
    re.IGNORECASE,
)
"""Forms with a space inside."""
_INITIALS = re.compile(r"\b[A-Z]\. (?:[A-Z]\. ){0,3}[A-Z]\b(?!\w)")
_NUMBER_START = re.compile(r"[+(\d][(\d]*")
_DIGITS_OF_ONE_NUMBER = re.compile(r"(?=.*[\s()])(?=.*\d{3})(?:\D*\d){7,16}\D*")


def spaced_forms(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, joined term) of the forms of `text` that contain spaces, in order."""
    return heapq.merge(_spaced_numbers(text), _spaced_initials(text))


def _spaced_initials(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _INITIALS.finditer(text):
        yield match.start(), match.end(), _SEPARATORS.sub("", match[0]).lower()


def _spaced_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    end = 0
    for number in _NUMBER_START.finditer(text):
        if number.start() < end or not (match := _SPACED.match(text, number.start())):
            continue
        if match["digits"] is None or _DIGITS_OF_ONE_NUMBER.fullmatch(match["digits"]):
            start, end = match.start() - 2 if match["iban"] else match.start(), match.end()
            yield start, end, _joined(text[start:end], match)


def _joined(written: str, match: re.Match[str]) -> str:
    """Return the term of a spaced form: folded, without separators."""
    if match["number"]:
        unit = match["unit"].lower().replace(".", "").replace("°", "")
        return match["number"].replace(",", "") + unit.replace("\u00b5", "\u03bc")
    return _SEPARATORS.sub("", written.replace("\u00d7", "x")).lower()


def joined_whole(folded: str) -> str:
    """Return the term of a compound: joined if people write it so, else as it is."""
    if _MAC.fullmatch(folded) or _SLASHED.fullmatch(folded):
        return _SEPARATORS.sub("", folded)
    if _DOTTED.fullmatch(folded) and folded.rpartition(".")[2] not in _FILE_SUFFIXES:
        return folded.replace(".", "")
    return folded


def is_mac_address(text: str) -> bool:
    """Whether `text` is a MAC address; its parts mean nothing."""
    return _MAC.fullmatch(text.lower()) is not None


def joined_numbers(folded: str) -> str:
    """Return the digits of a number in groups, or of a UUID, without separators; else `folded`."""
    if _UUID.fullmatch(folded) or _GROUPED_DIGITS.fullmatch(folded):
        return _SEPARATORS.sub("", folded)
    return folded
