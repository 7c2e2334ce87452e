"""The actions of explaining, comparing and measuring; for `action_table`."""

from __future__ import annotations

from membrowse.tui.actions import Action, Need

BROWSER = (
    Action(
        "panel.explanation", "panel(5)", "5", "explanation", "Go to the explanation, to scroll it."
    ),
    Action(
        "hit.explain",
        "explain",
        "x",
        "explain",
        "Show every figure of the chunk's scores, and its heat in the preview; again: no longer.",
        needs=(Need.ENGINE, Need.HIT),
        bar=1,
    ),
    Action(
        "query.flow",
        "flow",
        "X",
        "rank flow",
        "See who rises and who falls from ranking to ranking.",
        needs=(Need.ENGINE, Need.QUERY),
        bar=12,
    ),
    Action(
        "hit.compare",
        "compare",
        "equals_sign",
        "compare",
        "Compare the chunk with the target; without one, mark it, and compare with the next.",
        needs=(Need.ENGINE, Need.HIT),
        bar=10,
    ),
    Action(
        "hit.rulers",
        "rulers",
        "u",
        "rulers",
        "See the tokens and word pieces of the query and of the chunk.",
        needs=(Need.ENGINE, Need.QUERY),
        bar=12,
    ),
)

FLOW = (
    Action(
        "flow.go", "go", "enter", "go to", "Go to the chunk in the rankings.",
        needs=(Need.HIT,), bar=1, palette=False,
    ),
    Action("flow.close", "close", "escape,X", "back", "Back to the rankings.", bar=2),
)  # fmt: skip

COMPARE = (
    Action(
        "compare.go", "go", "enter", "go to", "Go to the chunk under the cursor in the rankings.",
        needs=(Need.HIT,), bar=1, palette=False,
    ),
    Action("compare.close", "close", "escape,equals_sign", "back", "Back to the rankings.", bar=2),
)  # fmt: skip

RULERS = (Action("rulers.close", "close", "escape,u", "back", "Back to the rankings.", bar=1),)
