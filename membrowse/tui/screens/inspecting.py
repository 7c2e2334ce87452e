"""The screens that the main screen opens about its query: rank flow, comparison, rulers."""

from __future__ import annotations

from collections.abc import Mapping

from membrowse.tui.screens.explaining import Explaining
from membrowse.wire.comparison import CompareRequest
from membrowse.wire.rank_flow import ChunkFlow
from membrowse.wire.search import RERANKED, Target


class Inspecting(Explaining):
    """Opens them, and takes the person to the chunk that they chose there."""

    def action_flow(self) -> None:
        from membrowse.tui.screens.flow import FlowScreen

        browsing = self.browsing
        chunk = browsing.cursor.chunk if browsing.cursor else ""
        self.app.push_screen(
            FlowScreen(
                self.clock,
                self.remembered,
                self.engine,
                browsing.text,
                browsing.syntax,
                chunk,
                self._go_to_flow,
            )
        )

    def _go_to_flow(self, flow: ChunkFlow) -> None:
        self.go_to(flow.ranks)

    def go_to(self, ranks: Mapping[str, int | None]) -> None:
        """Put the cursor on the chunk with these ranks, in the reranked ranking if it has one."""
        for name in (RERANKED, *ranks):
            rank = ranks.get(name)
            if rank is not None and name in self.browsing.views:
                self.browsing.active = name
                self.lay_out()
                self._show_rankings()
                self.move_to(name, rank - 1)
                self.active_list.focus()
                return
        self.notify(
            "The chunk has no rank for this query.", severity="warning", markup=False, timeout=6
        )

    def action_rulers(self) -> None:
        from membrowse.tui.screens.rulers import RulersScreen

        browsing = self.browsing
        chunk = browsing.cursor.chunk if browsing.cursor else ""
        self.app.push_screen(
            RulersScreen(self.clock, self.remembered, self.engine, browsing.text, chunk)
        )

    def action_compare(self) -> None:
        """With the target; without one, with the chunk that was marked before, or mark this one."""
        chunk, target = self._hit().chunk, self.browsing.target
        if target is not None:
            self._compare(chunk, target)
        elif self.browsing.marked and self.browsing.marked != chunk:
            marked, self.browsing.marked = self.browsing.marked, ""
            self._show_rankings()
            self._compare(chunk, Target(chunk=marked))
        elif self.browsing.marked:
            self.browsing.marked = ""
            self._show_rankings()
        else:
            self.browsing.marked = chunk
            self._show_rankings()
            self.notify(
                "Marked. = on another chunk compares the two; = here again forgets the mark.",
                markup=False,
                timeout=6,
            )

    def _compare(self, left: str, right: Target) -> None:
        from membrowse.tui.screens.compare import CompareScreen

        request = CompareRequest(
            text=self.browsing.text, syntax=self.browsing.syntax, left=left, right=right
        )
        self.app.push_screen(
            CompareScreen(
                self.clock,
                self.remembered,
                self.engine,
                request,
                lambda rank: self.go_to({RERANKED: rank}),
            )
        )
