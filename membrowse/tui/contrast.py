"""Colours that can be read: text and marks of a theme, adjusted to the grounds they stand on.

A theme's own colours are kept where their contrast is enough, else moved towards black or white.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from textual.color import Color

TEXT, MARK = 4.5, 3.0
"""Contrast ratios (WCAG 2.2, level AA) of text, and of marks that carry a meaning."""

_MARGIN = 0.1
"""Colours are rounded to 8 bits per channel."""
_STEPS = 40
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)

_INKS = {
    "dim": ("foreground", 0.62, TEXT),
    "faint": ("foreground", 0.4, TEXT),
    "heading": ("foreground", 0.85, TEXT),
    "accent": ("text-accent", 1.0, TEXT),
    "good": ("text-success", 1.0, TEXT),
    "warn": ("text-warning", 1.0, TEXT),
    "bad": ("text-error", 1.0, TEXT),
    "brand": ("text-primary", 1.0, TEXT),
    "rule": ("text-warning", 0.7, TEXT),
    "plain": ("foreground", 1.0, TEXT),
    "bar": ("primary", 0.75, MARK),
    "inside": ("primary", 1.0, MARK),
}
"""By name: a colour of the theme, its opacity, and the contrast that it needs."""

_GROUNDS = {
    "active": ("panel", "primary", 0.25),
    "cursor": ("background", "primary", 0.25),
    "linked": ("background", "foreground", 0.06),
    "chosen": ("surface", "primary", 0.25),
    "trouble": ("background", "warning", 0.15),
    "tried": ("background", "accent", 0.12),
}
"""By name: a colour of the theme, and another one laid over it with an opacity."""

_HEAT = (0.14, 0.26, 0.38, 0.52)


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two opaque colours, 1 to 21."""
    return _ratio(_luminance(one), _luminance(other))


def _ratio(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (_linear(channel / 255) for channel in color.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def readable_variables(theme: Mapping[str, str]) -> dict[str, str]:
    """The CSS variables `$ink-…` and `$ground-…` for a theme's variables."""
    return dict(_theme_variables(tuple(theme.items())))


@lru_cache(maxsize=4)
def _theme_variables(items: tuple[tuple[str, str], ...]) -> dict[str, str]:
    theme = dict(items)
    grounds = _ground_colors(theme)
    under = [
        *(_theme_color(theme, name) for name in ("background", "surface", "panel")),
        *grounds.values(),
    ]
    inks = {
        f"ink-{name}": _ink(theme, source, opacity, needed, under)
        for name, (source, opacity, needed) in _INKS.items()
    }
    heat = {f"ground-heat{level}": _heat(theme, opacity) for level, opacity in enumerate(_HEAT, 1)}
    mark = _readable_color(_theme_color(theme, "text-accent"), [*under, *heat.values()], TEXT)
    found = inks | {f"ground-{name}": color for name, color in grounds.items()} | heat
    return {name: color.hex for name, color in found.items()} | {"ink-mark": mark.hex}


def plain_variables(theme: Mapping[str, str]) -> dict[str, str]:
    """The same variables for a theme of the terminal's own colours, which are unknown."""
    inks = {f"ink-{name}": theme[source] for name, (source, _, _) in _INKS.items()}
    names = [*_GROUNDS, *(f"heat{level}" for level in range(1, len(_HEAT) + 1))]
    grounds = {f"ground-{name}": "ansi_default" for name in names}
    return inks | grounds | {"ink-mark": theme["text-accent"]}


def _theme_color(theme: Mapping[str, str], name: str) -> Color:
    """A colour of the theme, opaque."""
    color = Color.parse(_resolved_variable(theme, name))
    if color.a == 1:
        return color
    below = Color.parse(_resolved_variable(theme, "background"))
    return below.blend(color.with_alpha(1), color.a, alpha=1)


def _resolved_variable(theme: Mapping[str, str], name: str) -> str:
    """The value of a variable; `auto 87%` becomes black or white on the background."""
    value = theme[name]
    if value.startswith("auto"):
        background = Color.parse(theme["background"])
        return background.get_contrast_text().hex
    return value


def _ground_colors(theme: Mapping[str, str]) -> dict[str, Color]:
    return {
        name: _laid_over(
            _theme_color(theme, below),
            _theme_color(theme, above),
            opacity,
            _theme_color(theme, "foreground"),
        )
        for name, (below, above, opacity) in _GROUNDS.items()
    }


def _heat(theme: Mapping[str, str], opacity: float) -> Color:
    background, foreground = _theme_color(theme, "background"), _theme_color(theme, "foreground")
    return _laid_over(background, _theme_color(theme, "primary"), opacity, foreground)


def _laid_over(below: Color, above: Color, opacity: float, text: Color) -> Color:
    """`above` laid over `below`, with less opacity if `text` could not be read on it."""
    for step in range(_STEPS, -1, -1):
        ground = below.blend(above, opacity * step / _STEPS, alpha=1)
        if contrast(ground, text) >= TEXT + 1:
            return ground
    return below


def _ink(
    theme: Mapping[str, str], source: str, opacity: float, needed: float, under: Sequence[Color]
) -> Color:
    background = _theme_color(theme, "background")
    return _readable_color(
        background.blend(_theme_color(theme, source), opacity, alpha=1), under, needed
    )


def _readable_color(color: Color, under: Sequence[Color], needed: float) -> Color:
    """`color`, moved towards white or black until it has the contrast on all grounds `under`."""
    grounds = [_luminance(ground) for ground in under]
    extremes = (min(grounds), max(grounds))

    def worst(one: Color) -> float:
        luminance = _luminance(one)
        if extremes[0] <= luminance <= extremes[1]:
            return min(_ratio(luminance, ground) for ground in grounds)
        return min(_ratio(luminance, ground) for ground in extremes)

    end = max(_BLACK, _WHITE, key=worst)
    for step in range(_STEPS + 1):
        moved = color.blend(end, step / _STEPS, alpha=1)
        if worst(moved) >= needed + _MARGIN:
            return moved
    return end
