"""Every text and mark can be read in every theme that is offered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.segment import Segment
from textual.color import Color
from textual.geometry import Region
from textual.screen import ModalScreen, Screen

from membrowse.tui.app import MembrowseApp
from membrowse.tui.contrast import MARK, TEXT, contrast
from membrowse.tui.styles import STYLES
from tests.tui.stage import QUERY, make_app, on_stage, settled, until

MARKS = frozenset("━╸▏▎▍▌▋▊▉█▁▂▃▄▅▆▇│┃❯›▸●○◌▲▼◎·")
DRAWN = frozenset("─╭╮╰╯╌ ▏▎▕▔▁")
"""Frames, rules and the rest of a bar: nothing is lost without them."""
GROUNDS = ("background", "surface", "panel", "ground-active", "ground-cursor", "ground-linked")
NOT_TEXT = {"", "track"}
ROOMY = (160, 50)
"""Rankings, preview, explanation and tuning panel at once."""


def themes(app: MembrowseApp) -> list[str]:
    """The themes whose colours are known."""
    return [name for name, theme in app.available_themes.items() if not theme.ansi]


def unreadable(app: MembrowseApp, screen: Screen[Any]) -> list[str]:
    """What is on the screen with too little contrast."""
    if isinstance(screen, ModalScreen):  # what is behind it is dimmed on purpose
        screen.styles.background = Color(0, 0, 0)
    strips = screen._compositor.render_strips(app.size)
    if isinstance(screen, ModalScreen):
        parts = screen.query(".dialog") or screen.query("CommandInput, CommandList")
        box = Region.from_union([part.region for part in parts])
        strips = [strip.crop(box.x, box.right) for strip in strips[box.y : box.bottom]]
    assert any(strip.text.strip() for strip in strips), screen
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


def open_every_screen(app: MembrowseApp) -> list[Callable[[], Any]]:
    """The actions that open a screen or a dialog, the dialogs last."""
    browser = app.browser
    screens = [browser.action_rank_flow, browser.action_tokens, browser.action_files]
    dialogs = [browser.action_copy, browser.action_show_history, browser.action_target]
    dialogs += [app.action_help, app.action_open_folder, app.action_change_theme]
    return [*screens, *dialogs, app.action_command_palette]


async def test_every_screen_can_be_read_in_every_theme() -> None:
    app = make_app()
    async with on_stage(app, ROOMY, QUERY) as pilot:
        await pilot.press("enter", "x", "t")
        for number, open_screen in enumerate(open_every_screen(app), start=2):
            open_screen()
            await until(lambda: len(app.screen_stack) == number, str(open_screen))  # noqa: B023
            await settled(app, pilot)
        found: list[str] = []
        with app.batch_update():  # every screen is painted once a theme, by `unreadable`
            for theme in themes(app):
                app.theme = theme
                await pilot.pause()
                for screen in app.screen_stack:
                    found += unreadable(app, screen)
        assert not found, "\n".join(dict.fromkeys(found))


async def test_messages_can_be_read_in_every_theme() -> None:
    app = make_app()
    async with on_stage(app, (100, 24), QUERY) as pilot:
        for theme in themes(app):
            app.theme = theme
            app.say("a warning", "warning")
            await pilot.pause()
            assert not unreadable(app, app.screen)
