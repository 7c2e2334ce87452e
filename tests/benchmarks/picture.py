"""The picture in README, from the running app over a real engine: `picture.py FOLDER OUT.svg`.

FOLDER is the demo memory; its log is imported, and one question of it opened. Also
`picture.py FOLDER OUT.svg QUERY COLUMNS LINES [KEY…]`: keys are pressed after the answer came;
`=some words` types them. An empty query asks nothing. The picture is of a finished screen: the pins
have run, and a diagnosis that ran out of time is asked for again.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from textual.pilot import Pilot

from membrowse.cli import demo_log, demo_memory
from membrowse.client import discovery
from membrowse.settings import Settings, UiSettings
from membrowse.tui import engine_sessions
from membrowse.tui.app import MembrowseApp
from membrowse.tui.screens.why import WhyScreen
from membrowse.tui.themes import OURS
from tests.benchmarks import bench

DEFAULT = ("", "160", "44", "L", "slash", "=diary", "enter", "enter", "g")
_FONTS_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_SETTINGS = Settings(ui=UiSettings(theme=OURS.name))
_GIVE_UP_SECONDS = 300.0
_AFTER_A_KEY_SECONDS = 3.0
_BETWEEN_LOOKS_SECONDS = 0.5


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
                await _settle(app, pilot)
                for key in keys:
                    await pilot.press(*(_as_keys(key[1:]) if key.startswith("=") else [key]))
                    await _settle(app, pilot)
            svg = app.export_screenshot(title="membrowse")
    await discovery.stop(folder)
    out.write_text(_everywhere(svg), encoding="utf-8")


async def _settle(app: MembrowseApp, pilot: Pilot[int]) -> None:
    """Wait until the pins have run and every answer is there."""
    await pilot.pause(_AFTER_A_KEY_SECONDS)
    while not _has_settled(app):
        await pilot.pause(_BETWEEN_LOOKS_SECONDS)


def _has_settled(app: MembrowseApp) -> bool:
    browser, state = app.browser, app.browser.engine.state
    if state is None or state.progress is not None or not state.pins.total:
        return False
    if browser.open_query.text and not browser.open_query.complete:
        return False
    if not isinstance(app.screen, WhyScreen):
        return True
    report = app.screen.list.report
    if report is None or report.in_top_k:
        return report is not None
    if "out of time" in report.unfinished:
        browser.target_line.diagnose()
        return False
    return bool(report.tried)


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
