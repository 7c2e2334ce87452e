"""Every action of the browser: what it is called, which keys run it, and what it needs.

`ACTIONS` is the one registry; bindings, key bar, palette, help and refusals are made from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from enum import Enum

from textual.binding import Binding

from membrowse.wire.engine import Right


class Where(Enum):
    """Where an action's keys work; the value is a heading of the help."""

    QUERY = "In the query"
    BROWSER = "In the lists"
    LIST = "Moving in a list"
    FILES = "In the files screen"
    FLOW = "In the rank flow"
    COMPARE = "In a comparison"
    TOKENS = "In the tokens"
    WHY = "In the answer to why"
    TUNE = "In the tuning panel"
    SIDES = "In A | B"
    PINS = "In the pins"
    LOG = "In the log"
    REPLAY = "In a replay"
    APP = "Everywhere"


class Need(Enum):
    """What an action acts on; the value says that it is missing (see `with_keys`)."""

    ENGINE = "The engine is not connected yet."
    FOLDER = "The store is read-only: its own program writes it."
    HIT = "There is no chunk under the cursor: type a query first."
    FILE = "There is no file under the cursor."
    QUERY = "There is no query yet: type one first."
    EXPECTED = "There is no target."
    TARGET = "There is neither a target ({target.why}) nor a chunk under the cursor."
    PLACE = "There is no file to open."
    PIN = "There is no pin under the cursor."
    AGENT = "Neither agent nor store: membrowse agents, attach, then --agent NAME."
    SHOWN_RECALL = "No recall is shown: {recall.log} opens the log."
    RECALL = "There is no recall under the cursor."
    CONFIGURATIONS = "No configuration is saved: {tune.open} tunes, and saves one."
    PANEL = "The tuning panel is closed: {tune.open} opens it."
    TUNED = "No setting is changed."
    SAVED = "The cursor is not on a saved configuration."
    FILTERS = "No filter is set: {filter.add} sets one."
    QUESTIONS = "There are no questions: start with --questions FILE.jsonl."
    RETRY = "Nothing to retry: the engine has not failed."


_CLAUSE = re.compile(r"[;:.](?= |$)|, (?=or |and |so )")


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the user can do."""

    id: str
    """Stable name, for key maps."""
    method: str
    """The Textual action, without namespace."""
    keys: str
    """Comma-separated."""
    label: str
    """Name in the key bar and the palette."""
    tooltip: str
    """One sentence, for help and palette (see `with_keys`)."""
    where: Where = Where.APP
    needs: tuple[Need, ...] = ()
    right: Right | None = None
    bar: int = 0
    """Place in the key bar, from 1; 0: not in it."""
    palette: bool = True

    @property
    def name(self) -> str:
        """`method` without its arguments."""
        return self.method.partition("(")[0]

    @property
    def title(self) -> str:
        """What it does, in a few words that begin with a verb."""
        return _CLAUSE.split(self.tooltip, maxsplit=1)[0]

    @property
    def first_key(self) -> str:
        return self.keys.split(",")[0]


def refusal(action: Action, met: Set[Need], rights: Set[Right]) -> str:
    """Why the action cannot run now, a sentence (see `with_keys`); empty if it can."""
    for need in action.needs:
        if need not in met:
            return need.value
    if action.right is not None and action.right not in rights:
        return missing_right(action.right, action.id)
    return ""


def missing_right(right: Right, action: str = "") -> str:
    """The refusal of an action (by id) whose right is not granted."""
    rebuild = action == "index.rebuild"
    administer = "rebuild the index" if rebuild else "change saved configurations"
    what = administer if right is Right.ADMINISTER else right.value
    return f"Permission denied: only the engine's owner can {what}."


KeyOf = Callable[[str], str]
"""Names the first key of an action, by its id."""

_REFERENCE = re.compile(r"\{([a-z_]+\.[a-z_]+)\}")


def with_keys(text: str, key: KeyOf) -> str:
    """Replace each `{id.of_action}` in one of our own texts by the key of that action."""
    return _REFERENCE.sub(lambda found: key(found[1]), text)


_KEY_NAMES = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "equals_sign": "=",
    "plus": "+",
    "left_square_bracket": "[",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "right_square_bracket": "]",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "down": "↓",
    "left": "←",
    "right": "→",
    "up": "↑",
    "f1": "F1",
    "f5": "F5",
}


def key_name(key: str) -> str:
    """A key as text: `/`, `ctrl+↑`, `F1`."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, _KEY_NAMES.get(last, last)])


