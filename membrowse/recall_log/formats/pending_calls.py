"""Tool calls that wait for their result."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from membrowse.recall_log.formats.own_answer import own_answer
from membrowse.recall_log.formats.tool_calls import Call, hits_of, unwrapped
from membrowse.recall_log.formats.values import recall
from membrowse.wire.recalls import Recall

_WAITING = 1000
"""The oldest calls are dropped: their result never came."""


class PendingCalls:
    """The calls of one transcript."""

    def __init__(self, source: str, agent: str, folders: tuple[str, ...]) -> None:
        self._source = source
        self._agent = agent
        self._folders = folders
        self._waiting: OrderedDict[str, Call] = OrderedDict()

    def made(self, event: str, call: Call | None) -> None:
        """Remember a call that looks something up."""
        if call is not None and event:
            self._waiting[event] = call
            while len(self._waiting) > _WAITING:
                self._waiting.popitem(last=False)

    def done(
        self, event: str, output: object, session: str, *, failed: bool = False
    ) -> Iterator[Recall]:
        """The recall of a call whose result has come, if it looked into the memory."""
        call = self._waiting.pop(event, None)
        if call is None or failed:
            return
        own = own_answer(unwrapped(output)) if call.any_place else None
        given = own.given if own else hits_of(call, output, self._folders)
        if given is not None:
            yield recall(
                self._source,
                self._agent,
                call.at,
                call.query,
                given,
                event=call.event,
                session=session,
                k=call.k,
                own_id=own.id if own else None,
            )
