"""What the keys of the main screen do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from membrowse.tui.messages import Asked, CopyWanted, EditWanted, ReindexWanted, WatchingWanted
from membrowse.tui.model import copies
from membrowse.tui.screens.engine_screen import EngineScreen
from membrowse.wire.search import Hit

if TYPE_CHECKING:
    from membrowse.tui.model.browsing import Browsing
    from membrowse.tui.model.questions import Questions
    from membrowse.tui.widgets.column import Column
    from membrowse.tui.widgets.explain_pane import ExplainPane
    from membrowse.tui.widgets.preview import Preview
    from membrowse.tui.widgets.query_bar import QueryBar
    from membrowse.tui.widgets.ranking_list import RankingList


class BrowserActions(EngineScreen):
    """The action methods; `BrowserScreen` has what they act on."""

    browsing: Browsing
    questions: Questions
    query_bar: QueryBar
    preview: Preview
    explain: ExplainPane
    explaining: bool
    matrix: Column
    column_of: dict[str, Column]
    maximised: str
    one_line: bool
    _older = -1

    if TYPE_CHECKING:

        @property
        def narrow(self) -> bool: ...
        @property
        def active_list(self) -> RankingList: ...
        def lay_out(self) -> None: ...
        def ask(self, text: str, *, keep: bool = False) -> None: ...
        def move_to(self, ranking: str, row: int) -> None: ...
        def cursor_moved(self, ranking: str) -> None: ...
        def _show_rankings(self) -> None: ...

    # Query

    def action_focus_query(self) -> None:
        if self.maximised:
            self.action_maximise()
        self.query_bar.input.focus()

    def action_to_list(self) -> None:
        if self.browsing.text:
            self.post_message(Asked(self.browsing.text))
            self.active_list.focus()

    def action_result(self, by: int) -> None:
        row = self.browsing.row(self.browsing.active)
        total = self.browsing.views[self.browsing.active].total
        if total:
            at = -1 if row is None else row
            self.move_to(self.browsing.active, max(0, min(total - 1, at + by)))

    def action_operators(self) -> None:
        literal = self.browsing.syntax == "literal"
        self.browsing.syntax = "operators" if literal else "literal"
        self.query_bar.show(self.browsing.query, self.browsing.syntax, self.questions.place)
        if self.browsing.text:
            self.ask(self.browsing.text)

    def action_history(self, by: int) -> None:
        queries = self.remembered.memory.queries
        if not queries:
            return
        self._older = max(-1, min(len(queries) - 1, self._older + by))
        self.query_bar.put(queries[self._older] if self._older >= 0 else "")

    def action_recent(self, at: int) -> None:
        queries = self.remembered.memory.queries
        if at < len(queries):
            self.query_bar.put(queries[at])

    def action_show_history(self) -> None:
        from membrowse.tui.screens.history import HistoryScreen

        def chosen(text: str | None) -> None:
            if text is not None:
                self.query_bar.put(text)

        self.app.push_screen(HistoryScreen(self.remembered.memory.queries), chosen)

    def action_question(self, by: int) -> None:
        question = self.questions.step(by)
        if question is not None:
            self.query_bar.put(question.query)
            self.query_bar.show(self.browsing.query, self.browsing.syntax, self.questions.place)

    # Panels

    def action_panel(self, number: int) -> None:
        if number == 4:
            if self.browsing.text and not self.preview.display:
                self.maximised = "preview"
                self.lay_out()
            self.preview.text.focus()
            return
        names = list(self.browsing.columns)
        if number <= len(names):
            self._to_ranking(names[number - 1])

    def _to_ranking(self, name: str) -> None:
        if self.maximised:
            self.maximised = name
        self.browsing.active = name
        self.lay_out()
        self._show_rankings()
        ranking = self.active_list
        ranking.focus()
        ranking.show_row(ranking.cursor_row)

    def action_next_panel(self, by: int) -> None:
        panels = ["query", *self.browsing.columns, *self.lower_panels]
        at = self.lower_panel or self.browsing.active
        if self.focused is self.query_bar.input:
            at = "query"
        name = panels[(panels.index(at) + by) % len(panels)]
        if name == "query":
            self.action_focus_query()
        elif name in self.lower_panels:
            self.action_panel(4 + list(self.lower_panels).index(name))
        else:
            self._to_ranking(name)

    @property
    def lower_panels(self) -> dict[str, Preview | ExplainPane]:
        """The panels under the columns, by name, in the order of their keys from 4."""
        panels: dict[str, Preview | ExplainPane] = {"preview": self.preview}
        return panels | {"explain": self.explain} if self.explaining else panels

    @property
    def lower_panel(self) -> str:
        """The panel under the columns that has the focus, or nothing."""
        return next((name for name, panel in self.lower_panels.items() if panel.text.has_focus), "")

    def action_maximise(self) -> None:
        if self.maximised:
            self.maximised = ""
        elif self.browsing.text:
            self.maximised = self.lower_panel or self.browsing.active
        self.lay_out()
        self.call_after_refresh(self._show_rankings)

    def action_back(self) -> None:
        if self.maximised:
            panel = self.lower_panels.get(self.maximised)
            self.action_maximise()
            if panel is not None and not panel.display:
                self.active_list.focus()
        elif self.lower_panel:
            self.active_list.focus()
        elif self.focused is not self.query_bar.input:
            self.query_bar.input.focus()

    def action_rows(self) -> None:
        self.one_line = not self.one_line
        self.remembered.one_line(self.one_line)
        for column in self.column_of.values():
            column.list.remember_anchor()
        self._show_rankings()

    # The chunk under the cursor

    def _hit(self) -> Hit:
        hit = self.browsing.cursor
        if hit is None:
            raise RuntimeError("check_action lets no action without a hit through")
        return hit

    def action_edit(self) -> None:
        hit = self._hit()
        self.post_message(EditWanted(hit.path, hit.start_line))

    def action_copy(self) -> None:
        from membrowse.tui.screens.copy import CopyScreen

        hit = self._hit()

        def chosen(variant: str | None) -> None:
            if variant is not None:
                self._copy(variant, hit)

        self.app.push_screen(CopyScreen(), chosen)

    def _copy(self, variant: str, hit: Hit) -> None:
        if variant == "text":
            view = self.preview.view
            if view is None or view.chunk != hit.chunk:
                self.notify("The chunk's text is not here yet.", severity="warning", markup=False)
                return
            text = copies.as_text(view)
        else:
            makers = {"path": copies.as_path, "place": copies.as_place, "json": copies.as_json}
            text = makers[variant](hit)
        self.post_message(
            CopyWanted({"place": "path:line", "json": "JSON"}.get(variant, variant), text)
        )

    def action_rendered(self) -> None:
        from membrowse.tui.screens.reading import MarkdownScreen

        view = self.preview.view
        if view is not None:
            self.app.push_screen(
                MarkdownScreen(f"{view.path}:{view.start_line}", copies.as_text(view))
            )

    def action_reindex_note(self) -> None:
        self.post_message(ReindexWanted((self._hit().path,)))

    def action_rebuild(self) -> None:
        from membrowse.tui.screens.confirm import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.post_message(ReindexWanted(rebuild=True))

        chunks = self.engine.state.chunks if self.engine.state else 0
        text = (
            f"Forget the index of this folder ({chunks} chunks) and build it again?\n"
            "No note is touched; vectors that are kept are used again."
        )
        self.app.push_screen(ConfirmScreen("Rebuild the index", text, "rebuild"), answered)

    def action_pause(self) -> None:
        state = self.engine.state
        self.post_message(WatchingWanted(paused=not (state is not None and state.watcher.paused)))

    def action_files(self) -> None:
        from membrowse.tui.screens.files import FilesScreen

        self.app.push_screen(FilesScreen(self.clock, self.remembered, self.engine))
