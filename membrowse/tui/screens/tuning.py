"""Turning the knobs on the main screen: every change re-ranks the open query, nothing is saved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.timer import Timer

from membrowse.text import shown
from membrowse.tui.actions import Need, no_right
from membrowse.tui.messages import Ask, InspectionUnwanted, InspectionWanted
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.tuning import Named, Tuning
from membrowse.tui.screens.engine_screen import EngineScreen
from membrowse.tui.widgets.tune_panel import TuneBanner, TunePanel
from membrowse.wire.engine import Right
from membrowse.wire.request import Request
from membrowse.wire.search import SearchResponse
from membrowse.wire.tuning import (
    Configurations,
    ConfigurationsRequest,
    DeleteConfigurationRequest,
    Overrides,
    SaveConfigurationRequest,
    TuneRequest,
    TuneResponse,
    UseConfigurationRequest,
)

if TYPE_CHECKING:
    from membrowse.tui.model.browsing import Browsing
    from membrowse.tui.widgets.explain_pane import ExplainPane
    from membrowse.tui.widgets.preview import Preview
    from membrowse.tui.widgets.ranking_list import RankingList

DEBOUNCE = 0.04
"""Seconds without a turn until the values are tried."""

PINS_AFTER = 0.3
"""Seconds after which the pins are run with values that stand."""

WIDE = 150
"""Cells from which the panel stands beside the rankings, not under them."""

TALL = 42
"""Lines from which the preview stays while the panel stands under the rankings."""

_TRY, _PINS, _SAVED = "tune", "tune-pins", "tunings"


class TuningActions(EngineScreen):
    """Action methods of the panel; `BrowserScreen` has what they act on."""

    browsing: Browsing
    tuning: Tuning
    tune_panel: TunePanel
    tune_banner: TuneBanner
    maximised: str
    _turned: Timer | None = None
    _stands: Timer | None = None

    if TYPE_CHECKING:

        @property
        def active_list(self) -> RankingList: ...
        @property
        def lower_panels(self) -> dict[str, Preview | ExplainPane]: ...
        def ask_again(self) -> None: ...
        def show_recall(self, recall: SearchResponse) -> None: ...
        def lay_out(self) -> None: ...
        def _show_keys(self) -> None: ...
        def _show_rankings(self) -> None: ...

    # The panel

    def action_tune(self) -> None:
        if self.tune_panel.display:
            if self.tune_panel.has_focus:
                self.action_tune_close()
            else:
                self.tune_panel.focus()
            return
        self._open_panel()

    def _open_panel(self) -> None:
        if self.maximised in self.lower_panels:  # else no ranking would be seen to move
            self.maximised = ""
        self.tune_panel.display = True
        self.lay_out()
        self.tune_panel.focus()
        self._want(ConfigurationsRequest())
        self._show_tuning()
        self.call_after_refresh(self._show_rankings)

    def try_settings(self, overrides: Overrides) -> None:
        """Open the panel with these values turned; they are not saved."""
        self.tuning.put_all(overrides)
        if not self.tune_panel.display:
            self._open_panel()
        self.tune_panel.focus()
        self._try()

    def action_tune_close(self) -> None:
        was = self.tuning.trying
        self.tuning.reset_all()
        self.tune_panel.display = False
        self.lay_out()
        self.active_list.focus()
        self._show_tuning()
        self.call_after_refresh(self._show_rankings)
        if was:
            self.ask_again()

    def lay_out_tuning(self) -> None:
        """Put the panel beside the rankings or under them, by the size of the screen."""
        beside = self.size.width >= WIDE
        self.set_class(self.tune_panel.display and beside, "-tune-beside")
        self.set_class(self.tune_panel.display and not beside, "-tune-below")
        if self.tune_panel.display and not beside and self.size.height < TALL:
            self.query_one("#lower").display = False

    def _show_tuning(self) -> None:
        state = self.engine.state
        self.tune_banner.show(state.pins.total if state else 0)
        self.tune_panel.show()
        self._show_keys()

    def tuning_possessions(self) -> set[Need]:
        """What the panel has to act on."""
        has = set()
        if self.tune_panel.display:
            has.add(Need.KNOBS)
        if self.tuning.trying:
            has.add(Need.TUNED)
        named = self.tuning.configuration
        if named is not None and named.name:
            has.add(Need.SAVED)
        return has

    def follow_tunings(self, before: EngineView) -> None:
        """Another client may have put another configuration in force."""
        was, now = before.state, self.engine.state
        if not self.tune_panel.display or was is None or now is None:
            return
        if (was.settings_digest, was.configuration) != (now.settings_digest, now.configuration):
            self._want(ConfigurationsRequest())

    # Asking with other values

    @property
    def ranked_by(self) -> EngineView:
        """The engine's view with the cut that is tried, so that its line is drawn."""
        tried = self.tuning.tried
        if tried is None:
            return self.engine
        return replace(
            self.engine, agent_k=tried.a.agent_k, agent_min_score=tried.a.agent_min_score
        )

    def send(self, question: Ask) -> None:
        """Have a question answered: by the values tried, if there are any, else as saved."""
        if not self.tuning.trying or self.tuning.problem:
            self.browsing.saved_ranks = None
            self.post_message(InspectionUnwanted(_TRY))
            self.post_message(question)
            return
        request = TuneRequest(
            text=question.text,
            syntax=question.syntax,
            overrides=self.tuning.overrides,
            number=question.number,
            track=question.track,
            target=question.target,
        )
        self.post_message(InspectionWanted(_TRY, request, self._take_tried, self._cannot_try))

    def _try(self) -> None:
        """Ask the open query by the values of now."""
        self._turned = None
        self._show_tuning()
        if self.browsing.text:
            self.ask_again()

    def _take_tried(self, tuned: TuneResponse) -> None:
        if tuned.a.response.number != self.browsing.number:
            return
        self.tuning.tried = tuned
        self.browsing.saved_ranks = tuned.a.saved_ranks
        self.show_recall(tuned.a.response)
        self._show_tuning()
        if self._stands is not None:
            self._stands.stop()
        self._stands = self.set_timer(PINS_AFTER, self._run_pins)

    def _cannot_try(self, reason: str) -> None:
        self.tuning.problem, self.tuning.tried = reason, None
        self._try()

    def _run_pins(self) -> None:
        self._stands = None
        state, tried = self.engine.state, self.tuning.tried
        if not self.tuning.trying or tried is None or state is None or not state.pins.total:
            return
        request = TuneRequest(
            text=self.browsing.text,
            syntax=self.browsing.syntax,
            overrides=self.tuning.overrides,
            limit=1,
            number=self.browsing.number,
            pins=True,
        )
        self.post_message(InspectionWanted(_PINS, request, self._take_pins))

    def _take_pins(self, tuned: TuneResponse) -> None:
        if self.tuning.tried is None or tuned.a.response.number != self.browsing.number:
            return
        from msgspec.structs import replace as changed

        a = changed(self.tuning.tried.a, pins=tuned.a.pins, passing=tuned.a.passing)
        self.tuning.tried = changed(self.tuning.tried, a=a)
        self._show_tuning()

    # Turning

    def _soon(self) -> None:
        """Try the values once the turning has paused."""
        self._show_tuning()
        if self._turned is not None:
            self._turned.stop()
        self._turned = self.set_timer(DEBOUNCE, self._try)

    def on_tune_panel_typed(self, message: TunePanel.Typed) -> None:
        knob = self.tuning.knob
        if knob is not None and not knob.choices and not self.tuning.idle(knob):
            self.tuning.typed = (self.tuning.typed + message.character)[:8]
            self.tuning.problem = ""
            self._show_tuning()

    def on_tune_panel_pointed(self, message: TunePanel.Pointed) -> None:
        self._go(message.at)

    def _go(self, at: int) -> None:
        if self.tuning.take_typed():
            self._soon()
        self.tuning.at = max(0, min(self.tuning.rows - 1, at))
        self._show_tuning()

    def action_tune_move(self, by: int) -> None:
        self._go(self.tuning.at + by)

    def action_tune_turn(self, by: int) -> None:
        self._turn(by, far=False)

    def action_tune_turn_far(self, by: int) -> None:
        self._turn(by, far=True)

    def _turn(self, by: int, *, far: bool) -> None:
        if self.tuning.turn(by, far=far):
            self._soon()

    def action_tune_take(self) -> None:
        named = self.tuning.configuration
        if named is not None:
            self._use(named)
        elif self.tuning.take_typed():
            self._soon()
        else:
            self._show_tuning()

    def action_tune_erase(self) -> None:
        if self.tuning.typed:
            self.tuning.typed = self.tuning.typed[:-1]
            self._show_tuning()
        else:
            self.action_tune_reset()

    def action_tune_reset(self) -> None:
        self.tuning.reset()
        self._soon()

    def action_tune_reset_all(self) -> None:
        self.tuning.reset_all()
        self._soon()

    # What is saved

    def _want(
        self,
        request: Request[Configurations],
        told: str = "",
    ) -> None:
        def take(tunings: Configurations) -> None:
            if told:
                self.tuning.reset_all()
                self.notify(shown(told), markup=False)
            self.tuning.take(tunings)
            self._try()

        self.post_message(InspectionWanted(_SAVED, request, take))

    def action_tune_save(self) -> None:
        from membrowse.tui.screens.name import NameScreen

        overrides = dict(self.tuning.overrides)

        def named(name: str | None) -> None:
            if name:
                request = SaveConfigurationRequest(name=name, overrides=overrides)
                self._want(request, f"“{name}” is saved and in force, for every client.")

        whole = Named("", overrides).told
        about = ["Saved and put in force, for every client of this engine:", whole]
        taken = {one.name for one in self.tuning.configurations}
        screen = NameScreen("Save the configuration", about, taken, self.tuning.in_force.name)
        self.app.push_screen(screen, named)

    def _use(self, named: Named) -> None:
        if Right.ADMINISTER not in self.engine.rights:
            reason = no_right(Right.ADMINISTER)
            self.notify(f"Not now: {reason}.", severity="warning", markup=False)
            return
        self._want(UseConfigurationRequest(name=named.name), f"“{named.label}” is in force.")

    def action_tune_forget(self) -> None:
        from membrowse.tui.screens.confirm import ConfirmScreen

        named = self.tuning.configuration
        if named is None or not named.name:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                request = DeleteConfigurationRequest(name=named.name)
                self._want(request, f"“{named.name}” is forgotten.")

        text = f"Forget the configuration “{named.name}”?\nWhat is indexed is not touched."
        self.app.push_screen(ConfirmScreen("Forget a configuration", text, "forget it"), answered)

    def action_tune_compare(self) -> None:
        from membrowse.tui.screens.side_by_side import Side, SideBySideScreen

        tuning = self.tuning
        under = tuning.configuration
        trying = Named("what is tried", dict(tuning.overrides))
        a = trying if tuning.trying else tuning.in_force
        b = under or (tuning.in_force if tuning.trying else Named("", {}))
        screen = SideBySideScreen(
            self.clock,
            self.remembered,
            self.engine,
            query=(self.browsing.text, self.browsing.syntax),
            sides=(Side("A", a), Side("B", b)),
        )
        self.app.push_screen(screen)
