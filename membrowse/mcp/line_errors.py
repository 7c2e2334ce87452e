"""Answer lines that are no messages; the SDK leaves these without an answer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.shared.message import SessionMessage

_NOT_A_MESSAGE = "not a JSON-RPC message"


@contextlib.asynccontextmanager
async def answering_bad_lines(
    incoming: AsyncIterable[SessionMessage | Exception],
    send: Callable[[SessionMessage], Awaitable[None]],
) -> AsyncIterator[MemoryObjectReceiveStream[SessionMessage | Exception]]:
    """The messages of `incoming`; each line that is none is answered with a parse error."""
    sender, receiver = anyio.create_memory_object_stream[SessionMessage | Exception]()

    async def forward() -> None:
        async with sender:
            async for item in incoming:
                if isinstance(item, Exception):
                    await send(_parse_error())
                else:
                    await sender.send(item)

    async with anyio.create_task_group() as group:
        group.start_soon(forward)
        yield receiver


def _parse_error() -> SessionMessage:
    error = types.ErrorData(code=types.PARSE_ERROR, message=_NOT_A_MESSAGE)
    return SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=None, error=error))
