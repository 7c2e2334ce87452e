"""The tuning panel: settings tried on the open query, and the saved configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

import msgspec
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.dom import DOMNode
from textual.message import Message
from textual.timer import Timer

from membrowse.client.engine import EngineRefused
from membrowse.presentation.lines import Line, Part
from membrowse.text import shown
from membrowse.tui.actions import Need, Where, bindings, missing_right
from membrowse.tui.messages import ReplyUnwanted, ReplyWanted
from membrowse.tui.model.engine_view import EngineView
from membrowse.tui.model.list_layout import Layout
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.tuning import NamedConfiguration, Tuning
from membrowse.tui.model.tuning_lines import (
    banner_line,
    configuration_line,
    setting_line,
    tuning_foot,
    tuning_head,
)
from membrowse.tui.widgets.line_list import LineList
from membrowse.tui.widgets.lines import OneLine, keymap_of
from membrowse.wire.engine import Right
from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request
from membrowse.wire.search import SearchRequest
from membrowse.wire.tuning import (
    Configurations,
    ConfigurationsRequest,
    DeleteConfigurationRequest,
    SaveConfigurationRequest,
    TuneRequest,
    TuneResponse,
    UseConfigurationRequest,
)

DEBOUNCE = 0.04
"""Seconds without a change until the values are tried."""

PINS_AFTER = 0.3
"""Seconds after a result until the pins are run with its values."""

_SEARCH, _PINS, _SAVED = "tuned search", "tuned pins", "configurations"
_TYPED = frozenset("0123456789.")


class SettingList(LineList):
    """One line per setting."""

    def __init__(self, tuning: Tuning) -> None:
        super().__init__(id="tuning-settings")
        self.can_focus = False
        self._tuning = tuning

    @property
    def cursor_row(self) -> int | None:
        return self._tuning.at if self._tuning.setting is not None else None

    def row_line(self, row: int, line: int, width: int) -> Line:
        setting = self._tuning.settings[row]
        return setting_line(self._tuning, setting, width, current=row == self.cursor_row)


class ConfigurationList(LineList):
    """One line per configuration."""

    def __init__(self, tuning: Tuning) -> None:
        super().__init__(id="tuning-saved")
        self.can_focus = False
        self._tuning = tuning

    @property
    def cursor_row(self) -> int | None:
        row = self._tuning.at - len(self._tuning.settings)
        return row if row >= 0 else None

    def row_line(self, row: int, line: int, width: int) -> Line:
        return configuration_line(self._tuning, self._tuning.configurations[row], width)


class TuningHead(OneLine):
    """Name of the panel and configuration in force."""

    def __init__(self, panel: TuningPanel) -> None:
        super().__init__(classes="column-head")
        self._panel = panel

    def line(self, width: int) -> Line:
        key, active = keymap_of(self).key, self._panel.has_focus
        return tuning_head(self._panel.tuning, width, key, active=active)


class SavedHead(OneLine):
    """Head of the list of configurations."""

    def line(self, width: int) -> Line:
        return [Part("  configurations", "dim")]


class TuningFoot(OneLine):
    """What the setting under the cursor does, or what is wrong."""

    def __init__(self, panel: TuningPanel) -> None:
        super().__init__(classes="tuning-foot")
        self._panel = panel

    def line(self, width: int) -> Line:
        return tuning_foot(self._panel.tuning, keymap_of(self).key)


class TuningBanner(OneLine):
    """The values tried, above the rankings; hidden if there are none."""

    def __init__(self, panel: TuningPanel) -> None:
        super().__init__(id="tuning-banner")
        self.display = False
        self._panel = panel

    def line(self, width: int) -> Line:
        return banner_line(self._panel.tuning, self._panel.pins, width, keymap_of(self).key)

    async def run_action(
        self, action: str, namespaces: Mapping[str, DOMNode] | None = None
    ) -> None:
        """Run a clicked action on the panel."""
        await self._panel.run_action(action, namespaces)


class TuningPanel(Vertical, can_focus=True):
    """Tries other settings on the open query; nothing is saved until the user saves it.

    Its owner runs every search through `search`, and searches again when `Changed` arrives.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.TUNE)]

    class Changed(Message):
        """Other values are to be tried: search again."""

    class Tried(Message):
        """A search with the values tried has a result."""

        def __init__(self, response: TuneResponse) -> None:
            super().__init__()
            self.response = response

    class Toggled(Message):
        """The panel opened or closed."""

    class Updated(Message):
        """Values, cursor or saved configurations changed, and with them the keys that act."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, TuningPanel.Updated)

    def __init__(self, query: OpenQuery, clock: Callable[[], datetime], agent: str = "") -> None:
        """`agent` is the name of a profile: values are tried without it."""
        super().__init__(id="tuning")
        self.tuning = Tuning(agent=agent)
        self.banner = TuningBanner(self)
        self.display = False
        self._query = query
        self._clock = clock
        self._engine = EngineView()
        self._request: TuneRequest | None = None
        self._debounce: Timer | None = None
        self._pins_timer: Timer | None = None
        self._head = TuningHead(self)
        self._settings = SettingList(self.tuning)
        self._saved_head = SavedHead()
        self._saved = ConfigurationList(self.tuning)
        self._foot = TuningFoot(self)

    def compose(self) -> ComposeResult:
        yield self._head
        with Container(id="tuning-lists"):
            yield self._settings
            with Vertical(id="tuning-configurations"):
                yield self._saved_head
                yield self._saved
        yield self._foot

    # Showing

    @property
    def pins(self) -> int:
        """How many pins there are."""
        return self._engine.state.pins.total if self._engine.state else 0

    def show_engine(self, view: EngineView) -> None:
        """Take the engine's state; another client may have changed the configuration."""
        before, self._engine = self._engine.state, view
        now = view.state
        has_roots = bool(now and now.roots)
        if has_roots is not self.tuning.has_roots:
            self.tuning.has_roots = has_roots
            self.set_class(has_roots, "-collection")
            self._show()
        if not self.display or before is None or now is None:
            return
        was = (before.settings_digest, before.configuration)
        if was != (now.settings_digest, now.configuration):
            self._request_saved(ConfigurationsRequest())

    def _show(self) -> None:
        self.banner.display = self.tuning.trying
        self.banner.refresh()
        self._settings.set_layout(Layout(len(self.tuning.settings), 1))
        self._saved.set_layout(Layout(len(self.tuning.configurations), 1))
        self._settings.show_row(self._settings.cursor_row)
        self._saved.show_row(self._saved.cursor_row)
        self._show_focus()
        self.post_message(self.Updated())

    def _show_focus(self) -> None:
        self.set_class(self.has_focus, "-active")
        self._head.refresh()
        self._foot.refresh(layout=True)

    def on_focus(self) -> None:
        self._show_focus()

    def on_blur(self) -> None:
        self._show_focus()

    def met_needs(self) -> set[Need]:
        """The needs that the panel meets."""
        met = set()
        if self.display:
            met.add(Need.PANEL)
        if self.tuning.trying:
            met.add(Need.TUNED)
        configuration = self.tuning.configuration
        if configuration is not None and configuration.name:
            met.add(Need.SAVED)
        return met

    # Opening and closing

    def open(self) -> None:
        """Show the panel and focus it."""
        if not self.display:
            self.display = True
            self._request_saved(ConfigurationsRequest())
            self._show()
            self.post_message(self.Toggled())
        self.focus()

    def try_settings(self, overrides: Overrides) -> None:
        """Open the panel and try these values and no others."""
        self.tuning.put_all(overrides)
        self.open()
        self._try()

    def action_close(self) -> None:
        was_trying = self.tuning.trying
        self.tuning.reset_all()
        self.display = False
        self._show()
        self.post_message(self.Toggled())
        if was_trying:
            self.post_message(self.Changed())

    # Searching with the values tried

    def with_cut(self, view: EngineView) -> EngineView:
        """`view` with the agent's cut of the values tried."""
        tried = self.tuning.tried
        if tried is None:
            return view
        return replace(view, agent_k=tried.a.agent_k, agent_min_score=tried.a.agent_min_score)

    def search(self, request: SearchRequest) -> bool:
        """Run a search with the values tried; False if there are none, or they are invalid."""
        if not self.tuning.trying or self.tuning.problem:
            self._request = None
            self.app.post_message(ReplyUnwanted(_SEARCH))
            return False
        self._request = TuneRequest(
            text=request.text,
            syntax=request.syntax,
            overrides=self.tuning.overrides,
            number=request.number,
            track=request.track,
            target=request.target,
            filters=request.filters,
        )
        self.app.post_message(ReplyWanted(_SEARCH, self._request, self._take, self._refused))
        return True

    def _take(self, response: TuneResponse) -> None:
        if self._request is None or response.a.response.number != self._request.number:
            return
        self.tuning.tried = response
        self.post_message(self.Tried(response))
        self._show()
        if self._pins_timer is not None:
            self._pins_timer.stop()
        self._pins_timer = self.set_timer(PINS_AFTER, self._run_pins)

    def _refused(self, error: EngineRefused) -> None:
        self.tuning.problem, self.tuning.tried = error.problem.message, None
        self._try()

    def _run_pins(self) -> None:
        self._pins_timer = None
        ready = self.tuning.trying and self.tuning.tried is not None and self.pins
        if not ready or self._request is None:
            return
        request = msgspec.structs.replace(
            self._request,
            overrides=self.tuning.overrides,
            limit=1,
            track=(),
            target=None,
            pins=True,
        )
        self.app.post_message(ReplyWanted(_PINS, request, self._take_pins))

    def _take_pins(self, response: TuneResponse) -> None:
        tried, number = self.tuning.tried, response.a.response.number
        if tried is None or self._request is None or number != self._request.number:
            return
        a = msgspec.structs.replace(tried.a, pins=response.a.pins, passing=response.a.passing)
        self.tuning.tried = msgspec.structs.replace(tried, a=a)
        self._show()

    # Changing values

    def _try(self) -> None:
        self._debounce = None
        self._show()
        self.post_message(self.Changed())

    def _try_soon(self) -> None:
        """Try the values when no further change follows at once."""
        self._show()
        if self._debounce is not None:
            self._debounce.stop()
        self._debounce = self.set_timer(DEBOUNCE, self._try)

    def on_key(self, event: events.Key) -> None:
        if event.character and event.character in _TYPED:
            event.stop()
            event.prevent_default()
            if self.tuning.type(event.character):
                self._show()

    def on_line_list_moved(self, message: LineList.Moved) -> None:
        message.stop()
        below = message.list is self._saved
        self.focus()
        self.go_to(message.row + (len(self.tuning.settings) if below else 0))

    def on_line_list_chosen(self, message: LineList.Chosen) -> None:
        message.stop()

    def go_to(self, row: int) -> None:
        """Move the cursor to a row; a typed value is tried first."""
        if self.tuning.take_typed():
            self._try_soon()
        self.tuning.at = max(0, min(self.tuning.rows - 1, row))
        self._show()

    def action_move(self, by: int) -> None:
        self.go_to(self.tuning.at + by)

    def action_step(self, by: int) -> None:
        if self.tuning.step(by, far=False):
            self._try_soon()

    def action_large_step(self, by: int) -> None:
        if self.tuning.step(by, far=True):
            self._try_soon()

    def action_take(self) -> None:
        configuration = self.tuning.configuration
        if configuration is not None:
            self._use(configuration)
        elif self.tuning.take_typed():
            self._try_soon()
        else:
            self._show()

    def action_erase(self) -> None:
        if self.tuning.typed:
            self.tuning.typed = self.tuning.typed[:-1]
            self._show()
        else:
            self.action_reset()

    def action_reset(self) -> None:
        self.tuning.reset()
        self._try_soon()

    def action_reset_all(self) -> None:
        self.tuning.reset_all()
        self._try_soon()

    # Configurations

    def _request_saved(self, request: Request[Configurations], done: str = "") -> None:
        """Send a request about configurations; `done` is the toast when a change has succeeded."""

        def take(known: Configurations) -> None:
            if done:
                self.tuning.reset_all()
                self.notify(shown(done), markup=False)
            self.tuning.take(known)
            self._try()

        self.app.post_message(ReplyWanted(_SAVED, request, take))

    def action_save(self) -> None:
        from membrowse.tui.screens.prompts import NamePrompt

        overrides = dict(self.tuning.overrides)

        def named(name: str | None) -> None:
            if name:
                request = SaveConfigurationRequest(name=name, overrides=overrides)
                self._request_saved(request, f"“{name}” is saved and used for all your folders.")

        values = NamedConfiguration("", overrides).values_text
        about = ["Save and use for all your folders:", values]
        taken = {one.name for one in self.tuning.configurations}
        prompt = NamePrompt("Save the configuration", about, taken, self.tuning.in_force.name)
        self.app.push_screen(prompt, named)

    def _use(self, configuration: NamedConfiguration) -> None:
        if Right.ADMINISTER not in self._engine.rights:
            self.notify(missing_right(Right.ADMINISTER), severity="warning", markup=False)
            return
        request = UseConfigurationRequest(name=configuration.name)
        self._request_saved(request, f"“{configuration.label}” is in force.")

    def action_delete(self) -> None:
        from membrowse.tui.screens.prompts import ConfirmPrompt

        configuration = self.tuning.configuration
        if configuration is None or not configuration.name:
            return
        name = configuration.name

        def answered(yes: bool | None) -> None:
            if yes:
                self._request_saved(DeleteConfigurationRequest(name=name), f"“{name}” is deleted.")

        text = f"Delete the configuration “{name}”?\nThe index does not change."
        prompt = ConfirmPrompt("Delete a configuration", text, "delete it")
        self.app.push_screen(prompt, answered)

    def action_compare_configurations(self) -> None:
        from membrowse.tui.screens.configurations import ConfigurationsScreen

        tuning = self.tuning
        tried = NamedConfiguration("values tried", dict(tuning.overrides))
        a = tried if tuning.trying else tuning.in_force
        other = tuning.in_force if tuning.trying else NamedConfiguration("", {})
        b = tuning.configuration or other
        if a.overrides == b.overrides:
            text = "Both sides are the same: change a value, or go to another configuration."
            self.notify(text, severity="warning", markup=False)
            return
        asked = self._query
        screen = ConfigurationsScreen(
            self._clock, self._engine, (asked.text, asked.syntax, asked.filters), (a, b)
        )
        self.app.push_screen(screen)
