"""The named styles that text is painted in.

Colours come from the theme alone, and no meaning is carried by colour only: every mark has a sign.
"""

from __future__ import annotations

STYLES = {
    "": "",
    "dim": "$foreground 58%",
    "faint": "$foreground 36%",
    "strong": "bold",
    "accent": "$text-accent",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "$text-error",
    "brand": "bold $text-primary",
    "folder": "bold",
    "key": "$text-accent",
    "name": "",
    "title": "bold",
    "heading": "$foreground 85%",
    "rank": "$foreground 75%",
    "score": "",
    "bar": "$primary 75%",
    "track": "$foreground 14%",
    "path": "$foreground 58%",
    "ranks": "$foreground 58%",
    "term": "bold",
    "absent": "strike $foreground 58%",
    "gutter": "$foreground 36%",
    "inside": "$primary",
    "mark": "bold underline $text-accent",
    "rule": "$text-warning 70%",
    "heat1": "on $primary 14%",
    "heat2": "on $primary 26%",
    "heat3": "bold on $primary 38%",
    "heat4": "bold underline on $primary 52%",
    "mark1": "bold underline $text-accent on $primary 14%",
    "mark2": "bold underline $text-accent on $primary 26%",
    "mark3": "bold underline $text-accent on $primary 38%",
    "mark4": "bold underline $text-accent on $primary 52%",
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