def key_names(action: Action) -> str:
    """All keys of an action: `j ↓`."""
    return " ".join(key_name(key) for key in action.keys.split(","))


_REINDEX, _ADMINISTER = Right.REINDEX, Right.ADMINISTER

# fmt: off
_QUERY = (
    Action("query.leave", "leave_query", "enter,escape", "to the list",
           "Leave the query for the list; the query stays.", bar=1, palette=False),
    Action("query.down", "result(1)", "down", "results",
           "Move down the results while typing.", needs=(Need.QUERY,), bar=2, palette=False),
    Action("query.up", "result(-1)", "up", "previous result",
           "Move up the results while typing.", needs=(Need.QUERY,), palette=False),
    Action("query.page_down", "result(10)", "pagedown", "ten results down",
           "Move down ten results while typing.", needs=(Need.QUERY,), palette=False),
    Action("query.page_up", "result(-10)", "pageup", "ten results up",
           "Move up ten results while typing.", needs=(Need.QUERY,), palette=False),
    Action("query.older", "history(1)", "ctrl+up", "older query",
           "Go back to the query before this one.", bar=4, palette=False),
    Action("query.newer", "history(-1)", "ctrl+down", "newer query",
           "Go forward to the query after this one.", palette=False),
    Action("query.question", "question_if_empty", "right_square_bracket", "first question",
           "Ask the next question of --questions while the query is empty.", palette=False),
)

