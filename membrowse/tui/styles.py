"""The few styles that text is painted in, by name; colours come from the theme alone.

No meaning is carried by colour only: what is marked also has a sign of its own.
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
}

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
}
"""For themes of the terminal's own 16 colours, which cannot be mixed."""
