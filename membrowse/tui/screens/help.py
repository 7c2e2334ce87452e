"""Help: the signs on the screen, every key and what it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from membrowse.presentation.lines import Line, Part, hanging
from membrowse.tui.actions import ACTIONS, Action, Where, key_name, key_names, with_keys
from membrowse.tui.screens.dialog import Dialog
from membrowse.tui.widgets.lines import LineBlock
from membrowse.tui.widgets.plain_input import PlainInput
from membrowse.tui.widgets.scroll_box import ScrollBox

_SIGNS: tuple[tuple[str, str], ...] = (
    ("❯  ›", "the chunk under the cursor, in the active ranking and in the others"),
    ("▸", "the active panel: its keys act"),
    ("❯=", "the chunk that {hit.compare} has marked for a comparison"),
    ("ssh 12", "a word of the query as it is searched for, and the chunks that contain it"),
    ("question 3/55", "the place in the list of questions; {question.next} asks the next one"),
    (
        "blend .95",
        "a fused or reranked score compares the hits of one query: 1.00 would be the best in every "
        "part of it; it does not say whether a hit answers the query",
    ),
    (
        "weak match",
        "the best hits have few of the query's words and little of its meaning, "
        "whatever their scores",
    ),
    (
        "▲3 ▼2 =",
        "ranks gained or lost against the fused ranking; while tuning, against the saved settings",
    ),
    (
        "k9 v2 f4 r1 a2",
        "the chunk's rank by keyword, vector, fused, reranked and for the agent; –: not ranked",
    ),
    ("#212 of 992", "rank of the chunk under the cursor in that column"),
    ("8mo 3d", "age of the note's date"),
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
    ("●", "indexed;  ! changed, + new, − deleted, ✗ failed, ○ skipped, · ignored"),
    ("◂", "a recall: who asked and when; 0 goes to what the agent got, a2 is its rank there"),
    (
        "empty cut near",
        "a recall's flags: the agent got nothing; its k or minimum score removed hits; a pinned "
        "note was just missed;  changed: it would get others today;  stale: a hit's file changed",
    ),
    (
        "≠ .17 .10",
        "a replayed question: the first hit is another one; the share of hits in both answers "
        "(over); their likeness, first ranks counting most (RBO: rank-biased overlap)",
    ),
    ("⟦word⟧", "unknown to the encoder"),
)


def help_lines(
    actions: Sequence[Action] = ACTIONS, words: str = "", width: int = 100
) -> list[Line]:
    """The signs on the screen, then keys by where they work; with `words`, what contains them."""
    key = {action.id: key_name(action.first_key) for action in actions}
    signs = tuple((sign, with_keys(meaning, key.__getitem__)) for sign, meaning in _SIGNS)
    sections = [("Signs on the screen", "accent", signs)]
    for where in Where:
        entries = tuple((key_names(a), a.tooltip) for a in actions if a.where is where)
        sections.append((where.value, "key", entries))
    lines: list[Line] = []
    for name, style, entries in sections:
        kept = [entry for entry in entries if _contains(" ".join((*entry, name)), words)]
        if kept:
            lines.append([Part(name, "strong")])
        for what, meaning in kept:
            lines += hanging([Part(f"  {what:<14} ", style)], [Part(meaning)], width)
        lines += [[]] if kept else []
    return lines or [[Part("Nothing contains these words.", "dim")]]


def _contains(text: str, words: str) -> bool:
    return all(word in text.casefold() for word in words.casefold().split())


class HelpScreen(Dialog[None]):
    """Signs and keys to scroll through; / filters them, escape, q, F1 or ? closes them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,question_mark,q", "close", show=False, id="help.close"),
        Binding("slash", "filter", show=False, id="help.filter"),
    ]

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__(classes="-large")
        self._actions = actions
        self.input = PlainInput("words", id="help-filter")
        self._lines = LineBlock([])

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Signs and keys"
            box.border_subtitle = "/ filter   esc close"
            yield self.input
            with ScrollBox():
                yield self._lines

    def on_mount(self) -> None:
        self.input.display = False
        self.query_one(ScrollBox).focus()
        self._show()

    def on_resize(self) -> None:
        self._show()

    def _show(self) -> None:
        width = max(30, min(110, self.size.width * 98 // 100) - 10)
        self._lines.show(help_lines(self._actions, self.input.value, width))

    def action_filter(self) -> None:
        self.input.display = True
        self.set_focus(self.input)
        self.input.select_all()

    def on_input_changed(self) -> None:
        self._show()
        self.query_one(ScrollBox).scroll_home(animate=False)

    def on_input_submitted(self) -> None:
        self.query_one(ScrollBox).focus()

    def action_close(self) -> None:
        """Close the filter, else the help."""
        if self.input.display:
            self.input.value = ""
            self.input.display = False
            self.query_one(ScrollBox).focus()
        else:
            self.dismiss(None)
