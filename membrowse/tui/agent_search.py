"""Asking an agent's own search for the open query, and its answer as a recall."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from textual.screen import Screen

from membrowse.text import shown_block
from membrowse.tui.messages import AgentAnswerWanted
from membrowse.tui.model.open_query import OpenQuery
from membrowse.wire.agents import AGENT, AgentAnswer, AgentProfile
from membrowse.wire.notes import Freshness
from membrowse.wire.recalls import GivenHit, Recall, RecallHit, RecallView
from membrowse.wire.search import Hit, SearchResponse

Result = TypeVar("Result")

LINK_DEPTH = 500
"""Hits of our rankings among which the agent's hits are looked for."""


class AgentSearch:
    """Asks the search of `profile`, else that of the store that is open.

    The first time, it asks the user whether the agent's program may run. `show` takes the answer.
    `screen` shows the dialogue and the toasts. `store` returns the address of the store.
    """

    def __init__(
        self,
        screen: Screen[Any],
        query: OpenQuery,
        profile: AgentProfile | None,
        show: Callable[[RecallView], None],
        store: Callable[[], str] = lambda: "",
    ) -> None:
        self._screen = screen
        self._query = query
        self._profile = profile
        self._show = show
        self._store = store

    def use(self, profile: AgentProfile | None) -> None:
        """Ask the search of another agent, or of none."""
        self._profile = profile

    @property
    def available(self) -> bool:
        """Whether there is an agent or a store with a search of its own."""
        return self._has_program or bool(self._store())

    @property
    def _has_program(self) -> bool:
        return self._profile is not None and self._profile.memory.search is not None

    def ask(self) -> None:
        """Ask for the open query."""
        if self._profile is None or not self._has_program:
            self._ask_store()
        elif self._profile.may_run:
            self._run(self._profile)
        else:
            self._ask_user(self._profile)

    def _ask_store(self) -> None:
        from membrowse.agents import profiles

        if address := self._store():
            self._run(self._profile or profiles.of_store(address))

    def _ask_user(self, profile: AgentProfile) -> None:
        from membrowse.agents import profiles
        from membrowse.agents.search_command import question
        from membrowse.tui.screens.prompts import ConfirmPrompt

        def answered(yes: bool | None) -> None:
            if yes:
                self._profile = profiles.agree(profile)
                self._run(self._profile)

        text = f"{question(profile)}\nRun it now, and whenever you ask?"
        self._screen.app.push_screen(
            ConfirmPrompt(f"Ask {profile.name}'s own search", text, "run it"), answered
        )

    def _run(self, profile: AgentProfile) -> None:
        query = self._query

        def deliver(answer: AgentAnswer, response: SearchResponse) -> None:
            if answer.problem or answer.warning:
                self._say(f"{profile.name}: {answer.problem or answer.warning}", "warning")
            if not answer.problem and query.text == answer.query:
                self._show(recall_view(profile, answer, response))

        self._say(f"Asking {profile.name}'s own search…")
        wanted = AgentAnswerWanted(profile, query.text, query.syntax, deliver)
        self._screen.app.post_message(wanted)

    def _say(self, text: str, severity: Any = "information") -> None:
        self._screen.notify(shown_block(text), severity=severity, markup=False, timeout=6)


def recall_view(profile: AgentProfile, answer: AgentAnswer, response: SearchResponse) -> RecallView:
    """An answer as a recall, which no log has; `response` has `LINK_DEPTH` hits of its query."""
    from membrowse.client.agent_ranking import with_agent

    hits = with_agent(response, answer, LINK_DEPTH).rankings[AGENT].hits
    inside = [hit.inside for hit in answer.hits]
    given = tuple(map(_given, hits, inside))
    recall = Recall(
        id="",
        at=answer.asked_at,
        agent=answer.agent,
        query=answer.query,
        syntax=response.query.syntax,
        k=answer.k,
        min_score=profile.memory.min_score,
        given=tuple(each.hit for each in given),
        took_ms=answer.took_ms,
        source=profile.memory.system,
    )
    return RecallView(
        recall=recall, outcome=recall.outcome, given=given, generation=response.generation
    )


def _given(hit: Hit, inside: bool) -> GivenHit:
    got = RecallHit(
        path=hit.path,
        start_line=hit.start_line,
        end_line=hit.end_line,
        score=hit.scores[AGENT],
        chunk=hit.chunk,
    )
    if hit.chunk:
        return GivenHit(hit=got, chunk=hit.chunk, title=hit.title, heading=hit.heading)
    note = "not in the first 500 of any ranking here" if inside else "outside the folder"
    return GivenHit(hit=got, freshness=Freshness.DELETED, note=note)


async def answer_of(profile: AgentProfile, text: str) -> AgentAnswer:
    """The answer of the agent's own search, off the event loop; quitting does not wait for it."""
    from membrowse.agents.search_command import ask

    return await _in_thread(lambda: ask(profile, text))


async def _in_thread(work: Callable[[], Result]) -> Result:
    """The result of `work`, run in a thread that does not outlive the program."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Result] = loop.create_future()

    def settle(value: Result | None, error: Exception | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except Exception as raised:  # the thread's boundary: the caller gets it
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="agent search", daemon=True).start()
    return await result
