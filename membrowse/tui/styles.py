"""The few styles that text is painted in, by name; colours come from the theme alone.

No meaning is carried by colour only: what is marked also has a sign of its own.
"""

from __future__ import annotations

STYLES = {
    "": "",
    "dim": "$text-muted",
    "strong": "bold",
    "accent": "$text-accent",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "$text-error",
    "brand": "bold $text-primary",
    "folder": "bold",
    "key": "$text-accent bold",
    "name": "",
    "title": "bold",
    "heading": "",
    "rank": "",
    "score": "",
    "bar": "$text-primary",
    "path": "$text-muted",
    "ranks": "$text-muted",
    "term": "bold",
    "absent": "strike $text-muted",
    "gutter": "$text-muted",
    "inside": "$text-primary",
    "mark": "bold underline $text-accent",
    "rule": "$text-warning",
    "faint": "$text-disabled",
}
