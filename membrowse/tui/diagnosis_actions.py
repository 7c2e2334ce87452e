"""The actions of finding out why, turning the knobs and keeping pins; for `action_table`."""

from __future__ import annotations

from membrowse.tui.actions import Action, Need

BROWSER = (
    Action(
        "target.why",
        "why",
        "w",
        "why",
        "Why not this note? Say what you expected; see what keeps it down and what would help.",
        needs=(Need.ENGINE,),
        bar=1,
    ),
    Action(
        "target.choose",
        "target",
        "W",
        "target",
        "Expect another note, chunk or text, or nothing.",
        needs=(Need.ENGINE,),
    ),
)

WHY = (
    Action(
        "why.choose",
        "choose_item",
        "enter",
        "apply or open",
        "On a change: apply it. On a rung: show its evidence, or hide it.",
        bar=1,
        palette=False,
    ),
    Action(
        "why.edit",
        "edit_target",
        "e",
        "edit",
        "Open the note that was expected in $VISUAL or $EDITOR.",
        needs=(Need.PLACE,),
        bar=2,
    ),
    Action(
        "why.find",
        "find",
        "f,w,W",
        "expect another",
        "Find another file, chunk or text to ask about.",
        needs=(Need.ENGINE,),
        bar=3,
    ),
    Action(
        "why.close",
        "close",
        "escape",
        "back",
        "Back to the rankings; changes that are being tried are given up.",
        bar=4,
        palette=False,
    ),
)
