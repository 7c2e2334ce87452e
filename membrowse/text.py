"""Show untrusted text safely: treat notes, queries and file names as hostile until they pass here.

Every character that could move the cursor, start an escape sequence, or reorder or hide text is
replaced by a visible symbol with the same meaning. A replacement keeps the number of code points,
so offsets into the original stay valid.
"""

from __future__ import annotations

import unicodedata

_C0_PICTURES = 0x2400
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_INVISIBLE = "\N{OPEN BOX}"
_DIRECTION = "\N{LEFT RIGHT ARROW}"

_INVISIBLE_RANGES = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200C),  # zero-width space, non-joiner
    (0x2060, 0x2065),
    (0x3164, 0x3164),
    (0xFEFF, 0xFEFF),  # byte-order mark
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),  # tags, variation selectors supplement
)
_DIRECTION_RANGES = ((0x061C, 0x061C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x206F))


def _visible_symbols() -> dict[int, str]:
    table = {code: chr(_C0_PICTURES + code) for code in range(0x20)}
    table[0x7F] = "\N{SYMBOL FOR DELETE}"
    table |= dict.fromkeys(range(0x80, 0xA0), _REPLACEMENT)
    table |= dict.fromkeys(range(0xD800, 0xE000), _REPLACEMENT)
    table |= {0x2028: "\N{SYMBOL FOR NEWLINE}", 0x2029: "\N{SYMBOL FOR NEWLINE}"}
    for symbol, ranges in ((_INVISIBLE, _INVISIBLE_RANGES), (_DIRECTION, _DIRECTION_RANGES)):
        for first, last in ranges:
            table |= dict.fromkeys(range(first, last + 1), symbol)
    return table


_VISIBLE = _visible_symbols()
_VISIBLE_IN_BLOCK = {code: shown for code, shown in _VISIBLE.items() if code != ord("\n")}
_VISIBLE_IN_BLOCK[ord("\t")] = " "


def shown(text: str) -> str:
    """Return `text` on one line, with control, direction and invisible characters as symbols.

    The result has as many code points as `text`.
    """
    return text.translate(_VISIBLE)


def shown_block(text: str) -> str:
    """Like `shown`, but keep line feeds and turn tabs into spaces."""
    return text.translate(_VISIBLE_IN_BLOCK)


def normal_form(text: str) -> str:
    """Return `text` in the Unicode form (NFC) in which names and words are compared.

    A file system may keep `é` as one code point or as two.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)