_BROWSER = (
    Action("query.focus", "focus_query", "slash", "query",
           "Type another query; an arrow keeps the old one to edit.", bar=1),
    Action("query.operators", "operators", "ctrl+o,o", "operators",
           'Switch operators on or off: "phrases", -words and field:words.', bar=12),
    Action("filter.add", "filter", "s", "filter",
           "Choose which notes are ranked: by root, folder, tag or date.", needs=(Need.ENGINE,)),
    Action("filter.drop", "drop_last_filter", "S", "remove filter",
           "Remove the last filter; its × removes another.", needs=(Need.FILTERS,)),
    Action("query.history", "show_history", "H", "history", "Choose an earlier query."),
    Action("question.next", "question(1)", "right_square_bracket", "next question",
           "Ask the next question of --questions.", needs=(Need.QUESTIONS,)),
    Action("question.previous", "question(-1)", "left_square_bracket", "previous question",
           "Ask the previous question.", needs=(Need.QUESTIONS,)),
    Action("panel.keyword", "panel(1)", "1", "keyword", "Go to the keyword ranking."),
    Action("panel.vector", "panel(2)", "2", "vector", "Go to the vector ranking."),
    Action("panel.reranked", "panel(3)", "3", "reranked", "Go to the reranked ranking."),
    Action("panel.agent", "agent_panel", "0", "agent", "Go to what the agent got, beside a recall.",
           needs=(Need.SHOWN_RECALL,)),
    Action("panel.preview", "panel(4)", "4", "preview", "Go to the preview.", bar=9),
    Action("panel.explanation", "panel(5)", "5", "explanation",
           "Go to the explanation, to scroll it."),
    Action("panel.next", "next_panel(1)", "tab", "next panel", "Go to the next panel."),
    Action("panel.previous", "next_panel(-1)", "shift+tab", "previous panel",
           "Go to the previous panel."),
    Action("panel.maximise", "maximise", "plus", "maximise",
           "Maximise the panel, or restore all panels.", bar=8),
    Action("hit.edit", "edit", "e", "edit", "Open the note at this line in $VISUAL or $EDITOR.",
           needs=(Need.FOLDER, Need.HIT), bar=2),
    Action("hit.copy", "copy", "y", "copy", "Copy the hit: path, path:line, text or JSON.",
           needs=(Need.HIT,), bar=3),
    Action("hit.explain", "explain", "x", "explain",
           "Explain the chunk's rank and shade the preview; again: stop explaining.",
           needs=(Need.ENGINE, Need.HIT), bar=1),
    Action("target.why", "why", "w", "why",
           "Find out why a note that you expect is not in the top, and what would help.",
           needs=(Need.ENGINE,), bar=1),
    Action("target.choose", "target", "W", "target",
           "Choose the note, chunk or text that you expect, or none.", needs=(Need.ENGINE,)),
    Action("target.clear", "clear_target", "c", "clear target", "Clear the target.",
           needs=(Need.EXPECTED,)),
    Action("tune.open", "tune", "t", "tune",
           "Change fusion, reranker, pool and cut; the open query is re-ranked at once.",
           needs=(Need.ENGINE, Need.QUERY), bar=2),
    Action("pin.add", "pin", "m", "pin",
           "Pin the query to the target, or to the chunk under the cursor; again: unpin it.",
           needs=(Need.ENGINE, Need.QUERY, Need.TARGET), right=_REINDEX, bar=3),
    Action("pin.show", "pins", "M", "pins",
           "See every pin, whether it passes, and how its rank changed.", needs=(Need.ENGINE,)),
    Action("recall.log", "log", "L", "log",
           "See what agents asked and what they got.", needs=(Need.ENGINE,)),
    Action("agent.ask", "ask_agent", "A", "ask agent",
           "Ask the agent's own search for this query; the first time, it asks you.",
           needs=(Need.ENGINE, Need.QUERY, Need.AGENT)),
    Action("query.crowding", "crowding", "C", "crowding",
           "See who has the first places: by root, folder and note.", needs=(Need.ENGINE,)),
    Action("recall.follow", "follow", "F", "follow",
           "Show each question as an agent asks it; any key that acts stops.",
           needs=(Need.ENGINE,)),
    Action("hit.changes", "changes", "d", "changes",
           "Show what changed in the note since it was indexed.",
           needs=(Need.ENGINE, Need.HIT)),
    Action("preview.find", "find_in_preview", "ctrl+f", "find in preview",
           "Find words in the preview; {preview.next} and {preview.previous} go on to others.",
           needs=(Need.HIT,)),
    Action("preview.next", "match(1)", "n", "next match",
           "Go to the next match in the preview, by default of the query's words.",
           needs=(Need.HIT,)),
    Action("preview.previous", "match(-1)", "N", "previous match",
           "Go to the previous match in the preview.", needs=(Need.HIT,)),
    Action("hit.rendered", "rendered", "v", "rendered", "Read the chunk as rendered markdown.",
           needs=(Need.HIT,)),
    Action("hit.compare", "compare", "equals_sign", "compare",
           "Compare the chunk with the target; without one, mark it to compare it with another.",
           needs=(Need.ENGINE, Need.HIT), bar=10),
    Action("hit.like", "like", "l", "more like this",
           "Search by the vector of this chunk instead of words.",
           needs=(Need.ENGINE, Need.HIT)),
    Action("hit.reindex", "reindex_note", "r", "reindex", "Index this note again.",
           needs=(Need.ENGINE, Need.HIT), right=_REINDEX, bar=4),
    Action("query.flow", "rank_flow", "X", "rank flow",
           "See which chunks rise and fall from ranking to ranking.",
           needs=(Need.ENGINE, Need.QUERY), bar=12),
    Action("query.tokens", "tokens", "u", "tokens",
           "See the tokens and word pieces of the query and of the chunk.",
           needs=(Need.ENGINE, Need.QUERY), bar=12),
    Action("view.rows", "rows", "z", "rows",
           "Show hits on one line, on two, or on three with their text.", bar=6),
    Action("view.more", "split(10)", "right_curly_bracket", "larger preview",
           "Give preview and explanation more of the height."),
    Action("view.less", "split(-10)", "left_curly_bracket", "smaller preview",
           "Give preview and explanation less of the height."),
    Action("view.files", "files", "f", "files", "See every file, and why it is not indexed.",
           needs=(Need.ENGINE,), bar=5),
    Action("query.report", "report", "ctrl+e", "report",
           "Write a report of this search: everything that explains it, as JSON and Markdown.",
           needs=(Need.ENGINE, Need.QUERY)),
    Action("view.details", "details", "i", "details",
           "Show details of index, engine and search: generation, precision, times.",
           needs=(Need.ENGINE,)),
    Action("index.changed", "reindex_changed", "R", "reindex changed",
           "Index every note that differs from the index.", needs=(Need.ENGINE,), right=_REINDEX),
    Action("index.rebuild", "rebuild", "B", "rebuild",
           "Rebuild the index from scratch; asks first.", needs=(Need.ENGINE,),
           right=_ADMINISTER),
    Action("index.pause", "pause", "p", "pause", "Stop watching for changes, or resume.",
           needs=(Need.ENGINE,), right=_REINDEX, bar=11),
    Action("app.back", "back", "escape", "back",
           "Go one step back: close a maximised panel, or what was opened last; clear a message.",
           palette=False),
)

