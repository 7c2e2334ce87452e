"""Who has the first places, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, clip_path, fit, root_beginnings
from membrowse.text import shown
from membrowse.wire.crowding import Crowding, CrowdingSource, PlaceShare

_BAR = 20
"""Cells of a bar at most."""
_NAME = 16
"""Cells of a name at least."""
_FIGURES = 28
"""Cells of the figures."""
_SHOWN = 10
"""Roots, folders and notes that are listed, each."""


def crowding_lines(crowding: Crowding, width: int) -> Iterator[Line]:
    """What was counted, then the shares by root, folder and note."""
    yield from _summary(crowding)
    if not crowding.places:
        return
    bar = max(4, min(_BAR, width - _NAME - _FIGURES))
    name = max(_NAME, min(48, width - _FIGURES - bar))
    roots = root_beginnings(shown(each.name) for each in crowding.roots)
    for heading, shares in (
        ("ROOT", crowding.roots),
        ("FOLDER", crowding.folders),
        ("NOTE", crowding.notes),
    ):
        if shares:
            yield []
            yield from _table(heading, shares, roots, name, bar, width)


def _summary(crowding: Crowding) -> Iterator[Line]:
    pins, recalls = (figures.counted(crowding.lists, noun) for noun in ("pin", "recall"))
    only = f", only {shown(' '.join(crowding.filters))}" if crowding.filters else ""
    lists = {
        CrowdingSource.QUERY: f"the top {crowding.k} of the query{only}",
        CrowdingSource.PINS: f"the top {crowding.k} of {pins} with hits",
        CrowdingSource.LOG: f"what agents got in {recalls} with hits",
    }[crowding.source]
    facts = f"{lists}: {figures.counted(crowding.places, 'place')}"
    yield [Part(f" {facts}", "strong")]
    if crowding.near_duplicates:
        share = figures.percent(crowding.near_duplicate_share)
        text = f" {figures.counted(crowding.near_duplicates, 'place')} ({share}) held by "
        yield [Part(f"{text}near-duplicates of a better hit", "warn")]
    if crowding.gone:
        yield [Part(f" {figures.counted(crowding.gone, 'hit')} of notes that are gone", "dim")]


def _table(
    heading: str,
    shares: Sequence[PlaceShare],
    roots: Mapping[str, str],
    name: int,
    bar: int,
    width: int,
) -> Iterator[Line]:
    head = f" {heading}".ljust(name + 2) + "places".rjust(bar + 11) + "of the chunks".rjust(15)
    yield fit([Part(head, "dim")], width)
    for each in shares[:_SHOWN]:
        full = round(each.share * bar)
        yield fit(
            [
                *fit([Part(f" {_name(each, name, roots)}", "title")], name + 2),
                Part("━" * full, "accent"),
                Part("─" * (bar - full), "dim"),
                Part(f"{figures.number(each.places):>5}{figures.percent(each.share):>6}"),
                Part(f"{_small_percent(each.chunk_share):>15}", "dim"),
            ],
            width,
        )
    if more := len(shares) - _SHOWN:
        if more > 0:
            yield [Part(f" and {figures.number(more)} more", "dim")]


def _name(share: PlaceShare, width: int, roots: Mapping[str, str]) -> str:
    """The name in at most `width` cells; of a long path, the root and the end stay."""
    path = shown(share.name)
    if path.endswith("/"):
        return f"{clip_path(path[:-1], width - 1, roots)}/"
    return clip_path(path, width, roots) or "(top)"


def _small_percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else figures.percent(share)
