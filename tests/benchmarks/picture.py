"""The picture in README, from the running app over a real engine: `picture.py FOLDER OUT.svg`.

FOLDER is the demo memory; its log is imported, and one question of it opened. Also
`picture.py FOLDER OUT.svg QUERY COLUMNS LINES [KEY…]`: keys are pressed after the answer came;
`=some words` types them. An empty query asks nothing.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from membrowse.cli import demo_log, demo_memory
from membrowse.client import discovery
from membrowse.settings import Settings, UiSettings
from membrowse.tui import engine_sessions
from membrowse.tui.app import MembrowseApp
from membrowse.tui.themes import OURS
from tests.benchmarks import bench

DEFAULT = ("", "160", "44", "L", "slash", "=diary", "enter", "enter", "g")
_FONTS_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_SETTINGS = Settings(ui=UiSettings(theme=OURS.name))
_GIVE_UP_SECONDS = 240.0
_AFTER_A_KEY_SECONDS = 3.0


async def draw(folder: Path, out: Path, query: str, size: tuple[int, int], keys: list[str]) -> None:
    async with bench.engine(folder) as client:
        await bench.until_current(client)
        if (folder / demo_memory.RECALLS).exists():
            await demo_log.import_recalls(folder)
        app = MembrowseApp(sessions=engine_sessions, settings=_SETTINGS, folder=folder)
        async with app.run_test(size=size) as pilot:
            async with asyncio.timeout(_GIVE_UP_SECONDS):
                await pilot.pause(2)
                await pilot.press(*_as_keys(query), "enter")
                await pilot.pause(2)
                for key in keys:
                    await pilot.press(*(_as_keys(key[1:]) if key.startswith("=") else [key]))
                    await pilot.pause(_AFTER_A_KEY_SECONDS)
            svg = app.export_screenshot(title="membrowse")
    await discovery.stop(folder)
    out.write_text(_everywhere(svg), encoding="utf-8")


def _everywhere(svg: str) -> str:
    """`svg` as any program shows it: with fonts that are there, and with its spaces."""
    local = _FONTS_FROM_ELSEWHERE.sub("", svg)
    return local.replace("<svg ", '<svg xml:space="preserve" ', 1)


def _as_keys(text: str) -> list[str]:
    from textual.keys import _character_to_key

    return [_character_to_key(character) for character in text]


if __name__ == "__main__":
    folder, out, *rest = sys.argv[1:]
    query, columns, lines, *keys = rest or DEFAULT
    with bench.home():
        asyncio.run(
            draw(Path(folder).resolve(), Path(out), query, (int(columns), int(lines)), keys)
        )
