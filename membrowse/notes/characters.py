"""Character classes of words and of scripts without spaces, and folding.

Folding is NFKC, casefold and removal of accents (not of vowel signs in Indic scripts), so
`Ｃａｆé`, `CAFÉ` and `cafe` become one term. Analyser and encoder fold by the same function.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

Span = tuple[int, int]

SPACELESS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ece\u0edc-\u0edf"  # Lao
    "\u1000-\u103f\u1050-\u109f\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17d3\u17d7\u17dc\u17dd"  # Khmer
    "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb\uffa1-\uffdc"  # Hangul
    "\u3041-\u3096\u3099-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    "\u3105-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # ideographs
    "\U00020000-\U0002fa1f\U00030000-\U000323af"
)
"""Inside of a character class: scripts that are indexed as overlapping pairs of characters."""

_LONE_WORDS = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U000323af]")

JOINERS = "\u00ad\u034f\u200c\u200d\u2060\ufe0e\ufe0f"
"""Invisible characters inside words, which folding drops."""
_NO_JOINERS = dict.fromkeys(map(ord, JOINERS))

_ACCENTS = re.compile(
    "[\u00b7\u02b9-\u02bb\u02bd-\u02bf\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed"
    f"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f{JOINERS}]+"
)
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
    | {"\u2010": "-", "\u2011": "-", "\u2019": "'", "\u02bc": "'"}
)


_BLOCKS_WITH_MARKS = (
    range(0x300, 0x1E00),
    range(0x20D0, 0x2100),
    range(0x2CEF, 0x2E00),
    range(0xA66F, 0xAC00),
    range(0xFB1E, 0xFE30),
    range(0x101FD, 0x12000),
    range(0x16AF0, 0x16FE5),
    range(0x1D165, 0x1DAB0),
    range(0x1E000, 0x1E94B),
)


def _combining_marks() -> str:
    """Return the character class of combining marks outside the scripts without spaces."""
    spaceless = re.compile(f"[{SPACELESS}]")
    ranges: list[tuple[int, int]] = []
    for block in _BLOCKS_WITH_MARKS:
        for code in block:
            character = chr(code)
            if unicodedata.category(character)[0] != "M" or spaceless.match(character):
                continue
            follows = ranges and ranges[-1][1] == code - 1
            first = ranges.pop()[0] if follows else code
            ranges.append((first, code))
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


_MARKS = _combining_marks()
_LETTER = rf"[^\W_{SPACELESS}]"
WORD = f"{_LETTER}+(?:[{_MARKS}{JOINERS}]+{_LETTER}*)*"
"""Pattern of a run of letters and digits with their marks, in a script with spaces."""


def fold(text: str) -> str:
    """Fold case, width, accents and invisible joiners of `text`.

    The length may change: `ß` becomes `ss`, a ligature becomes its letters.
    """
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)
    text = unicodedata.normalize("NFC", text)
    return "".join(map(_digit, text))


_UNFOLDED = re.compile(
    f"[\u00df\u1e9e\u00b7\u02b9-\u02bf\u0640\u2010\u2011\u2019{JOINERS}]"
    "|[øłđðħıæœþØŁĐÐĦÆŒÞ]|(?![0-9])\\d"
)
"""What `fold` changes in NFKC text, except for case and accents: none of it is ASCII."""
_ASCII = bytes(range(128))
_CLUSTERS = re.compile(
    "[\x00-\x7f](?=[^\x00-\x7f])[{0}]+|[^\x00-\x7f][{0}]*".format(
        f"{_MARKS}{JOINERS}\u3099\u309a\u1160-\u11ff\ud7b0-\ud7fb\uff9e-\uffdc"
    )
)
"""Characters that are not ASCII, with the marks and letters that compose with them."""


def is_folded(text: str) -> bool:
    """Whether folding changes nothing in `text` but case and accents."""
    if text.isascii():
        return True
    if not unicodedata.is_normalized("NFKC", text):
        return False
    others = text.encode(errors="surrogatepass").translate(None, _ASCII)
    return _UNFOLDED.search(others.decode(errors="surrogatepass")) is None


def compatible(text: str) -> str:
    """Return `text` in NFKC without invisible joiners: folded, except for case and accents."""
    return unicodedata.normalize("NFKC", text.translate(_NO_JOINERS))


def fold_words(text: str, folding: Callable[[str], str]) -> str:
    """Return `text` with everything but ASCII and symbols (™) folded by `folding`."""
    return _CLUSTERS.sub(lambda match: _folded_cluster(match[0], folding), text)


def fold_words_origins(text: str, folding: Callable[[str], str]) -> list[Span]:
    """Return the span of `text` that each character of `fold_words` comes from."""
    origins: list[Span] = []
    position = 0
    for match in _CLUSTERS.finditer(text):
        start, end = match.span()
        origins += ((kept, kept + 1) for kept in range(position, start))
        origins += [(start, end)] * len(_folded_cluster(match[0], folding))
        position = end
    return origins + [(kept, kept + 1) for kept in range(position, len(text))]


def _folded_cluster(cluster: str, folding: Callable[[str], str]) -> str:
    return cluster if unicodedata.category(cluster[0]) == "So" else folding(cluster)


def _digit(character: str) -> str:
    """Return a decimal digit of any script as an ASCII digit."""
    if character < "\u0660":
        return character
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def nfkc_with_offsets(run: str) -> tuple[str, list[int]]:
    """Return `run` in NFKC, and the origin of each of its characters.

    The origins are `len(text) + 1` offsets into `run`: character i of the text comes from
    `run[offsets[i]:offsets[j]]`, where j is the next index with a larger offset. Both halves of a
    letter that was split come from the whole letter.
    """
    if unicodedata.is_normalized("NFKC", run):
        return run, list(range(len(run) + 1))
    composed: list[str] = []
    offsets: list[int] = []
    start = 0
    while start < len(run):
        end = start + 1
        while end < len(run) and _composes(run[end]):
            end += 1
        composed.append(unicodedata.normalize("NFKC", run[start:end]))
        offsets += [start] * len(composed[-1])
        start = end
    return "".join(composed), [*offsets, len(run)]


def _composes(character: str) -> bool:
    """Whether `character` can compose with the preceding one."""
    medial_or_final_jamo = "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7fb"
    halfwidth_vowel_or_sound = "\uff9e" <= character <= "\uffdc"
    combining = unicodedata.combining(character) > 0
    return combining or medial_or_final_jamo or halfwidth_vowel_or_sound


def is_lone_word(character: str) -> bool:
    """Whether a single character of a script without spaces can be a word that people search
    for.
    """
    return _LONE_WORDS.match(character) is not None


class _SameLength(dict[int, str]):
    """A `str.translate` table that folds each character whose folded form is one character."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = fold(character)
        self[code] = folded if len(folded) == 1 else character
        return self[code]


_SAME_LENGTH = _SameLength()


def fold_in_place(text: str) -> str:
    """Fold characters one by one so that offsets stay valid; a character that would grow is
    kept.
    """
    return text.lower() if text.isascii() else text.translate(_SAME_LENGTH)
