"""Lines as text."""

from __future__ import annotations

from collections.abc import Iterable

from membrowse.presentation.lines import Line, plain


def text_of(lines: Iterable[Line]) -> str:
    """`lines` as text, each ended by a line feed."""
    return "".join(f"{plain(line)}\n" for line in lines)
