"""The application: sessions with the engine, what it is asked, which screen is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from membrowse.client.engine import Engine, EngineRefused, EngineUnavailable
from membrowse.client.remembered import Remembered
from membrowse.client.supervisor import Changed, Connected, GaveUp, Lost, Session, Starting
from membrowse.settings import Settings
from membrowse.text import shown
from membrowse.tui import messages as said
from membrowse.tui.action_table import BY_METHOD, bindings
from membrowse.tui.actions import Where
from membrowse.tui.model.engine_view import EngineView, Phase
from membrowse.tui.screens.browser import BrowserScreen
from membrowse.tui.screens.engine_screen import Clock, EngineScreen
from membrowse.tui.themes import OURS, first_theme
from membrowse.wire.engine import EngineState, RebuildRequest, ReindexRequest, WatchRequest
from membrowse.wire.notes import ChunkRequest, FilesRequest
from membrowse.wire.search import PageRequest, SearchRequest

Sessions = Callable[[Path], AsyncGenerator[Session, None]]


def _now() -> datetime:
    return datetime.now().astimezone()


def _palette() -> type[Provider]:
    from membrowse.tui.palette import ActionCommands

    return ActionCommands


class MembrowseApp(App[int], inherit_bindings=False):
    """Supervises the sessions, asks the engine, and hands what it says to the screens."""

    TITLE = "membrowse"
    CSS_PATH = Path(__file__).with_name("membrowse.tcss")
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.APP),
        Binding("ctrl+c", "help_quit", show=False, system=True, id="app.interrupt"),
    ]

    def __init__(
        self,
        *,
        sessions: Sessions,
        settings: Settings,
        folder: Path | None = None,
        questions: Path | None = None,
        demo: Callable[[], Path] | None = None,
        clock: Clock = _now,
        remembered: Remembered | None = None,
    ) -> None:
        super().__init__()
        self._sessions = sessions
        self._settings = settings
        self._questions = questions
        self.demo = demo
        self._clock = clock
        self.remembered = remembered or Remembered()
        self._folder = folder or self.remembered.last_folder
        self._engine: Engine | None = None
        self._number = 0
        self._view = EngineView(agent_k=settings.agent.k, agent_min_score=settings.agent.min_score)
        if settings.ui.reduced_motion:
            self.animation_level = "none"
        one_line = self.remembered.memory.one_line
        self.browser = BrowserScreen(
            clock,
            self.remembered,
            settings.ui.one_line_rows if one_line is None else one_line,
        )
        if self._folder is not None:
            self._view = replace(self._view, folder=self._folder, phase=Phase.STARTING)
        self.browser.engine = self._view
        self.register_theme(OURS)
        self.theme = first_theme(
            settings.ui.theme or self.remembered.memory.theme, self.available_themes
        )

    def get_default_screen(self) -> Screen[Any]:
        return self.browser

    def on_mount(self) -> None:
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self.remembered.theme(theme.name))
        if self._questions is not None:
            self._load_questions(self._questions)
        if self._folder is None:
            self.action_open_folder()
        else:
            self._open(self._folder)

    # Sessions

    def _open(self, folder: Path) -> None:
        self._folder = folder
        self.remembered.folder(folder)
        self._take(replace(self._view, folder=folder, state=None, phase=Phase.STARTING, message=""))
        self._work(partial(self._supervise, folder), "session", exclusive=True)

    async def _supervise(self, folder: Path) -> None:
        async with aclosing(self._sessions(folder)) as sessions:
            async for session in sessions:
                self._take_session(session)

    def _take_session(self, session: Session) -> None:
        view = self._view
        match session:
            case Starting(message):
                phase = Phase.LOST if view.phase is Phase.LOST else Phase.STARTING
                self._take(replace(view, phase=phase, message=message))
            case Connected(engine, hello):
                self._engine = engine
                rights = frozenset(hello.rights)
                self._take(replace(view, phase=Phase.CONNECTED, message="", rights=rights))
            case Changed(state):
                self._take_state(state)
            case Lost(message):
                self._engine = None
                self._take(replace(view, phase=Phase.LOST, message=message))
            case GaveUp(message, log_tail):
                self._engine = None
                gave_up = replace(view, phase=Phase.GAVE_UP, message=message, log_tail=log_tail)
                self._take(gave_up)

    def _take_state(self, state: EngineState) -> None:
        self._take(
            replace(
                self._view,
                state=state,
                agent_k=state.agent_k,
                agent_min_score=state.agent_min_score,
            )
        )

    def _take(self, view: EngineView) -> None:
        """Hand what is known of the engine to every screen that shows it."""
        self._view = view
        for screen in self.screen_stack:
            if isinstance(screen, EngineScreen):
                screen.show_engine(view)

    def _load_questions(self, file: Path) -> None:
        from membrowse.tui.model.questions import load

        questions = load(file)
        self.browser.show_questions(questions)
        if questions.problems:
            problems = "\n".join(questions.problems[:5])
            self.say(f"{len(questions.problems)} problems in the questions:\n{problems}", "warning")

    # Work

    def _work(
        self, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, exclusive: bool
    ) -> None:
        async def quietly() -> None:  # called only if the worker ever starts
            await self._quietly(work)

        _: Worker[None] = self.run_worker(
            quietly, group=group, exclusive=exclusive, exit_on_error=False
        )

    async def _quietly(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Let `work` fail as engines do: gone (the supervisor tells) or refusing (said here)."""
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
        """A toast; whatever is in `text` is shown, nothing of it is interpreted."""
        safe = "\n".join(shown(line) for line in text[:2000].split("\n"))
        self.notify(safe, severity=severity, markup=False, timeout=6)

    # What the screens want

    def on_ask(self, message: said.Ask) -> None:
        self._number = message.number
        if self._engine is not None:
            self._work(partial(self._recall, self._engine, message), "recall", exclusive=True)

    async def _recall(self, engine: Engine, ask: said.Ask) -> None:
        request = SearchRequest(
            text=ask.text,
            syntax=ask.syntax,
            client="tui",
            number=ask.number,
            progressive=True,
            track=ask.track,
            target=ask.target,
        )
        async for recall in engine.stream(request):
            if recall.number == self._number:
                self.browser.show_recall(recall)

    def on_page_wanted(self, message: said.PageWanted) -> None:
        if self._engine is not None:
            self._work(partial(self._page, self._engine, message), "page", exclusive=False)

    async def _page(self, engine: Engine, wanted: said.PageWanted) -> None:
        request = PageRequest(response=wanted.recall, ranking=wanted.ranking, offset=wanted.offset)
        try:
            ranking = await engine.ask(request)
        except EngineRefused as error:
            if error.status == 404:
                self.browser.forgotten(wanted.recall)
                return
            self.browser.page_failed(wanted.ranking, wanted.offset)
            raise
        except EngineUnavailable:
            self.browser.page_failed(wanted.ranking, wanted.offset)
            raise
        self.browser.show_page(wanted.recall, wanted.ranking, ranking.hits)

    def on_chunk_wanted(self, message: said.ChunkWanted) -> None:
        if self._engine is not None:
            self._work(partial(self._chunk, self._engine, message), "chunk", exclusive=True)

    async def _chunk(self, engine: Engine, wanted: said.ChunkWanted) -> None:
        await asyncio.sleep(0.015)
        request = ChunkRequest(chunk=wanted.chunk, text=wanted.text, syntax=wanted.syntax)
        self.browser.show_chunk(await engine.ask(request))

    def on_inspection_wanted(self, message: said.InspectionWanted) -> None:
        if self._engine is not None:
            self._work(partial(self._inspect, self._engine, message), message.group, exclusive=True)

    def on_inspection_unwanted(self, message: said.InspectionUnwanted) -> None:
        self.workers.cancel_group(self, message.group)

    async def _inspect(self, engine: Engine, wanted: said.InspectionWanted) -> None:
        try:
            wanted.deliver(await engine.ask(wanted.request))
        except EngineRefused as error:
            if wanted.failed is None:
                raise
            wanted.failed(error.problem.message)

    def on_files_wanted(self) -> None:
        if self._engine is not None:
            self._work(partial(self._files, self._engine), "files", exclusive=True)

    async def _files(self, engine: Engine) -> None:
        records = await engine.ask(FilesRequest())
        for screen in self.screen_stack:
            if isinstance(screen, EngineScreen):
                screen.show_files(records)

    def on_reindex_wanted(self, message: said.ReindexWanted) -> None:
        if self._engine is not None:
            self._work(partial(self._reindex, self._engine, message), "command", exclusive=False)

    async def _reindex(self, engine: Engine, wanted: said.ReindexWanted) -> None:
        request = RebuildRequest() if wanted.rebuild else ReindexRequest(paths=wanted.paths)
        self._take_state(await engine.ask(request))
        what = wanted.paths[0] if wanted.paths else "whatever differs from the index"
        self.say("Rebuilding the index." if wanted.rebuild else f"Indexing again: {what}")

    def on_watching_wanted(self, message: said.WatchingWanted) -> None:
        if self._engine is not None:
            self._work(
                partial(self._watch, self._engine, message.paused), "command", exclusive=False
            )

    async def _watch(self, engine: Engine, paused: bool) -> None:
        self._take_state(await engine.ask(WatchRequest(paused=paused)))

    def on_asked(self, message: said.Asked) -> None:
        self.remembered.query(message.text)

    def on_folder_chosen(self, message: said.FolderChosen) -> None:
        self.browser.start_over()
        self._open(message.folder)

    def on_edit_wanted(self, message: said.EditWanted) -> None:
        from membrowse.tui import outside

        if self._folder is None:
            return
        try:
            words = outside.editor_command(self._folder / message.path, message.line)
            with self.suspend():
                trouble = outside.run_editor(words)
        except Exception as error:
            self.say(str(error) or type(error).__name__, "warning")
            return
        if trouble:
            self.say(trouble, "warning")

    def on_copy_wanted(self, message: said.CopyWanted) -> None:
        self.copy_to_clipboard(message.text)
        self._work(partial(self._copy, message), "copy", exclusive=False)

    async def _copy(self, wanted: said.CopyWanted) -> None:
        from membrowse.tui import outside

        tried = await outside.copy_to_programs(wanted.text)
        names = [
            "OSC 52 (the terminal)",
            *(name if ok else f"{name} (failed)" for name, ok in tried),
        ]
        self.say(f"Copied {wanted.what}: {wanted.text.splitlines()[0][:80]}\nby {', '.join(names)}")

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        known = BY_METHOD.get((Where.APP, action))
        screen = self._engine_screen()
        if known is None or screen is None:
            return True
        return None if screen.refused(known) else True

    def _engine_screen(self) -> EngineScreen | None:
        top = self.screen_stack[-1] if self.screen_stack else None
        return top if isinstance(top, EngineScreen) else None

    async def run_action(
        self, action: Any, default_namespace: Any = None, namespaces: Any = None
    ) -> bool:
        """As Textual's, and an action that cannot act now says why."""
        if await super().run_action(action, default_namespace, namespaces):
            return True
        screen = self._engine_screen()
        if screen is None or not isinstance(action, str):
            return False
        method = action.partition("(")[0].rpartition(".")[2]
        reason = screen.refusal_of(method, (*screen.PLACES, Where.APP))
        if reason:
            self.say(f"Not now: {reason}.", "warning")
        return bool(reason)

    def action_press(self, key: str) -> None:
        self.simulate_key(key)

    def action_help(self) -> None:
        from membrowse.tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_open_folder(self) -> None:
        from membrowse.tui.screens.welcome import WelcomeScreen

        if isinstance(self.screen, WelcomeScreen):
            return
        welcome = WelcomeScreen(
            folders=self.remembered.memory.folders, demo=self.demo, first=self._folder is None
        )
        self.push_screen(welcome, partial(self._folder_chosen))

    def _folder_chosen(self, folder: Path | None) -> None:
        if folder is not None:
            self.post_message(said.FolderChosen(folder))

    def action_retry(self) -> None:
        if self._folder is not None:
            self._open(self._folder)

    async def action_quit(self) -> None:
        self.exit(0)
