"""The table of all actions; `actions` says what each column is and what is made of it."""

from __future__ import annotations

from dataclasses import replace

from textual.binding import Binding

from membrowse.tui import diagnosis_actions as diagnosis
from membrowse.tui import inspection_actions as inspection
from membrowse.tui.actions import Action, Need, Where
from membrowse.wire.engine import Right

_REINDEX = Right.REINDEX

_QUERY = (
    Action(
        "query.list",
        "to_list",
        "enter",
        "to list",
        "Go to the list; the query stays.",
        bar=1,
        palette=False,
    ),
    Action(
        "query.down",
        "result(1)",
        "down",
        "results",
        "Move down the results and go on typing.",
        bar=2,
        palette=False,
    ),
    Action(
        "query.up",
        "result(-1)",
        "up",
        "result above",
        "Move up the results and go on typing.",
        palette=False,
    ),
    Action(
        "query.page_down",
        "result(10)",
        "pagedown",
        "ten results down",
        "Move ten results down and go on typing.",
        palette=False,
    ),
    Action(
        "query.page_up",
        "result(-10)",
        "pageup",
        "ten results up",
        "Move ten results up and go on typing.",
        palette=False,
    ),
    Action(
        "query.older",
        "history(1)",
        "ctrl+up",
        "older query",
        "Take up the query asked before this one.",
        bar=4,
        palette=False,
    ),
    Action(
        "query.newer",
        "history(-1)",
        "ctrl+down",
        "newer query",
        "Go back to the query asked after this one.",
        palette=False,
    ),
)

_BROWSER = (
    Action("query.focus", "focus_query", "slash", "query", "Type a query.", bar=1),
    Action(
        "query.operators",
        "operators",
        "ctrl+o,o",
        "operators",
        'Read "phrases", -words and field:words as operators, or all literally.',
        bar=12,
    ),
    Action(
        "query.history", "show_history", "H", "history", "Choose among the queries asked before."
    ),
    Action(
        "question.next",
        "question(1)",
        "right_square_bracket",
        "next question",
        "Ask the next question of --questions.",
        needs=(Need.QUESTIONS,),
    ),
    Action(
        "question.previous",
        "question(-1)",
        "left_square_bracket",
        "previous question",
        "Ask the question before.",
        needs=(Need.QUESTIONS,),
    ),
    Action("panel.keyword", "panel(1)", "1", "keyword", "Go to the keyword ranking."),
    Action("panel.vector", "panel(2)", "2", "vector", "Go to the vector ranking."),
    Action("panel.reranked", "panel(3)", "3", "reranked", "Go to the reranked ranking."),
    Action("panel.preview", "panel(4)", "4", "preview", "Go to the preview.", bar=9),
    Action("panel.next", "next_panel(1)", "tab", "next panel", "Go to the next panel."),
    Action(
        "panel.previous", "next_panel(-1)", "shift+tab", "previous panel", "Go to the panel before."
    ),
    Action(
        "panel.maximise",
        "maximise",
        "plus",
        "maximise",
        "Give the panel the whole screen, or give it back.",
        bar=8,
    ),
    Action(
        "hit.edit",
        "edit",
        "e",
        "edit",
        "Open the note at this line in $VISUAL or $EDITOR.",
        needs=(Need.HIT,),
        bar=2,
    ),
    Action(
        "hit.copy",
        "copy",
        "y",
        "copy",
        "Copy the path, path:line, the text or JSON.",
        needs=(Need.HIT,),
        bar=3,
    ),
    Action(
        "hit.rendered",
        "rendered",
        "v",
        "rendered",
        "Read the chunk as rendered markdown.",
        needs=(Need.HIT,),
    ),
    Action(
        "hit.reindex",
        "reindex_note",
        "r",
        "reindex",
        "Read and index this note again.",
        needs=(Need.ENGINE, Need.HIT),
        right=_REINDEX,
        bar=4,
    ),
    Action("view.rows", "rows", "z", "rows", "One line for each hit, or two.", bar=6),
    Action(
        "view.files",
        "files",
        "f",
        "files",
        "See every file, and why it is not indexed.",
        needs=(Need.ENGINE,),
        bar=5,
    ),
    Action(
        "index.changed",
        "reindex_changed",
        "R",
        "reindex changed",
        "Index whatever differs from the index.",
        needs=(Need.ENGINE,),
        right=_REINDEX,
    ),
    Action(
        "index.rebuild",
        "rebuild",
        "B",
        "rebuild",
        "Forget the index and build it again, after a question.",
        needs=(Need.ENGINE,),
        right=Right.ADMINISTER,
    ),
    Action(
        "index.pause",
        "pause",
        "p",
        "pause",
        "Stop noticing changes on disk, or go on.",
        needs=(Need.ENGINE,),
        right=_REINDEX,
        bar=11,
    ),
    Action(
        "app.back",
        "back",
        "escape",
        "back",
        "One step back: from a list to the query, from a full panel to all.",
        palette=False,
    ),
)

