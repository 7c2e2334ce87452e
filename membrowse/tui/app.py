"""The application: follows the engine's sessions, sends it requests, and runs other programs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.actions import SkipAction
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.dom import DOMNode
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker, WorkerState

from membrowse.client.discovery import version_difference
from membrowse.client.engine import Engine, EngineRefused, EngineUnavailable
from membrowse.client.remembered import Remembered
from membrowse.client.supervisor import Changed, Connected, GaveUp, Lost, Session, Starting
from membrowse.counts import counted
from membrowse.presentation.lines import clip, clip_path
from membrowse.settings import Settings
from membrowse.text import shown
from membrowse.tui import messages
from membrowse.tui.actions import ACTIONS, Where, bindings, key_names, of
from membrowse.tui.contrast import plain_variables, readable_variables
from membrowse.tui.keymap import Keymap
from membrowse.tui.model.engine_view import EngineView, Phase, short_path
from membrowse.tui.screens.browser import BrowserScreen
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.themes import OURS, first_theme
from membrowse.wire.agents import AgentProfile, OwnSearchRequest
from membrowse.wire.engine import EngineState, Hello, RebuildRequest, ReindexRequest, WatchRequest
from membrowse.wire.search import SearchRequest

if TYPE_CHECKING:
    from membrowse.tui.model.openable import Openable

PATH_CELLS = 42
"""Cells of a path in a message, so that 80 columns have room for all of it."""
_SIGNS = {"warning": "! ", "error": "✗ "}
"""Signs before messages that are not just information."""

Sessions = Callable[[Path, AgentProfile | None], AsyncGenerator[Session, None]]
"""The sessions with the engine of a folder, which ranks by an agent's profile if one is given."""


def _now() -> datetime:
    return datetime.now().astimezone()


def _outdated(hello: Hello) -> str:
    """That the engine's collection has changed in the settings; empty if it has not."""
    if not hello.roots:
        return ""
    from membrowse import paths
    from membrowse.agents.collections import outdated
    from membrowse.settings import SettingsError, load

    try:
        return outdated(Path(hello.folder), hello.roots, load(paths.config_file()))
    except SettingsError as error:
        return str(error)


def _palette() -> type[Provider]:
    from membrowse.tui.palette import ActionCommands

    return ActionCommands


