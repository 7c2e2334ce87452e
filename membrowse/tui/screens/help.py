"""Help: every key and what it does, and the signs on the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.lines import Line, Part
from membrowse.tui.actions import Where, key_names, of
from membrowse.tui.screens.dialog import Dialog, Lines, Scroll

_SIGNS: tuple[tuple[str, str], ...] = (
    (
        "▲3 ▼2 =",
        "ranks gained or lost against the fused ranking; while tuning, against the saved settings",
    ),
    ("k9 v2 f4 r1", "the chunk's rank by keyword, vector, fused, reranked; –: not ranked"),
    ("#212 of 992", "rank of the chunk under the cursor in that column"),
    (
        "! changed",
        "the file changed since it was indexed;  ✗ deleted: it is gone;  ? unreadable",
    ),
    ("≠HNSW", "Chroma's approximate search missed this chunk"),
    ("── top 5 ──", "the cut: the agent reads what is above the line"),
    ("◎", "the target: what you expect, and its ranks"),
    ("▂▃▆█", "a pin's rank over time: the taller, the better; ·: not ranked"),
    ("«word»", "a word of the query, in the preview"),
    ("▁ ▃ ▅ ▇", "while explaining: how strongly a line of the chunk matches the query"),
    ("❯=", "the chunk that = has marked for a comparison"),
    ("⟦word⟧", "unknown to the encoder"),
)


def help_lines() -> list[Line]:
    """Keys by where they work, then the signs on the screen."""
    lines: list[Line] = []
    for where in Where:
        lines += [[Part(where.value, "strong")]]
        for action in of(where):
            text = f" {action.tooltip}" if action.tooltip else ""
            lines.append([Part(f"  {key_names(action):<14}", "key"), Part(f"{text}")])
        lines.append([])
    lines.append([Part("Signs on the screen", "strong")])
    lines += [[Part(f"  {sign:<14}", "accent"), Part(f" {what}")] for sign, what in _SIGNS]
    return lines


class HelpScreen(Dialog[None]):
    """Keys and signs to scroll through; escape, q, F1 or ? closes them."""

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