_LIST = (
    Action("list.down", "down", "j,down", "down", "One row down.", palette=False),
    Action("list.up", "up", "k,up", "up", "One row up.", palette=False),
    Action("list.first", "first", "g,home", "first", "The first row.", palette=False),
    Action("list.last", "last", "G,end", "last", "The last row.", palette=False),
    Action(
        "list.half_down",
        "half(1)",
        "ctrl+d",
        "half a page down",
        "Half a page down.",
        palette=False,
    ),
    Action(
        "list.half_up", "half(-1)", "ctrl+u", "half a page up", "Half a page up.", palette=False
    ),
    Action(
        "list.page_down", "page(1)", "pagedown,space", "page down", "A page down.", palette=False
    ),
    Action("list.page_up", "page(-1)", "pageup", "page up", "A page up.", palette=False),
    Action(
        "list.choose",
        "choose",
        "enter",
        "open",
        "Open the row: the preview, or the file in full.",
        palette=False,
    ),
)

_FILES = (
    Action(
        "files.filter",
        "focus_filter",
        "slash",
        "filter",
        "Show only files with these words in path, state or reason.",
        bar=1,
    ),
    Action(
        "files.read",
        "read_file",
        "enter",
        "in full",
        "Read all that is known of the file.",
        needs=(Need.FILE,),
        bar=2,
        palette=False,
    ),
    Action(
        "files.sort",
        "sort",
        "s",
        "sort",
        "Order by the next of state, path, chunks, size, modified.",
        bar=3,
    ),
    Action(
        "files.edit",
        "edit_file",
        "e",
        "edit",
        "Open the file in $VISUAL or $EDITOR.",
        needs=(Need.FILE,),
        bar=4,
    ),
    Action(
        "files.reindex",
        "reindex_file",
        "r",
        "reindex",
        "Read and index this file again.",
        needs=(Need.ENGINE, Need.FILE),
        right=_REINDEX,
        bar=5,
    ),
    Action(
        "files.changed",
        "reindex_changed",
        "R",
        "reindex changed",
        "Index whatever differs from the index.",
        needs=(Need.ENGINE,),
        right=_REINDEX,
        bar=6,
    ),
    Action("files.close", "close", "escape,f", "back", "Back to the rankings.", bar=7),
)

_APP = (
    Action(
        "app.palette",
        "command_palette",
        "ctrl+p,colon",
        "palette",
        "Find any action by its name.",
        bar=13,
        palette=False,
    ),
    Action("app.help", "help", "f1,question_mark", "help", "Every key and what it does.", bar=14),
    Action("app.theme", "change_theme", "T", "theme", "Choose a theme; it is remembered."),
    Action(
        "app.open", "open_folder", "O", "open folder", "Open another folder, or the demo memory."
    ),
    Action(
        "app.retry",
        "retry",
        "f5,ctrl+r",
        "try again",
        "Start the engine again after it was given up.",
        needs=(Need.RETRY,),
    ),
    Action(
        "app.quit", "quit", "q,ctrl+q", "quit", "Leave membrowse; the engine ends by itself later."
    ),
)

ACTIONS: tuple[Action, ...] = tuple(
    replace(action, where=where)
    for where, actions in (
        (Where.QUERY, _QUERY),
        (Where.BROWSER, _BROWSER),
        (Where.BROWSER, inspection.BROWSER),
        (Where.BROWSER, diagnosis.BROWSER),
        (Where.LIST, _LIST),
        (Where.FILES, _FILES),
        (Where.WHY, diagnosis.WHY),
        (Where.TUNE, diagnosis.TUNE),
        (Where.SIDES, diagnosis.SIDES),
        (Where.PINS, diagnosis.PINS),
        (Where.FLOW, inspection.FLOW),
        (Where.COMPARE, inspection.COMPARE),
        (Where.RULERS, inspection.RULERS),
        (Where.APP, _APP),
    )
    for action in actions
)
"""Every action there is. The ids are stable names for key maps to come."""


_OF_THE_SCREEN = (Where.QUERY, Where.TUNE)
"""Bound to a widget, done by its screen."""

BY_METHOD = {(action.where, action.method.split("(")[0]): action for action in reversed(ACTIONS)}


def of(*places: Where) -> tuple[Action, ...]:
    """The actions bound in these places, in order."""
    return tuple(action for action in ACTIONS if action.where in places)


def bindings(*places: Where) -> list[Binding]:
    """Textual's bindings for these places; every one has its action's id."""
    return [
        Binding(
            key=action.keys,
            action=f"screen.{action.method}" if action.where in _OF_THE_SCREEN else action.method,
            description=action.label,
            tooltip=action.tooltip,
            show=action.bar > 0,
            id=action.id,
        )
        for action in of(*places)
    ]
