"""A diagnosis in words."""

from __future__ import annotations

from membrowse.wire.diagnosis import Suggestion


def pin_effect(suggestion: Suggestion) -> str:
    """`breaks 2 of 41 pins, mends 1`; empty if no pins were run."""
    if not suggestion.pins:
        return ""
    told = f"breaks {len(suggestion.broken)} of {suggestion.pins} pins"
    return f"{told}, mends {len(suggestion.fixed)}" if suggestion.fixed else told
