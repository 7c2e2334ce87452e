"""The messages between stdin and stdout and the SDK's server.

The first line was read before the SDK was loaded; it is handed on, and if it was answered then, the
SDK's answer is dropped. A line that is no message gets a parse error: the SDK ignores it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from membrowse.mcp.handshake import FirstLine

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


@contextlib.asynccontextmanager
async def messages(
    first: FirstLine,
    incoming: AsyncIterable[SessionMessage | Exception],
    send: Callable[[SessionMessage], Awaitable[None]],
) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """The streams that a server reads and writes."""
    to_server, at_server = anyio.create_memory_object_stream[SessionMessage | Exception]()
    from_server, at_client = anyio.create_memory_object_stream[SessionMessage]()

    async def read() -> None:
        async with to_server:
            for item in _parsed(first.line):
                await hand_on(item)
            async for item in incoming:
                await hand_on(item)

    async def hand_on(item: SessionMessage | Exception) -> None:
        if isinstance(item, Exception):
            await send(_parse_error())
        else:
            await to_server.send(item)

    async def write() -> None:
        answered = first.answered
        async with at_client:
            async for item in at_client:
                if answered is not None and getattr(item.message, "id", None) == answered:
                    answered = None
                else:
                    await send(item)

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        group.start_soon(write)
        yield at_server, from_server


def _parsed(line: bytes) -> list[SessionMessage | Exception]:
    """The message in `line`, or what is wrong with it; nothing if stdin ended without a line."""
    if not line:
        return []
    try:
        return [SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))]
    except (ValidationError, UnicodeDecodeError) as error:
        return [error]


def _parse_error() -> SessionMessage:
    error = types.ErrorData(code=types.PARSE_ERROR, message="not a JSON-RPC message")
    return SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=None, error=error))
