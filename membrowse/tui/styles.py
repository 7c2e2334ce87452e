"""The named styles that text is painted in.

Colours come from the theme, moved to a readable contrast (see `contrast`). No meaning is carried by
colour only: every mark has a sign.
"""

from __future__ import annotations

STYLES = {
    "": "",
    "dim": "$ink-dim",
    "faint": "$ink-faint",
    "strong": "bold",
    "accent": "$ink-accent",
    "good": "$ink-good",
    "warn": "$ink-warn",
    "bad": "$ink-bad",
    "brand": "bold $ink-brand",
    "folder": "bold",
    "key": "$ink-accent",
    "name": "",
    "title": "bold",
    "heading": "$ink-heading",
    "rank": "$ink-heading",
    "score": "",
    "bar": "$ink-bar",
    "track": "$foreground 14%",
    "path": "$ink-dim",
    "ranks": "$ink-dim",
    "term": "bold",
    "absent": "strike $ink-dim",
    "gutter": "$ink-faint",
    "inside": "$ink-inside",
    "mark": "bold underline $ink-mark",
    "rule": "$ink-rule",
    "heat1": "on $ground-heat1",
    "heat2": "on $ground-heat2",
    "heat3": "bold on $ground-heat3",
    "heat4": "bold underline on $ground-heat4",
    "mark1": "bold underline $ink-mark on $ground-heat1",
    "mark2": "bold underline $ink-mark on $ground-heat2",
    "mark3": "bold underline $ink-mark on $ground-heat3",
    "mark4": "bold underline $ink-mark on $ground-heat4",
}
"""Styles by name."""

ANSI_STYLES = STYLES | {
    "dim": "dim",
    "faint": "dim",
    "heading": "",
    "rank": "",
    "bar": "$primary",
    "track": "dim",
    "path": "dim",
    "ranks": "dim",
    "absent": "dim strike",
    "gutter": "dim",
    "rule": "$warning",
    "heat1": "",
    "heat2": "underline",
    "heat3": "bold underline",
    "heat4": "bold reverse",
    "mark1": "bold underline $text-accent",
    "mark2": "bold underline $text-accent",
    "mark3": "bold underline $text-accent",
    "mark4": "bold reverse $text-accent",
}
"""Styles for themes of the terminal's own 16 colours, which cannot be mixed."""
