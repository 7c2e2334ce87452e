"""Cutting blocks to a window, and packing what fits into as few runs as it takes.

Costs are word pieces. They are counted once for each block (line, sentence …) and added up, which
is exact for word pieces, since they never reach over white space; the caller checks each run all
the same. Packing goes from the top, fills every run (smaller ones measured worse) and never looks
back, so that an edit moves no text between the runs above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from membrowse.notes.blocks import HEADING, WHOLE, Block
from membrowse.notes.spans import Lines, Span, sentences

CHARACTERS_A_PIECE = 8
"""A tokenizer may take any long word for one piece; it counts as one for each 8 characters."""
LIKELY_CHARACTERS_A_PIECE = 5
"""Text that is longer than this allows is not counted whole in the hope that it fits."""
_BLANKS_A_CHARACTER = 4
_CHARACTERS_GUESSED = 4
_ENDLESS = 200
"""Characters for each piece of the limit; longer text is cut without counting its parts first."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Text that is not cut any further."""

    start: int
    end: int
    cost: int
    binds: bool = False
    """A heading: it stays with what follows."""
    checked: bool = False
    """It was counted together with the header and needs no other look."""


class Measure:
    """What text costs: word pieces, or more where these do not bound its length."""

    def __init__(self, text: str, count: Callable[[str], int]) -> None:
        self._text = text
        self._count = count
        self._known: dict[str, int] = {}

    def bounded(self, span: Span, budget: int) -> bool:
        """Whether `span` is short enough for `budget` pieces, whatever its pieces are."""
        start, end = span
        if end - start > budget * CHARACTERS_A_PIECE * _BLANKS_A_CHARACTER:
            return False
        return _length_cost(self._text[start:end]) <= budget

    def within(self, span: Span, budget: int) -> int | None:
        """The cost of `span` if it is at most `budget`, else None."""
        if not self.bounded(span, budget):
            return None
        text = self._text[slice(*span)].strip()
        cost = self._known.get(text)
        if cost is None:
            cost = self._known[text] = self._count(text)
        cost = max(cost, _length_cost(self._text[slice(*span)]))
        return cost if cost <= budget else None

    def tried(self, span: Span, header: str) -> Unit:
        """`span` as a unit, counted together with `header`, whatever it costs."""
        start, end = span
        text = self._text[start:end].strip()
        cost = self._count(encoded(header, text)) - self._header_cost(header)
        return Unit(start, end, max(cost, _length_cost(self._text[start:end])), checked=True)

    def _header_cost(self, header: str) -> int:
        if header not in self._known:
            self._known[header] = self._count(header)
        return self._known[header]


def encoded(header: str, text: str) -> str:
    """What the encoder is given for a chunk."""
    return f"{header}\n{text}" if header else text


def _length_cost(text: str) -> int:
    characters = sum(map(len, text.split()))
    blanks = len(text) - characters
    whole = CHARACTERS_A_PIECE * _BLANKS_A_CHARACTER
    return -(-(characters * _BLANKS_A_CHARACTER + blanks) // whole)


class Cutter:
    """Cuts blocks of one text into units of at most `budget` pieces."""

    def __init__(self, lines: Lines, measure: Measure, budget: int, header: str) -> None:
        self._lines = lines
        self._measure = measure
        self._budget = budget
        self._header = header

    def units(self, blocks: Sequence[Block]) -> Iterator[Unit]:
        """The units of a section: its headings, then its other blocks.

        The first block after the headings is cut to fit beside them, so that they do not stand
        alone, unless it is code or a table.
        """
        room = self._budget
        for block in blocks:
            whole = block.kind in WHOLE
            for unit in self._of_block(block, self._budget if whole else room):
                yield unit
                room = max(room - unit.cost, self._budget // 2) if unit.binds else self._budget

    def _of_block(self, block: Block, limit: int) -> Iterator[Unit]:
        span = self._lines.start(block.first), self._lines.start(block.last)
        likely = span[1] - span[0] <= limit * LIKELY_CHARACTERS_A_PIECE
        cost = self._measure.within(span, limit) if likely or not block.children else None
        if cost is not None:
            yield Unit(*span, cost, block.kind == HEADING)
        elif block.children:
            for child in block.children:
                yield from self._of_block(child, limit)
        else:
            yield from self.cut(span, limit)

    def cut(self, span: Span, limit: int) -> Iterator[Unit]:
        """Units of at most `limit` pieces: lines, else sentences, else words, else characters."""
        if span[1] - span[0] > limit * _ENDLESS:
            yield from self._filled(span, limit)
            return
        for line in self._lines.within(span):
            cost = self._measure.within(line, limit)
            if cost is not None:
                yield Unit(*line, cost)
                continue
            for sentence in sentences(self._lines.text, line):
                cost = self._measure.within(sentence, limit)
                if cost is not None:
                    yield Unit(*sentence, cost)
                else:
                    yield from self._sliced(sentence, limit)

    def _filled(self, span: Span, limit: int) -> Iterator[Unit]:
        """Units as long as the limit allows, each found in a try or two: for very long text."""
        start, end = span
        size = limit * _CHARACTERS_GUESSED
        while start < end:
            stop = self._good_end(start, min(end, start + size), end)
            unit = self._measure.tried((start, stop), self._header)
            while unit.cost > limit and stop - start > 1:
                size = max(1, (stop - start) * limit * 15 // (unit.cost * 16))
                stop = self._good_end(start, start + size, end)
                unit = self._measure.tried((start, stop), self._header)
            yield unit
            size = (stop - start) * limit * 31 // (max(1, unit.cost) * 32) + 1
            size = min(size, limit * CHARACTERS_A_PIECE)
            start = stop

    def _good_end(self, start: int, stop: int, end: int) -> int:
        """The last end of a line, else sentence, else word in the second half up to `stop`."""
        if stop >= end:
            return end
        half = start + (stop - start) // 2
        for parts in (self._lines.within((half, stop)), sentences(self._lines.text, (half, stop))):
            last = max((part[0] for part in parts), default=half)
            if last > half:
                return last
        return self._word_end(start, stop, end)

    def _sliced(self, span: Span, limit: int) -> Iterator[Unit]:
        """Slices of a sentence without end, between words where there is white space."""
        start, end = span
        size = limit * _CHARACTERS_GUESSED
        while start < end:
            stop = self._word_end(start, min(end, start + size), end)
            cost = self._measure.within((start, stop), limit)
            while cost is None and stop - start > 1:
                size = (stop - start) * 3 // 4
                stop = self._word_end(start, start + size, end)
                cost = self._measure.within((start, stop), limit)
            yield Unit(start, stop, limit if cost is None else cost)
            start = stop
            size = min(size * 9 // 8 + 1, limit * CHARACTERS_A_PIECE)

    def _word_end(self, start: int, stop: int, end: int) -> int:
        """`stop`, or the end of the last word before it should it lie within a word."""
        text = self._lines.text
        if stop == end or text[stop].isspace() or text[stop - 1].isspace():
            return stop
        before = text[start:stop].rsplit(None, 1)
        return start + len(before[0]) if len(before) == 2 else stop


def packed(units: Iterable[Unit], budget: int) -> list[list[Unit]]:
    """Runs of consecutive units that cost at most `budget` together."""
    runs: list[list[Unit]] = []
    run: list[Unit] = []
    cost = 0
    for unit in units:
        if run and cost + unit.cost > budget:
            runs.append(run)
            run, cost = [], 0
        run.append(unit)
        cost += unit.cost
    if run:
        runs.append(run)
    return runs
