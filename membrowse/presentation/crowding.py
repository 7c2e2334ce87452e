"""Who has the first places, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, clip_start, fit
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
    for heading, shares in (
        ("ROOT", crowding.roots),
        ("FOLDER", crowding.folders),
        ("NOTE", crowding.notes),
    ):
        if shares:
            yield []
            yield from _table(heading, shares, name, bar, width)


def _summary(crowding: Crowding) -> Iterator[Line]:
    lists = {
        CrowdingSource.QUERY: f"the top {crowding.k} of the query",
        CrowdingSource.PINS: f"the top {crowding.k} of {figures.counted(crowding.lists, 'pin')}",
        CrowdingSource.LOG: f"what agents got in {figures.counted(crowding.lists, 'recall')}",
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
    heading: str, shares: Sequence[PlaceShare], name: int, bar: int, width: int
) -> Iterator[Line]:
    head = f" {heading}".ljust(name + 2) + "places".rjust(bar + 11) + "of the chunks".rjust(15)
    yield fit([Part(head, "dim")], width)
    for each in shares[:_SHOWN]:
        full = round(each.share * bar)
        yield fit(
            [
                Part(f" {clip_start(shown(each.name) or '(top)', name)}".ljust(name + 2), "title"),
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


def _small_percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else figures.percent(share)
