"""`python -m tests.engine.whole_job FOLDER QUERY`: index, search and browse, as a person does,
and search as an agent does.

Ends with status 0 when the commands and the browser showed every ranking, and the agent had hits.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters

from membrowse import tui
from membrowse.client import discovery
from membrowse.settings import Settings
from membrowse.tui.app import MembrowseApp
from tests.tui.stage import ask, on_stage


async def command(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "membrowse", *arguments, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        sys.exit(f"{arguments} ended with {process.returncode}")


async def agent(folder: Path, query: str) -> None:
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "membrowse", "mcp", str(folder)], env=dict(os.environ)
    )
    async with Client(command) as client:
        for tool, arguments in (("search", {"query": query}), ("get", {"path": "ports.md"})):
            if (result := await client.call_tool(tool, arguments)).is_error:
                sys.exit(f"{tool}: {result.content}")


async def main(folder: Path, query: str) -> None:
    try:
        await command("index", str(folder))
        await command("search", query, "--folder", str(folder), "--json")
        await agent(folder, query)
        await command("attach", "memsearch", "--folder", str(folder))
        await command("agents")
        await command("search", query, "--agent", "memsearch")
        app = MembrowseApp(sessions=tui.engine_sessions, settings=Settings(), folder=folder)
        async with on_stage(app):
            await ask(app, query)
            for name, view in app.browser.open_query.views.items():
                if not view.hits:
                    sys.exit(f"the browser shows no hit by {name}: {view.message}")
        log = folder.parent / "log.jsonl"
        log.write_text('{"at": "2026-03-02", "query": "which port?", "results": []}\n')
        await command("search", query, "--folder", str(folder), "--client", "agent")
        await command("log", "import", str(log), "--folder", str(folder))
        await command("log", "replay", "--folder", str(folder))
    finally:
        await discovery.stop(folder)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
