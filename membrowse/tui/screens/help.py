"""Every key and what it does, from the registry of actions."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.lines import Line, Part
from membrowse.tui.action_table import of
from membrowse.tui.actions import Where, key_names
from membrowse.tui.screens.dialog import Dialog, Lines, Scroll

_PLACES = (
    Where.QUERY,
    Where.BROWSER,
    Where.LIST,
    Where.FILES,
    Where.FLOW,
    Where.COMPARE,
    Where.RULERS,
    Where.WHY,
    Where.TUNE,
    Where.SIDES,
    Where.PINS,
    Where.APP,
)

_SIGNS: tuple[tuple[str, str], ...] = (
    (
        "▲3 ▼2 =",
        "places won or lost against the fused ranking, while tuning against the saved",
    ),
    ("k9 v2 f4 r1", "the chunk's rank by keyword, vector, fused, reranked; – where it has none"),
    ("#212 of 992", "where the chunk under the cursor stands in that column"),
    ("! changed", "the file changed since it was indexed;  ✗ deleted: it is gone"),
    ("≠HNSW", "Chroma's approximate search missed this chunk"),
    ("── k 5 ──", "the agent's cut: what it reads is above the line"),
    ("◎", "the target: what you expected, and where it stands"),
    ("▂▃▆█", "a pin's rank over time: the taller, the nearer to the first; · is none"),
    ("«word»", "a word of the query, in the preview"),
    ("▁ ▃ ▅ ▇", "while explaining: how strongly a line of the chunk answers the query"),
    ("❯=", "the chunk that = has marked, to be compared with the next one"),
    ("⟦word⟧", "unknown to the encoder"),
)


def help_lines() -> list[Line]:
    """Keys by where they act, then the signs on the screen."""
    lines: list[Line] = []
    for where in _PLACES:
        lines += [[Part(where.value, "strong")]]
        for action in of(where):
            text = f" {action.tooltip}" if action.tooltip else ""
            lines.append([Part(f"  {key_names(action):<14}", "key"), Part(f"{text}")])
        lines.append([])
    lines.append([Part("What the signs say", "strong")])
    lines += [[Part(f"  {sign:<14}", "accent"), Part(f" {what}")] for sign, what in _SIGNS]
    return lines


class HelpScreen(Dialog[None]):
    """Scrolls; escape, q, F1 or ? close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,question_mark,q", "close", show=False, id="help.close"),
    ]

    def compose(self) -> ComposeResult:
        self.add_class("-large")
        with Vertical(classes="dialog") as box:
            box.border_title = "Keys"
            with Scroll():
                yield Lines(help_lines())

    def on_mount(self) -> None:
        self.query_one(Scroll).focus()