class MembrowseApp(App[int], inherit_bindings=False):
    """Owns the connection to the engine; hands its state and its replies to the screens."""

    TITLE = "membrowse"
    CSS_PATH = Path(__file__).with_name("membrowse.tcss")
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.APP),
        Binding("ctrl+c", "help_quit", show=False, system=True, id="app.interrupt"),
        Binding("escape", "clear_message", show=False, priority=True, id="app.clear_message"),
    ]

    def __init__(
        self,
        *,
        sessions: Sessions,
        settings: Settings,
        folder: Path | None = None,
        questions: Path | None = None,
        profile: AgentProfile | None = None,
        demo: Callable[[], Path] | None = None,
        clock: Clock = _now,
        remembered: Remembered | None = None,
    ) -> None:
        super().__init__()
        self.keymap = Keymap(settings.keys)
        self.set_keymap(self.keymap.chosen)
        self._clock = clock
        self._sessions = sessions
        self._questions = questions
        self._profile = profile
        self.demo = demo
        self.remembered = remembered or Remembered()
        self._folder = folder or self.remembered.last_folder
        self._engine: Engine | None = None
        self._view = EngineView(
            agent=profile.name if profile else "",
            agent_k=settings.agent.k,
            agent_min_score=settings.agent.min_score,
            note_kinds=settings.notes.kinds,
        )
        if self._folder is not None:
            self._view = replace(self._view, folder=self._folder, phase=Phase.STARTING)
        if settings.ui.reduced_motion:
            self.animation_level = "none"
        lines = self.remembered.memory.lines or int(settings.ui.one_line_rows)
        self.browser = BrowserScreen(clock, self._view, self.remembered, lines, profile)
        self.register_theme(OURS)
        self.theme = first_theme(
            settings.ui.theme or self.remembered.memory.theme, self.available_themes
        )

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        make = plain_variables if self.current_theme.ansi else readable_variables
        return variables | make(variables)

    def get_default_screen(self) -> Screen[Any]:
        return self.browser

    def on_mount(self) -> None:
        self.call_after_refresh(self._start_up)

    def _start_up(self) -> None:
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        if self._questions is not None:
            self._load_questions(self._questions)
        if self._folder is None:
            self.action_open_folder()
        else:
            self._open_folder(self._folder)

    def _remember_theme(self, theme: Theme) -> None:
        from membrowse.tui.screens.themes import ThemeScreen

        if not isinstance(self.screen, ThemeScreen):  # there, themes are only looked at
            self.remembered.theme(theme.name)

    def _load_questions(self, file: Path) -> None:
        from membrowse.tui.model.questions import load

        questions = load(file)
        self.browser.show_questions(questions)
        if questions.problems:
            problems = "\n".join(questions.problems[:5])
            count = counted(len(questions.problems), "problem")
            self.say(f"{count} in the questions:\n{problems}", "warning")

    # Sessions

    def _open_folder(self, folder: Path) -> None:
        self._folder = folder
        self.remembered.folder(folder)
        self._show_engine(
            replace(self._view, folder=folder, state=None, phase=Phase.STARTING, message="")
        )
        self._start_worker(partial(self._supervise, folder), "session", exclusive=True)

    async def _supervise(self, folder: Path) -> None:
        async with aclosing(self._sessions(folder, self._profile)) as sessions:
            async for session in sessions:
                self._take_session(session)

    def _take_session(self, session: Session) -> None:
        view = self._view
        match session:
            case Starting(message):
                phase = Phase.LOST if view.phase is Phase.LOST else Phase.STARTING
                self._show_engine(replace(view, phase=phase, message=message))
            case Connected(engine, hello):
                self._engine = engine
                if difference := version_difference(hello) or _outdated(hello):
                    self.say(difference, "warning")
                rights = frozenset(hello.rights)
                self._show_engine(replace(view, phase=Phase.CONNECTED, message="", rights=rights))
            case Changed(state):
                self._take_state(state)
            case Lost(message):
                self._engine = None
                self._show_engine(replace(view, phase=Phase.LOST, message=message))
            case GaveUp(message, log_tail):
                self._engine = None
                gave_up = replace(view, phase=Phase.GAVE_UP, message=message, log_tail=log_tail)
                self._show_engine(gave_up)

    def _take_state(self, state: EngineState) -> None:
        self._show_engine(
            replace(
                self._view,
                state=state,
                agent_k=state.agent_k,
                agent_min_score=state.agent_min_score,
                agent_set=state.agent_set,
            )
        )

    def _show_engine(self, view: EngineView) -> None:
        """Hand the view to every screen that shows the engine."""
        self._view = view
        for screen in self.screen_stack:
            if isinstance(screen, EngineScreen):
                screen.show_engine(view)

    # Workers

    def _start_worker(
        self, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, exclusive: bool
    ) -> None:
        async def quietly() -> None:  # called only if the worker ever starts
            await self._quietly(work)

        _: Worker[None] = self.run_worker(
            quietly, group=group, exclusive=exclusive, exit_on_error=False
        )

    async def _quietly(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work`; a refusal becomes a toast, and a lost engine is left to the supervisor."""
        try:
            await work()
        except EngineUnavailable:
            return
        except EngineRefused as error:
            self.say(error.problem.message, "warning")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            error = event.worker.error
            self.log.error(error)
            self.say(f"{type(error).__name__}: {error}", "error")

    def say(self, text: str, severity: Any = "information") -> None:
        """Show a toast; `text` is shown as it is, markup and control characters included."""
        self.notify(text, severity=severity, markup=False, timeout=6)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Any = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a message as one line, as it is; it replaces the message before."""
        lines = (shown(line).strip() for line in message[:2000].split("\n"))
        text = _SIGNS.get(severity, "") + " · ".join(filter(None, lines))
        super().notify(
            clip(text, max(20, self.size.width - 4)),
            title=title,
            severity=severity,
            timeout=timeout,
            markup=False,
        )

    def on_notify(self) -> None:
        """Make room for a message: Textual leaves the holders of removed toasts in their place."""
        self.clear_notifications()
        self.screen.query("ToastHolder").remove()

    def action_clear_message(self) -> None:
        """Clear the message, and let the key do what it does besides."""
        self.clear_notifications()
        raise SkipAction

    def action_help_quit(self) -> None:
        bound = self.keymap.bound(of(Where.APP))
        keys = next(key_names(action) for action in bound if action.id == "app.quit")
        self.say(f"{' or '.join(keys.split())} quits; in the query a letter is typed.")

    # Requests to the engine

    def on_search_wanted(self, message: messages.SearchWanted) -> None:
        if self._engine is not None:
            self._start_worker(
                partial(self._follow, self._engine, message), "search", exclusive=True
            )

    def on_stream_wanted(self, message: messages.StreamWanted[Any]) -> None:
        if self._engine is not None:
            self._start_worker(
                partial(self._follow, self._engine, message), message.group, exclusive=True
            )

    async def _follow(
        self, engine: Engine, wanted: messages.SearchWanted | messages.StreamWanted[Any]
    ) -> None:
        try:
            async for reply in engine.stream(wanted.request):
                wanted.deliver(reply)
        except EngineRefused as error:
            if wanted.refused is None:
                raise
            wanted.refused(error)

    def on_reply_wanted(self, message: messages.ReplyWanted[Any]) -> None:
        if self._engine is not None:
            self._start_worker(
                partial(self._reply, self._engine, message), message.group, exclusive=True
            )

    def on_reply_unwanted(self, message: messages.ReplyUnwanted) -> None:
        self.workers.cancel_group(self, message.group)

    async def _reply(self, engine: Engine, wanted: messages.ReplyWanted[Any]) -> None:
        if wanted.delay:
            await asyncio.sleep(wanted.delay)
        try:
            wanted.deliver(await engine.ask(wanted.request))
        except EngineRefused as error:
            if wanted.refused is None:
                raise
            wanted.refused(error)
        except EngineUnavailable:
            if wanted.lost is not None:
                wanted.lost()

    def on_agent_answer_wanted(self, message: messages.AgentAnswerWanted) -> None:
        if self._engine is not None:
            self._start_worker(
                partial(self._ask_agent, self._engine, message), "agent", exclusive=True
            )

    async def _ask_agent(self, engine: Engine, wanted: messages.AgentAnswerWanted) -> None:
        from membrowse.tui.agent_search import LINK_DEPTH, answer_of

        if wanted.profile.memory.search is None:
            k = wanted.profile.memory.k or self._view.agent_k
            answer = await engine.ask(OwnSearchRequest(text=wanted.text, k=k))
        else:
            answer = await answer_of(wanted.profile, wanted.text)
        request = SearchRequest(
            text=wanted.text, syntax=wanted.syntax, limit=LINK_DEPTH, client="tui"
        )
        async for response in engine.stream(request):
            wanted.deliver(answer, response)

    def on_reindex_wanted(self, message: messages.ReindexWanted) -> None:
        if self._engine is not None:
            self._start_worker(
                partial(self._reindex, self._engine, message), "command", exclusive=False
            )

    async def _reindex(self, engine: Engine, wanted: messages.ReindexWanted) -> None:
        request = RebuildRequest() if wanted.rebuild else ReindexRequest(paths=wanted.paths)
        self._take_state(await engine.ask(request))
        what = wanted.paths[0] if wanted.paths else "every note that differs from the index"
        self.say("Rebuilding the index." if wanted.rebuild else f"Indexing {what}.")

    def on_watching_wanted(self, message: messages.WatchingWanted) -> None:
        if self._engine is not None:
            self._start_worker(
                partial(self._watch, self._engine, message.paused), "command", exclusive=False
            )

    async def _watch(self, engine: Engine, paused: bool) -> None:
        self._take_state(await engine.ask(WatchRequest(paused=paused)))

    # History, folder, editor, clipboard

    def on_query_asked(self, message: messages.QueryAsked) -> None:
        if self._folder is not None:
            self.remembered.query(message.text, self._folder)

    def on_folder_chosen(self, message: messages.FolderChosen) -> None:
        self.browser.start_over()
        self._profile = message.profile
        self.browser.agent_search.use(message.profile)
        self._open_folder(message.folder)
        self.browser.query_bar.forget_place()

    def on_edit_wanted(self, message: messages.EditWanted) -> None:
        from membrowse.tui import external_programs

        roots = self._view.roots
        if roots is None:
            return
        try:
            path = roots.resolve(message.path)
            command = external_programs.installed_editor_command(path, message.line)
            with self.suspend():
                trouble = external_programs.run_editor(command)
        except Exception as error:  # whatever prevents editing, the browser goes on
            self.say(str(error) or type(error).__name__, "warning")
            return
        if trouble:
            self.say(trouble, "warning")

    def on_copy_wanted(self, message: messages.CopyWanted) -> None:
        self.copy_to_clipboard(message.text)
        self._start_worker(partial(self._copy, message), "copy", exclusive=False)

    async def _copy(self, wanted: messages.CopyWanted) -> None:
        from membrowse.tui import external_programs

        tried = await external_programs.copy_to_programs(wanted.text)
        names = [
            "OSC 52 (the terminal)",
            *(name if ok else f"{name} (failed)" for name, ok in tried),
        ]
        self.say(f"Copied {wanted.what}: {wanted.text.splitlines()[0][:80]}\nby {', '.join(names)}")

    # Actions

    async def run_action(
        self,
        action: Any,
        default_namespace: DOMNode | None = None,
        namespaces: Any = None,
    ) -> bool:
        """Run an action, or say why it cannot run now."""
        screen = (default_namespace or self).screen
        if isinstance(screen, EngineScreen) and isinstance(action, str):
            name = action.partition("(")[0].rpartition(".")[2]
            screen.acting(name)
            if reason := screen.refusal_of(name):
                self.say(reason, "warning")
                return True
        return await super().run_action(action, default_namespace, namespaces)

    def action_press(self, key: str) -> None:
        self.simulate_key(key)

    def action_help(self) -> None:
        from membrowse.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.keymap.bound(ACTIONS)))

    def action_change_theme(self) -> None:
        from membrowse.tui.screens.themes import ThemeScreen

        def chosen(name: str | None) -> None:
            if name:
                self.remembered.theme(name)

        if not isinstance(self.screen, ThemeScreen):
            themes = self.available_themes.items()
            order = sorted((theme.ansi, name != OURS.name, name) for name, theme in themes)
            names = [name for _, _, name in order]
            self.push_screen(ThemeScreen(names, self.theme), chosen)

    def action_export(self) -> None:
        self.call_after_refresh(self._export)

    def _export(self) -> None:
        from membrowse.tui import export

        lines = self.screen._compositor.render_strips(self.size)
        text = "\n".join(line.text.rstrip() for line in lines[: self.size.height])
        try:
            file = export.write_view(self._clock(), self.export_screenshot(), f"{text}\n")
        except OSError as error:
            self.say(f"Cannot export the view: {error.strerror or error}", "warning")
        else:
            self.say(f"Exported {clip_path(short_path(file), PATH_CELLS)} and .txt")

    def on_report_wanted(self, message: messages.ReportWanted) -> None:
        self.say("Writing the report…")
        self._start_worker(partial(self._report, message), "report", exclusive=True)

    async def _report(self, wanted: messages.ReportWanted) -> None:
        from membrowse.tui import export

        if self._folder is None:
            return
        try:
            file = await export.write_report(self._clock(), self._folder, wanted)
        except (export.ExportFailed, OSError) as error:
            self.say(f"Cannot write the report: {error}", "warning")
        else:
            path = clip_path(short_path(file), PATH_CELLS)
            self.say(f"Wrote {path} and .md with text of your notes")

    def action_open_folder(self) -> None:
        from membrowse.tui.screens.welcome import WelcomeScreen

        if isinstance(self.screen, WelcomeScreen):
            return
        welcome = WelcomeScreen(
            folders=self.remembered.recent(besides=self._folder),
            current=self._folder,
            demo=self.demo,
            first=self._folder is None,
        )
        self.push_screen(welcome, self._folder_chosen)

    def _folder_chosen(self, chosen: Openable | None) -> None:
        if chosen is not None and chosen.folder is not None:
            self.post_message(messages.FolderChosen(chosen.folder, chosen.profile))

    def action_retry(self) -> None:
        if self._folder is not None:
            self._open_folder(self._folder)

    async def action_quit(self) -> None:
        self.exit(0)