_LIST = (
    Action("list.down", "down", "j,down", "down", "Move down a row.", palette=False),
    Action("list.up", "up", "k,up", "up", "Move up a row.", palette=False),
    Action("list.first", "first", "g,home", "first", "Go to the first row.", palette=False),
    Action("list.last", "last", "G,end", "last", "Go to the last row.", palette=False),
    Action("list.half_down", "half(1)", "ctrl+d", "half a page down",
           "Move down half a page.", palette=False),
    Action("list.half_up", "half(-1)", "ctrl+u", "half a page up",
           "Move up half a page.", palette=False),
    Action("list.page_down", "page(1)", "pagedown,space", "page down",
           "Move down a page.", palette=False),
    Action("list.page_up", "page(-1)", "pageup", "page up", "Move up a page.", palette=False),
    Action("list.choose", "choose", "enter", "open",
           "Open the row: the preview, or details of the file.", palette=False),
)

_FILES = (
    Action("files.filter", "focus_filter", "slash", "filter",
           "Show only files with these words in path, state or reason.", bar=1),
    Action("files.read", "read_file", "enter", "details", "See everything known about the file.",
           needs=(Need.FILE,), bar=2, palette=False),
    Action("files.sort", "sort", "s", "sort",
           "Sort by state, path, chunks, size or modification time, in turn.", bar=3),
    Action("files.edit", "edit_file", "e", "edit", "Open the file in $VISUAL or $EDITOR.",
           needs=(Need.FOLDER, Need.FILE), bar=4),
    Action("files.reindex", "reindex_file", "r", "reindex", "Index this file again.",
           needs=(Need.ENGINE, Need.FILE), right=_REINDEX, bar=5),
    Action("files.changed", "reindex_changed", "R", "reindex changed",
           "Index every note that differs from the index.",
           needs=(Need.ENGINE,), right=_REINDEX, bar=7),
    Action("files.close", "close", "escape,q,f", "back", "Go back to the rankings.", bar=6),
)

_FLOW = (
    Action("flow.go", "go", "enter", "go to", "Go to the chunk in the rankings.",
           needs=(Need.HIT,), bar=1, palette=False),
    Action("flow.close", "close", "escape,q,X", "back", "Go back to the rankings.", bar=2),
)

_COMPARE = (
    Action("compare.go", "go", "enter", "go to",
           "Go to the chunk under the cursor in the rankings.",
           needs=(Need.HIT,), bar=1, palette=False),
    Action("compare.close", "close", "escape,q,equals_sign", "back",
           "Go back to the rankings.", bar=2),
)

_TOKENS = (
    Action("tokens.close", "close", "escape,q,u", "back", "Go back to the rankings.", bar=1),
)

