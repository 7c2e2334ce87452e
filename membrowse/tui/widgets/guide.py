"""The guide in place of the rankings while no query is open: keys, earlier queries, problems."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from textual.content import Content

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, clip
from membrowse.presentation.progress import progress_line, reading_text
from membrowse.text import shown
from membrowse.tui.model.engine_view import EngineView, Phase
from membrowse.tui.widgets.lines import Clickable, content

_KEYS: tuple[tuple[str, str], ...] = (
    ("/", "type the query; enter goes to the list, where single letters act"),
    ("1 2 3 4", "keyword · vector · reranked · preview"),
    ("x  w", "explain a hit · find out why a note is missing"),
    ("t  m", "tune the ranking · pin the query to the note it should find"),
    ("e  y  r", "edit the note · copy · reindex"),
    ("f", "every file, and why it is not indexed"),
    ("F1", "all keys"),
)


def guide_lines(view: EngineView, recent: Sequence[str], width: int) -> list[Line]:
    """The lines of the guide."""
    if view.phase is Phase.GAVE_UP:
        return _gave_up(view, width)
    lines: list[Line] = [[Part("Paste what the agent asked.", "strong")]]
    lines.append([Part("Its keyword, vector and reranked rankings appear side by side.", "dim")])
    lines.append([])
    lines += _condition_lines(view)
    for keys, what in _KEYS:
        lines.append([Part(f"{keys:>8}", "key"), Part(f"   {what}", "dim")])
    if recent:
        lines += [
            [],
            [Part("earlier queries", "dim"), Part("  H  ", "key"), Part("all", "dim")],
        ]
        lines += [
            [Part(f"  {clip(shown(text), min(width - 8, 70))}", "", f"screen.recent({at})")]
            for at, text in enumerate(recent[:5])
        ]
    return lines


def _condition_lines(view: EngineView) -> list[Line]:
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
    if state.notes == 0:
        return [
            [Part("! ", "warn"), Part("No note of this folder is indexed.")],
            [Part("  f", "key"), Part(" shows why, file by file; ", "dim")]
            + [Part("O", "key"), Part(" opens another folder.", "dim")],
            [],
        ]
    pending = state.pending.total
    if pending:
        text = f"{figures.counted(pending, 'note')} on disk differ from the index."
        return [[Part("! ", "warn"), Part(text)], []]
    return []


def _gave_up(view: EngineView, width: int) -> list[Line]:
    lines: list[Line] = [
        [Part("✗ ", "bad"), Part("The engine keeps failing.", "strong")],
        [],
        *([Part(shown(text))] for text in _filled(view.message, width)),
        [],
        [Part("F5", "key", "app.retry"), Part(" restarts it   ", "dim")]
        + [Part("O", "key", "app.open_folder"), Part(" opens another folder   ", "dim")]
        + [Part("ctrl+q", "key"), Part(" quits", "dim")],
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

    def show(self, view: EngineView, recent: Sequence[str]) -> None:
        """Show the engine's view and the earlier queries."""
        self._view, self._recent = view, recent
        self.refresh(layout=True)

    def render(self) -> Content:
        lines = guide_lines(self._view, self._recent, max(30, self.content_size.width))
        return Content("\n").join([content(self, line) for line in lines])
