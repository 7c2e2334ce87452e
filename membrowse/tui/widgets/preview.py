"""The preview: the chunk under the cursor in its note."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from textual.app import ComposeResult

from membrowse.counts import counted
from membrowse.presentation.heat_map import HeatMap, heat_map
from membrowse.presentation.hits import freshness
from membrowse.presentation.lines import Line, Part, plain
from membrowse.presentation.recalls import absent_text
from membrowse.tui.messages import CopyWanted, ReplyUnwanted, ReplyWanted
from membrowse.tui.model import copy_formats
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.preview_lines import CLOSE, OPEN, first_inside, preview_head, preview_lines
from membrowse.tui.widgets.line_list import CURSOR
from membrowse.tui.widgets.lines import Notice, keymap_of
from membrowse.tui.widgets.scrolled_lines import ScrolledLines
from membrowse.tui.widgets.text_pane import TextPane
from membrowse.wire.explanation import Explanation
from membrowse.wire.notes import ChunkRequest, ChunkView, Freshness
from membrowse.wire.search import Hit

_GROUP = "chunk"

_NO_CHUNK = "The chunk under the cursor is shown here."

JUST_OPENED = 0.1
"""Seconds until a preview that was opened has its lines."""

STILL = 0.015
"""Seconds that the cursor rests on a chunk before the chunk is fetched."""


class PreviewText(ScrolledLines):
    """The note's lines around the chunk, wrapped."""

    def __init__(self) -> None:
        super().__init__(id="preview-text", message=_NO_CHUNK)
        self._view: ChunkView | None = None
        self._found: int | None = None
        """The line of the match that was gone to."""

    def ground(self, row: int) -> str:
        return CURSOR if row == self._found else ""

    def go_to_match(self, by: int, words: str) -> tuple[int, int] | None:
        """Go to the next line with `words`, or without any with a word of the query.

        Returns its number among the matches, and how many there are; None if there is none.
        """
        rows = [row for row, line in enumerate(self.lines) if _matches(line, words)]
        if not rows:
            return None
        at = self.scroll_offset.y if self._found is None else self._found
        later = [row for row in rows if (row > at if by > 0 else row < at)]
        self._found = (later or rows)[0 if by > 0 else -1]
        top = max(0, self._found - self.scrollable_content_region.height // 3)
        self.scroll_to(y=top, animate=False, force=True, immediate=True)
        self.repaint()
        return rows.index(self._found) + 1, len(rows)

    def show_chunk(self, view: ChunkView | None, heat: HeatMap | None) -> None:
        """Show a chunk, scrolled to two lines above it; the same chunk keeps its scroll."""
        other = view is None or self._view is None or view.chunk != self._view.chunk
        self._view = view
        if other:
            self._found = None
        self.show(partial(_lines, view, heat) if view else None)
        if other and view is not None:
            self._to_chunk()

    def _to_chunk(self) -> None:
        top = max(0, first_inside(self.lines) - 2)
        self.scroll_to(y=top, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        if self.remake():
            self._to_chunk()


def _matches(line: Line, words: str) -> bool:
    if not words:
        return any(part.style.startswith("mark") for part in line)
    text = plain([part for part in line if part.style != "gutter"])
    return words.casefold() in text.replace(OPEN, "").replace(CLOSE, "").casefold()


def _lines(view: ChunkView, heat: HeatMap | None, width: int) -> list[Line]:
    return [[Part(" "), *line] for line in preview_lines(view, width - 1, heat)]


class Preview(TextPane[PreviewText]):
    """Head, warnings and text of the chunk; follows the cursor of the open query."""

    def __init__(self, query: OpenQuery, clock: Callable[[], datetime]) -> None:
        super().__init__(PreviewText(), id="preview")
        self._clock = clock
        self.view: ChunkView | None = None
        self.freshness: Freshness | None = None
        """Of the chunk's file, as far as the engine has noticed; None: as in `view`."""
        self.heating = False
        """Whether to shade the chunk by heat, once that is known."""
        self.sought = ""
        """The words that n and N look for; empty: those of the query."""
        self._query = query
        self._engine = EngineView()
        self._explanation: Explanation | None = None
        self._notice = Notice()

    def compose(self) -> ComposeResult:
        yield self.head
        yield self._notice
        yield self.text

    def on_mount(self) -> None:
        self._notice.show("")

    def head_line(self, width: int, *, active: bool) -> Line:
        """The place of the chunk, and whether its file is up to date."""
        key = keymap_of(self).key("panel.preview")
        return preview_head(
            self.view, self.freshness, width, key, active=active, heated=self.heating
        )

    def follow(self) -> None:
        """Fetch and show the chunk under the cursor."""
        hit = self._query.cursor
        absent = self._query.absent
        self.text.message = absent_text(absent, self._clock()) if absent else _NO_CHUNK
        if hit is None:
            self.app.post_message(ReplyUnwanted(_GROUP))
            self.show(None)
            return
        self._update_freshness()
        request = ChunkRequest(chunk=hit.chunk, text=self._query.text, syntax=self._query.syntax)
        self.app.post_message(ReplyWanted(_GROUP, request, self.show, delay=STILL))

    def show(self, view: ChunkView | None) -> None:
        """Show a chunk, or none."""
        self.view, self.freshness = view, None
        self._show_text()
        self._notice.show(" ".join(view.warnings) if view else "")
        self._update_freshness()
        self.refresh_head()

    def show_engine(self, view: EngineView) -> None:
        """Take the engine's state; a change of the chunk's file is shown at once."""
        self._engine = view
        self._update_freshness()

    def _update_freshness(self) -> None:
        hit = self._query.cursor
        if hit is None:
            return
        fresh = freshness(hit, self._engine.changed, self._engine.deleted)
        if fresh is not self.freshness:
            self.freshness = fresh
            self.refresh_head()

    def show_heat(self, explanation: Explanation | None, *, heating: bool) -> None:
        """Shade the chunk by an explanation's heat; `heating` keeps the gutter without one."""
        if (explanation, heating) != (self._explanation, self.heating):
            self._explanation, self.heating = explanation, heating
            self._show_text()
            self.refresh_head()

    def _show_text(self) -> None:
        heat = heat_map(self.view, self._explanation) if self.heating else None
        self.text.show_chunk(self.view, heat)

    # Finding words

    def find(self, words: str) -> None:
        """Look for these words from now on; without any, for those of the query."""
        self.sought = words

    def go_to_match(self, by: int, *, again: bool = True) -> None:
        """Go to the next match, or say that there is none."""
        if again and not self.text.lines:  # the preview has just been opened
            self.set_timer(JUST_OPENED, partial(self.go_to_match, by, again=False))
            return
        what = f"“{self.sought}”" if self.sought else "a word of the query"
        found = self.text.go_to_match(by, self.sought)
        if found is None:
            self.notify(f"The preview does not contain {what}.")
        else:
            self.notify(f"{found[0]} of {counted(found[1], 'line')} with {what}")

    # Reading and copying

    def read(self) -> None:
        """Show the chunk as rendered markdown."""
        from membrowse.tui.screens.reader import MarkdownScreen

        if self.view is not None:
            place = f"{self.view.path}:{self.view.start_line}"
            self.app.push_screen(MarkdownScreen(place, copy_formats.as_text(self.view)))

    def copy(self, hit: Hit) -> None:
        """Copy `hit`, the one shown or about to be, in a format that the user chooses."""
        from membrowse.tui.screens.prompts import CopyPrompt

        def chosen(form: str | None) -> None:
            if form == "text":
                self._copy_text(hit)
            elif form is not None:
                what, make = copy_formats.OF_A_HIT[form]
                self.app.post_message(CopyWanted(what, make(hit)))

        self.app.push_screen(CopyPrompt(), chosen)

    def _copy_text(self, hit: Hit) -> None:
        if self.view is None or self.view.chunk != hit.chunk:
            self.notify("The chunk's text is still loading.", severity="warning", markup=False)
        else:
            self.app.post_message(CopyWanted("text", copy_formats.as_text(self.view)))
