"""The guide in place of the rankings while no query is open: keys, earlier queries, problems."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.content import Content

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, clip
from membrowse.presentation.progress import progress_line, reading_text
from membrowse.text import shown
from membrowse.tui.actions import KeyOf, with_keys
from membrowse.tui.model.engine_view import EngineView, Phase
from membrowse.tui.widgets.lines import Clickable, content, keymap_of
from membrowse.wire.engine import EngineState

_ASK = "screen.question(1)"

_NOTE = ("{hit.edit}  {hit.copy}  {hit.reindex}", "edit the note · copy · reindex")
_RECORD = ("{hit.copy}  {hit.reindex}", "copy · reindex")
"""In its place for a store, which is read-only."""
_KEYS: tuple[tuple[str, str], ...] = (
    ("{query.focus}", "type the query; {query.leave} leaves it, then letters act"),
    (
        "{panel.keyword} {panel.vector} {panel.reranked} {panel.preview}",
        "keyword · vector · reranked · preview",
    ),
    ("{hit.explain}  {target.why}", "explain a hit · find out why a note is missing"),
    ("{tune.open}  {pin.add}", "tune the ranking · pin the query to the note it should find"),
    _NOTE,
    ("{recall.log}  {view.files}", "what agents asked and got · every file, indexed or not"),
    ("{app.open}  {app.help}", "open another folder, store or agent · all keys"),
)


def guide_lines(
    view: EngineView, recent: Sequence[str], questions: int, width: int, key: KeyOf
) -> list[Line]:
    """The lines of the guide; `questions` is how many there are to step through."""
    if view.phase is Phase.GAVE_UP:
        return _gave_up(view, width, key)
    lines: list[Line] = [[Part("Paste what the agent asked.", "strong")]]
    lines.append([Part("Its keyword, vector and reranked rankings appear side by side.", "dim")])
    lines.append([])
    lines += _condition_lines(view, key)
    if questions:
        ask = key("query.question")
        what = f"   ask the first of {figures.counted(questions, 'question')}"
        lines.append([Part(f"{ask:>8}", "key", _ASK), Part(what, "", _ASK)])
    for row in _KEYS:
        keys, what = _RECORD if view.store and row is _NOTE else row
        named = with_keys(keys, key)
        lines.append([Part(f"{named:>8}", "key"), Part(f"   {with_keys(what, key)}", "dim")])
    if recent:
        history = f"  {key('query.history')}  "
        lines += [
            [],
            [Part("earlier queries", "dim"), Part(history, "key"), Part("all", "dim")],
        ]
        lines += [
            [Part(f"  {clip(shown(text), min(width - 8, 70))}", "", f"screen.recent({at})")]
            for at, text in enumerate(recent[:5])
        ]
    return lines


def _condition_lines(view: EngineView, key: KeyOf) -> list[Line]:
    """What to know before typing: starting, indexing, nothing indexed."""
    if view.phase in (Phase.STARTING, Phase.LOST, Phase.NONE):
        text = shown(view.message) or "Starting… you can type now."
        return [[Part("◌ ", "accent"), Part(text)], []]
    state = view.state
    if state is None:
        return []
    if view.reading:
        return [
            [Part("◌ ", "accent"), Part(reading_text(state), "strong")],
            [Part("  You can type now; keywords are found as notes are read.", "dim")],
            [],
        ]
    if state.progress is not None:
        return [progress_line(state.progress, 70), []]
    if state.problem:
        return []
    if state.notes == 0:
        return _nothing_indexed(view, state, key)
    pending = state.pending.new + state.pending.changed + state.pending.deleted
    if pending:
        verb = "differs" if pending == 1 else "differ"
        text = f"{figures.counted(pending, 'note')} on disk {verb} from the index."
        return [[Part("! ", "warn"), Part(text)], []]
    return []


def _nothing_indexed(view: EngineView, state: EngineState, key: KeyOf) -> list[Line]:
    """Why there is nothing to search, and what to do."""
    if view.store:
        return [[Part("! ", "warn"), Part("The store has no records.")], []]
    left_out = f", {figures.counted(state.not_indexed, 'file')} not indexed"
    kinds = f"  Notes are {view.note_kinds}; a new one is found at once."
    return [
        [Part("! ", "warn"), Part(f"No notes here{left_out if state.not_indexed else ''}.")],
        [Part(kinds, "dim")],
        [Part("  ")]
        + _after_the_query("view.files", "shows every file and why;  ", "screen.files", key)
        + _after_the_query("app.open", "opens another folder.", "app.open_folder", key),
        [],
    ]


def _after_the_query(action: str, what: str, click: str, key: KeyOf) -> Line:
    """`enter, then f shows every file`: a letter acts once the query is left."""
    return [
        Part(key("query.leave"), "key", click),
        Part(", then ", "dim", click),
        Part(key(action), "key", click),
        Part(f" {what}", "dim", click),
    ]


def _gave_up(view: EngineView, width: int, key: KeyOf) -> list[Line]:
    lines: list[Line] = [
        [Part("✗ ", "bad"), Part("The engine keeps failing.", "strong")],
        [],
        *([Part(shown(text))] for text in _filled(view.message, width)),
        [],
        [Part(key("app.retry"), "key", "app.retry"), Part(" restarts it   ", "dim")]
        + _after_the_query("app.open", "opens another folder   ", "app.open_folder", key)
        + _after_the_query("app.quit", "quits", "app.quit", key),
    ]
    tail = view.log_tail.strip().splitlines()[-12:]
    if tail:
        lines += [[], [Part("end of its log", "dim")]]
        lines += [[Part(f"  {clip(shown(text), width - 4)}", "dim")] for text in tail]
    return lines


def _filled(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(20, min(width - 4, 90))) or [""]


class Guide(Clickable, can_focus=True):
    """Shows what the engine is doing and which keys to press; has the focus while there is no list
    to go to."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="guide")
        self._view = EngineView()
        self._recent: Sequence[str] = ()
        self._questions = 0

    def show(self, view: EngineView, recent: Sequence[str]) -> None:
        """Show the engine's view and the earlier queries."""
        self._view, self._recent = view, recent
        self.refresh(layout=True)

    def show_questions(self, count: int) -> None:
        """Offer the first of so many questions."""
        self._questions = count
        self.refresh(layout=True)

    def render(self) -> Content:
        width, key = max(30, self.content_size.width), keymap_of(self).key
        lines = guide_lines(self._view, self._recent, self._questions, width, key)
        return Content("\n").join([content(self, line) for line in lines])
