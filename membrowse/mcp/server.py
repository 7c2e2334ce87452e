"""The server: one agent on stdin and stdout, answered by an `AsyncMemory`.

stdout carries the protocol alone, logs go to stderr. The SDK's low-level server is used because
tools come with their own schemas. Importing the SDK takes half a second, so `handshake` is first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mcp_types as types
import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from membrowse import __version__
from membrowse.api import AsyncMemory, MembrowseError
from membrowse.mcp.handshake import INSTRUCTIONS, NAME, FirstLine
from membrowse.mcp.messages import messages
from membrowse.mcp.tools import MemoryTool, offered
from membrowse.text import shown
from membrowse.wire.agents import AgentProfile

log = logging.getLogger(__name__)

MAX_NAME_CHARACTERS = 100

Context = ServerRequestContext[Any, Any]


class MemoryServer:
    """Serves the tools for one folder."""

    def __init__(
        self, memory: AsyncMemory, allowed: frozenset[str] = frozenset(), agent: str = ""
    ) -> None:
        """Recalls have the name `agent`, or without it the name that the agent's program gives."""
        self._memory = memory
        self._agent = agent
        self._tools = offered(allowed)
        self._preparing: asyncio.Task[object] | None = None
        self.server = Server(
            NAME,
            version=__version__,
            title=NAME,
            instructions=INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def close(self) -> None:
        """End the connection to the engine."""
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait([self._preparing])
        await self._memory.close()

    async def _list(
        self, _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """The tools. The engine starts meanwhile: a search probably follows."""
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare())
        return types.ListToolsResult(tools=[_listed(tool) for tool in self._tools.values()])

    async def _prepare(self) -> None:
        with contextlib.suppress(MembrowseError):  # the first call tells
            await self._memory.state()

    async def _call(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """Answer one call. Raises `MCPError` if it is malformed."""
        tool = self._tools.get(params.name)
        if tool is None:
            known = ", ".join(self._tools)
            message = f"unknown tool {shown(params.name[:MAX_NAME_CHARACTERS])}; there are {known}"
            raise MCPError(types.INVALID_PARAMS, message)
        self._memory.client = self._agent or _agent(context)
        try:
            result = await tool.call(self._memory, params.arguments or {})
        except msgspec.ValidationError as error:
            message = f"{tool.name}: {shown(str(error))}"
            raise MCPError(types.INVALID_PARAMS, message) from error
        except MembrowseError as error:
            return _failed(shown(str(error)))
        except Exception as error:  # one call fails, the server goes on
            log.exception("%s failed; `membrowse doctor` looks for the cause", tool.name)
            return _failed(f"unexpected error: {type(error).__name__}")
        return types.CallToolResult(
            content=[types.TextContent(text=result.text)],
            structured_content=msgspec.to_builtins(result),
        )


def _failed(message: str) -> types.CallToolResult:
    """A call that cannot be answered; the agent reads why."""
    return types.CallToolResult(content=[types.TextContent(text=message)], is_error=True)


def _agent(context: Context) -> str:
    """The name of the program that asks."""
    client = context.session.client_params
    return shown(client.client_info.name[:MAX_NAME_CHARACTERS]) if client is not None else "mcp"


def _listed(tool: MemoryTool[Any]) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=_input_schema(tool.arguments),
        output_schema=_schema(tool.result),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=not tool.writes,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


def _schema(record: type) -> dict[str, Any]:
    """The JSON Schema of a record, an object at its root."""
    definitions: dict[str, Any] = msgspec.json.schema(record)["$defs"]
    root: dict[str, Any] = definitions.pop(record.__name__)
    return root | ({"$defs": definitions} if definitions else {})


def _input_schema(arguments: type) -> dict[str, Any]:
    """The schema of arguments, without the null that an absent one may be: it confuses clients."""
    schema = _schema(arguments)
    properties = {name: _without_null(each) for name, each in schema["properties"].items()}
    return schema | {"properties": properties}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    others = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return others[0] if len(others) == 1 else schema


@contextlib.asynccontextmanager
async def memory_server(
    folder: Path, allowed: frozenset[str] = frozenset(), profile: AgentProfile | None = None
) -> AsyncIterator[MemoryServer]:
    """A server for `folder`, closed with the block; `profile` is that of an attached agent."""
    memory = AsyncMemory(folder, session=secrets.token_hex(4), profile=profile, withholds_weak=True)
    served = MemoryServer(memory, allowed, profile.name if profile else "")
    try:
        yield served
    finally:
        await served.close()


async def serve(
    folder: Path, allowed: frozenset[str], first: FirstLine, profile: AgentProfile | None
) -> None:
    """Serve `folder` on stdin and stdout, from the `first` line on, until stdin ends."""
    async with (
        memory_server(folder, allowed, profile) as served,
        stdio_server() as (incoming, outgoing),
        outgoing,
        messages(first, incoming, outgoing.send) as (received, replies),
    ):
        options = served.server.create_initialization_options()
        await served.server.run(received, replies, options)
