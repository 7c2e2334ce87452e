"""Decode notes: UTF-8 where possible, else what a setting names, else an encoding that is detected.

Nothing becomes gibberish without a word: each guess is a warning, and a file whose encoding is not
known fails.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from membrowse.notes.globs import last_match
from membrowse.notes.not_indexable import NotIndexable
from membrowse.wire.notes import NoteState

DAMAGED_UTF8 = "utf-8, damaged"
"""UTF-8 with some bytes that are not; they are read as U+FFFD."""

_WIDE_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, which starts with the same bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257", "mac_roman", "cp850", "cp852")
"""Encodings of Latin letters, which detection confuses; of equal ones the first wins."""
_KNOWN = frozenset(_LATIN) | frozenset(
    "cp1251 koi8_r koi8_u cp866 iso8859_5 mac_cyrillic cp1253 iso8859_7 cp1255 cp1256 cp874 "
    "gb18030 big5 big5hkscs cp932 euc_jp cp949".split()
)
"""What notes are written in; detection knows many others, which it finds in random bytes."""
_NO_SIGNS = (1.0, 0.0)
_SAMPLE_BYTES = 65_536
_ESCAPES = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
_APOSTROPHES, _OPENING, _CLOSING = "’‘–—", "“‘«‹¿¡„‚§€£–—…·•\xa0", "”’»›–—…®™©²³°\xa0€"


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file."""

    text: str
    """With its original line ends, without a byte-order mark."""
    encoding: str
    """Python's name of the codec, or `DAMAGED_UTF8`."""
    warnings: tuple[str, ...] = ()


def decode(content: bytes, path: str, encodings: Mapping[str, str]) -> Decoded:
    """Decode the file at `path`; `encodings` are the setting's, by glob. Raises `NotIndexable`."""
    glob = last_match(tuple(encodings), path)
    if glob is not None:
        return _as_set(content, encodings[glob])
    for mark, encoding in _WIDE_BOMS:
        if content.startswith(mark):
            return _marked(content, encoding)
    if b"\0" in content:
        return _with_nul(content)
    warnings: tuple[str, ...] = ()
    if content.startswith(codecs.BOM_UTF8):
        content = content[len(codecs.BOM_UTF8) :]
        warnings = ("it starts with a byte-order mark",)
    if any(escape in content for escape in _ESCAPES):
        return _guessed(content, "iso2022_jp")
    try:
        return Decoded(content.decode("utf-8"), "utf-8", warnings)
    except UnicodeDecodeError as error:
        return _not_utf8(content, error, warnings)


def _as_set(content: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(content.decode(encoding).removeprefix("\ufeff"), encoding)
    except UnicodeDecodeError as error:
        reason = f"not valid {encoding}, which the setting notes.encodings names: {error.reason}"
        raise NotIndexable(NoteState.FAILED, reason) from error


def _marked(content: bytes, encoding: str) -> Decoded:
    name = encoding.upper()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        reason = f"not valid {name}, although its byte-order mark says so: {error.reason}"
        raise NotIndexable(NoteState.SKIPPED, reason) from error
    if "\0" in text:
        raise NotIndexable(NoteState.SKIPPED, "binary: it contains NUL characters")
    return Decoded(text, encoding, (f"it is {name} according to its byte-order mark",))


def _with_nul(content: bytes) -> Decoded:
    """UTF-16 without a byte-order mark, of which every other byte is mostly NUL; else binary."""
    half = len(content) // 2
    for encoding, nul, other in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        nuls, others = content[nul::2].count(0), content[other::2].count(0)
        if len(content) % 2 == 0 and nuls > half * 0.4 and not others:
            return _guessed(content, encoding)
    raise NotIndexable(NoteState.SKIPPED, "binary: it contains NUL bytes")


def _not_utf8(content: bytes, error: UnicodeDecodeError, warnings: tuple[str, ...]) -> Decoded:
    text = content.decode("utf-8", errors="replace")
    bad = text.count("\ufffd")
    good = sum(character > "\x7f" for character in text) - bad
    if good > bad:
        line = content.count(b"\n", 0, error.start) + 1
        bytes_are = "one byte is" if bad == 1 else f"{bad:,} bytes are"
        at = f"0x{content[error.start]:02x} in line {line}"
        warning = f"{bytes_are} not UTF-8, first {at}: read as \ufffd"
        return Decoded(text, DAMAGED_UTF8, (*warnings, warning))
    encoding = _detected(content)
    if encoding is None:
        reason = "its encoding is not known: name it in the setting notes.encodings"
        raise NotIndexable(NoteState.FAILED, reason)
    return _guessed(content, encoding)


def _guessed(content: bytes, encoding: str) -> Decoded:
    text = content.decode(encoding, errors="replace")
    warning = (
        f"read as {encoding}, which is a guess; if it is wrong, set notes.encodings for this file"
    )
    return Decoded(text, encoding, (warning,))


def _detected(content: bytes) -> str | None:
    """Return the most plausible encoding of text that is not UTF-8; None if there is none."""
    from charset_normalizer import from_bytes  # 90 ms

    sample = _non_ascii_sample(content)
    signs: dict[str, tuple[float, float]] = {}  # chaos and coherence, the likeliest first
    for match in from_bytes(sample, enable_fallback=False):
        for encoding in (match.encoding, *match.could_be_from_charset):
            if encoding in _KNOWN:
                signs.setdefault(encoding, (match.chaos, -match.coherence))
    likeliest = next(iter(signs), None)
    if likeliest is None or (likeliest not in _LATIN and not _misfit_characters(sample, likeliest)):
        return likeliest
    return min(
        (encoding for encoding in (*_LATIN, likeliest) if _is_valid(sample, encoding)),
        key=lambda encoding: (
            _misfit_characters(sample, encoding),
            *signs.get(encoding, _NO_SIGNS),
        ),
    )


def _non_ascii_sample(content: bytes) -> bytes:
    """The lines that are not ASCII, up to a limit; a short text whole."""
    if len(content) <= _SAMPLE_BYTES:
        return content
    lines = b"\n".join(line for line in content.split(b"\n") if not line.isascii())
    return lines[:_SAMPLE_BYTES].rpartition(b"\n")[0] or lines[:_SAMPLE_BYTES]


def _is_valid(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _misfit_characters(content: bytes, encoding: str) -> int:
    """Count characters that do not fit their neighbours: symbols at letters, capitals in words,
    Greek or Cyrillic letters beside Latin ones."""
    text = f" {content.decode(encoding, errors='replace')} "
    return sum(
        _is_misfit(before, character, after)
        for before, character, after in zip(text, text[1:], text[2:], strict=False)
        if not character.isascii()
    )


def _is_misfit(before: str, character: str, after: str) -> bool:
    if character.isalpha() and unicodedata.category(character) != "Lm":
        other = unicodedata.name(character, "").startswith(("GREEK", "CYRILLIC"))
        mixed = other and any(each.isascii() and each.isalpha() for each in (before, after))
        return mixed or (character.isupper() and before.islower())
    if before.isalpha() and after.isalpha():
        return character not in _APOSTROPHES
    if before.isalpha():
        return character not in _CLOSING
    return not character.isprintable() or (after.isalpha() and character not in _OPENING)
