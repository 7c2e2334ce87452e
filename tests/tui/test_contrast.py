"""Every text and mark can be read in every theme that is offered."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual.color import Color
from textual.screen import ModalScreen

from membrowse.tui.app import MembrowseApp
from membrowse.tui.contrast import MARK, TEXT, contrast
from membrowse.tui.styles import STYLES
from tests.tui.stage import QUERY, make_app, on_stage

MARKS = frozenset("━╸▏▎▍▌▋▊▉█▁▂▃▄▅▆▇│┃❯›▸●○◌▲▼◎·")
DRAWN = frozenset("─╭╮╰╯╌ ▏▎▕▔▁")
"""Frames, rules and the rest of a bar: nothing is lost without them."""
GROUNDS = ("background", "surface", "panel", "ground-active", "ground-cursor", "ground-linked")
NOT_TEXT = {"", "track"}


def themes(app: MembrowseApp) -> list[str]:
    """The themes whose colours are known."""
    return [name for name, theme in app.available_themes.items() if not theme.ansi]


def unreadable(app: MembrowseApp) -> list[str]:
    """What is on the screen with too little contrast."""
    strips = app.screen._compositor.render_strips(app.size)
    if isinstance(app.screen, ModalScreen):  # what is behind it is dimmed on purpose
        box = app.screen.query(".dialog, #--container").first().region
        strips = [strip.crop(box.x, box.right) for strip in strips[box.y : box.bottom]]
    return [
        f"{app.theme}: {segment.text.strip()!r} {ratio:.2f}"
        for strip in strips
        for segment in strip
        if (ratio := ratio_of(segment)) < needed(segment.text)
    ]


def needed(text: str) -> float:
    seen = set(text) - DRAWN
    return 0.0 if not seen else MARK if seen <= MARKS or "⠀" <= min(seen) <= "⣿" else TEXT


def ratio_of(segment: Segment) -> float:
    style = segment.style
    if style is None or style.color is None or style.bgcolor is None:
        return 21.0
    colors = (Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))
    return contrast(*(reversed(colors) if style.reverse else colors))


async def test_named_styles_can_be_read_on_every_ground() -> None:
    app = make_app()
    async with on_stage(app) as pilot:
        for theme in themes(app):
            app.theme = theme
            await pilot.pause()
            variables = app.get_css_variables()
            for name in STYLES.keys() - NOT_TEXT:
                style = app.stylesheet.parse_style(STYLES[name])
                own = style.background is not None and style.background.a > 0
                grounds = (
                    [style.background] if own else [Color.parse(variables[g]) for g in GROUNDS]
                )
                ink = style.foreground or Color.parse(variables["ink-plain"])
                least = MARK if name in ("bar", "inside") else TEXT
                for ground in grounds:
                    assert ground is not None
                    assert contrast(ink, ground) >= least, (theme, name, ground)


@pytest.mark.parametrize(
    "keys",
    ["", "x", "t", "f", "X", "u", "f1", "y", "T", "H", "W", "O", "ctrl+p"],
)
async def test_every_screen_can_be_read_in_every_theme(keys: str) -> None:
    app = make_app()
    async with on_stage(app, (120, 40), QUERY) as pilot:
        await pilot.press("enter", *([keys] if keys else []))
        await pilot.pause(0.3)
        found: list[str] = []
        if isinstance(app.screen, ModalScreen):  # so that what is behind it is not painted
            app.screen.styles.background = Color(0, 0, 0)
        with app.batch_update():  # it is painted once a theme, by `unreadable`
            for theme in themes(app):
                app.theme = theme
                await pilot.pause()
                found += unreadable(app)
        assert not found, "\n".join(dict.fromkeys(found))


async def test_messages_can_be_read_in_every_theme() -> None:
    app = make_app()
    async with on_stage(app, (100, 24), QUERY) as pilot:
        for theme in themes(app):
            app.theme = theme
            app.say("a warning", "warning")
            await pilot.pause()
            assert not unreadable(app)
