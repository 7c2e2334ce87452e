"""The rank flow: curves of chunks from ranking to ranking, drawn in braille dots.

Each ranking is a column with one row per chunk, ordered by rank; chunks without a rank come last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, clip_path, fit, shortened
from membrowse.presentation.ranks import movement_part
from membrowse.presentation.target import SIGN
from membrowse.text import shown
from membrowse.wire.rank_flow import ChunkFlow, RankFlow
from membrowse.wire.search import FUSED, RERANKED

DRAWN = 5
"""The first chunks of the last ranking have curves; the others have numbers only."""
RANK = 5
"""Cells of a column of ranks."""

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character, by line and column of its dots."""


@dataclass(frozen=True)
class Plot:
    """The layout of a record for one width."""

    record: RankFlow
    gap: int
    """Cells between two columns."""
    label: int
    """Cells of the label beside the last column."""
    orders: tuple[tuple[int, ...], ...]
    """By ranking: the index of the flow in each row."""
    places: tuple[tuple[int, ...], ...]
    """By ranking: the row of each flow."""


def make_plot(record: RankFlow, width: int) -> Plot:
    """Divide `width` between gaps and label, and assign a row in every column to each chunk."""
    columns = len(record.rankings)
    gaps = max(1, columns - 1)
    room = width - columns * RANK
    gap = max(3, min(28, int(room * 0.55) // gaps))
    orders = tuple(_flow_order(record.flows, name) for name in record.rankings)
    places = tuple(_inverse_permutation(order) for order in orders)
    return Plot(record, gap, max(0, room - gap * (columns - 1) - 1), orders, places)


def _flow_order(flows: Sequence[ChunkFlow], ranking: str) -> tuple[int, ...]:
    def key(at: int) -> tuple[bool, int, int]:
        rank = flows[at].ranks.get(ranking)
        return rank is None, rank or 0, at

    return tuple(sorted(range(len(flows)), key=key))


def _inverse_permutation(order: Sequence[int]) -> tuple[int, ...]:
    places = [0] * len(order)
    for place, at in enumerate(order):
        places[at] = place
    return tuple(places)


def plot_head(plot: Plot) -> Line:
    """The names of the rankings over their columns."""
    line: Line = []
    for at, name in enumerate(plot.record.rankings):
        last = at == len(plot.record.rankings) - 1
        width = RANK + (0 if last else plot.gap)
        line += fit([Part(f" {shown(name)}", "strong")], width + (plot.label if last else 0))
    return line


def plot_rows(
    plot: Plot,
    stressed: int,
    target: int | None = None,
    roots: Mapping[str, str] | None = None,
) -> list[Line]:
    """One line per row; the flow of index `stressed` is bold, and that of `target` has a colour.

    Only these and the first flows have curves. `roots` are those of a collection, see `clip_path`.
    """
    columns = range(len(plot.record.rankings) - 1)
    canvases = [_curve_lines(plot, column, stressed, target) for column in columns]
    rows = []
    for place in range(len(plot.record.flows)):
        line: Line = []
        for column, order in enumerate(plot.orders):
            line.append(_rank_part(plot.record, column, order[place], stressed, target))
            if column < len(canvases):
                line += canvases[column][place]
        at = plot.orders[-1][place]
        style = "strong" if at == stressed else "accent" if at == target else "path"
        label = _label(plot.record.flows[at], plot.label, style, roots)
        rows.append([*line, Part(" "), *label])
    return rows


def _rank_part(record: RankFlow, column: int, at: int, stressed: int, target: int | None) -> Part:
    rank = record.flows[at].ranks.get(record.rankings[column])
    text = figures.NONE if rank is None else figures.number(rank)
    if at == stressed:
        return Part(f"●{text} ".rjust(RANK)[:RANK], "brand")
    if at == target:
        return Part(f"{SIGN}{text} ".rjust(RANK)[:RANK], "accent")
    within = rank is not None and rank <= record.depth
    return Part(f"{text} ".rjust(RANK)[:RANK], "rank" if within else "faint")


def _label(flow: ChunkFlow, width: int, style: str, roots: Mapping[str, str] | None) -> Line:
    """Ranks gained by reranking, path and heading."""
    gained = _ranks_gained(flow)
    moved = Part("") if gained is None else movement_part(gained)
    moved = moved._replace(text=moved.text.ljust(4))
    room = width - cells([moved])
    place = clip_path(shown(f"{flow.path}:{flow.start_line}"), room, roots)
    line: Line = [moved, Part(place, style)]
    if flow.heading and width - cells(line) >= 8:
        line += [Part("  "), Part(shown(flow.heading), "heading" if style == "strong" else "faint")]
    return fit(line, width)


def _ranks_gained(flow: ChunkFlow) -> int | None:
    """Ranks gained by reranking; negative: lost."""
    rank, fused = flow.ranks.get(RERANKED), flow.ranks.get(FUSED)
    return None if rank is None or fused is None else fused - rank


def _curve_lines(plot: Plot, column: int, stressed: int, target: int | None) -> list[Line]:
    """The curves between two columns, row by row."""
    size = len(plot.record.flows)
    layers = {style: [[0] * plot.gap for _ in range(size)] for style in ("brand", "accent", "dim")}
    drawn = {*plot.orders[-1][:DRAWN], stressed, *(() if target is None else (target,))}
    for at in sorted(drawn):
        start, end = plot.places[column][at], plot.places[column + 1][at]
        style = "brand" if at == stressed else "accent" if at == target else "dim"
        _draw(layers[style], start, end, plot.gap, thick=at == stressed)
    return [
        _curve_row({style: grid[place] for style, grid in layers.items()}) for place in range(size)
    ]


def _draw(grid: list[list[int]], start: int, end: int, gap: int, *, thick: bool) -> None:
    """A curve that starts and ends level: y = start + (end - start) · (3t² - 2t³)."""
    width = gap * 2
    before = _height(start)
    for x in range(width):
        t = x / (width - 1)
        y = _height(start + (end - start) * t * t * (3 - 2 * t))
        for dot in range(min(before, y), max(before, y) + 1):
            _dot(grid, x, dot)
            if thick:
                _dot(grid, x, dot + 1)
        before = y


def _height(place: float) -> int:
    return round(place * 4 + 1)


def _dot(grid: list[list[int]], x: int, y: int) -> None:
    row = y // 4
    if 0 <= row < len(grid):
        grid[row][x // 2] |= _DOTS[y % 4][x % 2]


def _curve_row(layers: Mapping[str, Sequence[int]]) -> Line:
    """One row of the curves; the first layer with dots in a cell hides the others."""
    line: Line = []
    for dots in zip(*layers.values(), strict=True):
        style, found = next(
            ((style, bits) for style, bits in zip(layers, dots, strict=True) if bits), ("", 0)
        )
        text = chr(0x2800 + found) if found else " "
        if line and line[-1].style == style:
            line[-1] = Part(line[-1].text + text, style)
        else:
            line.append(Part(text, style))
    return line


def story(record: RankFlow, at: int) -> Line:
    """The ranks of one chunk: `keyword #9 → vector #2 → …`."""
    ranks = record.flows[at].ranks
    line: Line = []
    for name in record.rankings:
        rank = ranks.get(name)
        if line:
            line.append(Part(" → ", "dim"))
        line += [Part(f"{shown(name)} ", "dim"), Part(figures.rank(rank))]
    return line


def movers(record: RankFlow, width: int, roots: Mapping[str, str] | None = None) -> Line:
    """The chunks that rise and fall most by reranking; empty if `width` is too small."""
    gained = [(gain, flow) for flow in record.flows if (gain := _ranks_gained(flow))]
    groups: list[Line] = []
    for word, gain, flow in (
        ("rises most ", *max(gained, key=lambda pair: pair[0], default=(0, None))),
        ("falls most ", *min(gained, key=lambda pair: pair[0], default=(0, None))),
    ):
        if flow is not None and (gain > 0) is (word == "rises most "):
            place = clip_path(shown(f"{flow.path}:{flow.start_line}"), 30, roots)
            groups.append([Part(word, "dim"), Part(f"{place} "), movement_part(gain)])
    line = shortened(groups, width) if groups else []
    return [*line, Part(" ")] if line and cells(line) <= width else []
