"""An engine that ranks by an agent's profile."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TypeVar

import msgspec

from membrowse.client.engine import Engine
from membrowse.wire.agents import AgentProfile
from membrowse.wire.engine import EngineState
from membrowse.wire.request import Request, StreamRequest

T = TypeVar("T")
Asked = TypeVar("Asked", bound=msgspec.Struct)


class ProfiledEngine:
    """`Engine` that sends the settings of `profile` with every request that ranks a query.

    The states that it returns have the agent's k and minimum score.
    """

    def __init__(self, engine: Engine, profile: AgentProfile) -> None:
        self._engine = engine
        self._settings = profile.memory.settings

    async def ask(self, request: Request[T]) -> T:
        return await self._engine.ask(self._profiled(request))

    async def stream(self, request: StreamRequest[T]) -> AsyncGenerator[T, None]:
        replies = self._engine.stream(self._profiled(request))
        try:
            async for reply in replies:
                yield self._with_cut(reply)
        finally:
            await replies.aclose()

    async def close(self) -> None:
        await self._engine.close()

    def _profiled(self, request: Asked) -> Asked:
        if "profile" not in request.__struct_fields__:
            return request
        return msgspec.structs.replace(request, profile=self._settings)

    def _with_cut(self, reply: T) -> T:
        if not isinstance(reply, EngineState):
            return reply
        return msgspec.structs.replace(
            reply,
            agent_k=self._settings.get("agent.k", reply.agent_k),
            agent_min_score=self._settings.get("agent.min_score", reply.agent_min_score),
        )