_WHY = (
    Action("why.choose", "choose_item", "enter", "apply or open",
           "Apply the suggestion, or show and hide the evidence of the step.",
           bar=1, palette=False),
    Action("why.edit", "edit_target", "e", "edit",
           "Open the note that you expect in $VISUAL or $EDITOR.",
           needs=(Need.FOLDER, Need.PLACE), bar=2),
    Action("why.find", "find", "f,w,W", "another target",
           "Choose another file, chunk or text.", needs=(Need.ENGINE,), bar=3),
    Action("why.pin", "pin", "m", "pin",
           "Pin the query to what you expect; again: unpin it.",
           needs=(Need.ENGINE,), right=_REINDEX, bar=4),
    Action("why.close", "close", "escape,q", "back",
           "Go back to the rankings; stops the search for suggestions.", bar=5, palette=False),
)

_TUNE = (
    Action("tune.down", "move(1)", "down,j", "next", "Go to the next setting.", palette=False),
    Action("tune.up", "move(-1)", "up,k", "previous", "Go to the previous setting.",
           palette=False),
    Action("tune.more", "step(1)", "right,l", "more",
           "Raise the value, or take the next choice.", needs=(Need.PANEL,), bar=1, palette=False),
    Action("tune.less", "step(-1)", "left,h", "less",
           "Lower the value, or take the previous choice.",
           needs=(Need.PANEL,), bar=1, palette=False),
    Action("tune.much_more", "large_step(1)", "shift+right,L", "much more",
           "Raise the value by a large step. Digits type a value.",
           needs=(Need.PANEL,), palette=False),
    Action("tune.much_less", "large_step(-1)", "shift+left,H", "much less",
           "Lower the value by a large step.", needs=(Need.PANEL,), palette=False),
    Action("tune.take", "take", "enter", "take",
           "Try the typed value; on a configuration: use it.", needs=(Need.PANEL,), palette=False),
    Action("tune.erase", "erase", "backspace", "erase",
           "Erase a typed digit, or reset the setting.", needs=(Need.PANEL,), palette=False),
    Action("tune.save", "save", "s", "save",
           "Save the values under a name and use them for all your folders.",
           needs=(Need.ENGINE, Need.TUNED), right=_ADMINISTER, bar=2),
    Action("tune.reset", "reset", "r", "reset", "Reset the setting to its saved value.",
           needs=(Need.TUNED,), bar=3),
    Action("tune.reset_all", "reset_all", "R", "reset all",
           "Reset every setting to its saved value.", needs=(Need.TUNED,), bar=4),
    Action("tune.compare", "compare_configurations", "b", "A | B",
           "Compare the values tried with the configuration under the cursor, or with the saved "
           "one.", needs=(Need.ENGINE, Need.QUERY, Need.PANEL), bar=5),
    Action("tune.forget", "delete", "d,delete", "delete",
           "Delete the saved configuration under the cursor; asks first.",
           needs=(Need.ENGINE, Need.PANEL, Need.SAVED), right=_ADMINISTER, bar=7),
    Action("tune.close", "close", "escape,q,t", "close",
           "Close the panel; unsaved values are dropped.", needs=(Need.PANEL,), bar=6),
)

_SIDES = (
    Action("sides.other", "other_side", "tab,shift+tab,left,right,h,l", "other side",
           "Go to the other side; the cursor stays on its chunk.", bar=1),
    Action("sides.close", "close", "escape,q,b", "back", "Go back to the tuning panel.", bar=2),
)

_PINS = (
    Action("pins.ask", "ask_pin", "enter", "search",
           "Search for the pin's query, with its note as the target.",
           needs=(Need.PIN,), bar=1, palette=False),
    Action("pins.unpin", "unpin", "d,delete", "unpin",
           "Delete the pin under the cursor; asks first.",
           needs=(Need.ENGINE, Need.PIN), right=_REINDEX, bar=2),
    Action("pins.close", "close", "escape,q,M", "back", "Go back to the rankings.", bar=3),
)

_LOG = (
    Action("log.ask", "ask_recall", "enter", "ask",
           "Ask the recall's query, and show what the agent got beside the rankings.",
           needs=(Need.RECALL,), bar=1, palette=False),
    Action("log.filter", "focus_filter", "slash", "filter",
           "Filter by words of the query, agent:NAME, flag:NAME, since:TIME and until:TIME.",
           bar=2),
    Action("log.agent", "next_agent", "a", "agent", "Show one agent's recalls, then the next's.",
           needs=(Need.ENGINE,), bar=3),
    Action("log.flag", "next_flag", "f", "flag",
           "Show the recalls with a flag: empty, cut, near, changed, stale, in turn.", bar=4),
    Action("log.period", "next_period", "d", "days",
           "Show the recalls of the last day, week, month or year, in turn.", bar=5),
    Action("log.replay", "replay", "r", "replay",
           "Ask every question again, and compare with what the agents got.",
           needs=(Need.ENGINE,), bar=6),
    Action("log.close", "close", "escape,q,L", "back",
           "Clear the filter, or go back to the rankings.", bar=7),
)

_REPLAY = (
    Action("replay.ask", "ask_recall", "enter", "ask",
           "Ask the question, and show what the agent got beside the rankings.",
           needs=(Need.RECALL,), bar=1, palette=False),
    Action("replay.against", "next_against", "c", "compare with",
           "Compare with a saved configuration instead of with what the agents got.",
           needs=(Need.ENGINE, Need.CONFIGURATIONS), bar=2),
    Action("replay.close", "close", "escape,q", "back", "Go back to the log.", bar=3),
)

_APP = (
    Action("app.palette", "command_palette", "ctrl+p,colon", "palette",
           "Find any action by its name.", bar=13, palette=False),
    Action("app.help", "help", "f1,question_mark", "help", "See every sign and key.", bar=14),
    Action("app.theme", "change_theme", "T", "theme", "Choose a theme."),
    Action("app.export", "export", "E", "export", "Export this view: as a picture (SVG) and text."),
    Action("app.suspend", "suspend_process", "ctrl+z", "suspend",
           "Suspend membrowse; the shell's `fg` brings it back."),
    Action("app.open", "open_folder", "O", "open",
           "Open another folder, a store, a collection, an agent's memory or the demo."),
    Action("app.retry", "retry", "f5,ctrl+r", "retry", "Restart the engine after a failure.",
           needs=(Need.RETRY,)),
    Action("app.quit", "quit", "q,ctrl+q", "quit",
           "Leave membrowse; the engine stops by itself later."),
)
# fmt: on

ACTIONS: tuple[Action, ...] = tuple(
    replace(action, where=where)
    for where, actions in (
        (Where.QUERY, _QUERY),
        (Where.BROWSER, _BROWSER),
        (Where.LIST, _LIST),
        (Where.FILES, _FILES),
        (Where.FLOW, _FLOW),
        (Where.COMPARE, _COMPARE),
        (Where.TOKENS, _TOKENS),
        (Where.WHY, _WHY),
        (Where.TUNE, _TUNE),
        (Where.SIDES, _SIDES),
        (Where.PINS, _PINS),
        (Where.LOG, _LOG),
        (Where.REPLAY, _REPLAY),
        (Where.APP, _APP),
    )
    for action in actions
)

_BY_NAME = {(action.where, action.name): action for action in reversed(ACTIONS)}


def of(*places: Where) -> tuple[Action, ...]:
    """The actions of these places, in the registry's order."""
    return tuple(action for action in ACTIONS if action.where in places)


def find(name: str, *places: Where) -> Action | None:
    """The action whose method has that name, from the first of `places` that has one."""
    found = (_BY_NAME.get((place, name)) for place in places)
    return next((action for action in found if action is not None), None)


def bindings(where: Where) -> list[Binding]:
    """Textual's bindings for the actions of a place; the binding's id is the action's.

    The query's keys are bound to its input but act on the screen, and before the next key is typed.
    """
    query = where is Where.QUERY
    return [
        Binding(
            key=action.keys,
            action=f"screen.{action.method}" if query else action.method,
            description=action.label,
            tooltip=action.tooltip,
            show=action.bar > 0,
            id=action.id,
            priority=query,
        )
        for action in of(where)
    ]
