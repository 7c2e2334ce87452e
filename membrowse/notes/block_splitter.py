"""Split blocks into units that fit the window.

Costs are word pieces, counted once per block (line, sentence …) and added up. The sum is exact for
tokenizers whose word pieces never span white space; the caller checks each run of units anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from membrowse.notes.chunk import encoder_input
from membrowse.notes.markdown_blocks import HEADING, WHOLE, Block
from membrowse.notes.text_segmentation import Lines, Span, sentences

CHARACTERS_PER_PIECE = 8
"""A tokenizer may take any long word as one piece; every 8 characters count as at least one."""
LIKELY_CHARACTERS_PER_PIECE = 5
"""Text that is longer than this many characters per piece is split without counting it whole."""
_BLANKS_PER_CHARACTER = 4
_CHARACTERS_PER_PIECE_GUESS = 4
_ESTIMATED_FROM = 200
"""Characters per piece of the limit; longer text is split without counting its parts first."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Text that is not split any further."""

    start: int
    end: int
    cost: int
    is_heading: bool = False
    """It stays with the text that follows."""
    counted_with_header: bool = False
    """Its cost includes the header, so it needs no further check."""


class CostMeasure:
    """The cost of text: word pieces, or more for text that is long for its pieces."""

    def __init__(self, text: str, count: Callable[[str], int]) -> None:
        self._text = text
        self._count = count
        self._known: dict[str, int] = {}

    def length_fits(self, span: Span, budget: int) -> bool:
        """Whether `span` is short enough for `budget` pieces, whatever its pieces are."""
        start, end = span
        if end - start > budget * CHARACTERS_PER_PIECE * _BLANKS_PER_CHARACTER:
            return False
        return _length_cost(self._text[start:end]) <= budget

    def cost_within(self, span: Span, budget: int) -> int | None:
        """Return the cost of `span` if it is at most `budget`, else None."""
        if not self.length_fits(span, budget):
            return None
        text = self._text[slice(*span)].strip()
        cost = self._known.get(text)
        if cost is None:
            cost = self._known[text] = self._count(text)
        cost = max(cost, _length_cost(self._text[slice(*span)]))
        return cost if cost <= budget else None

    def measured_unit(self, span: Span, header: str) -> Unit:
        """Return `span` as a unit, counted together with `header`, whatever its cost."""
        start, end = span
        text = self._text[start:end].strip()
        cost = self._count(encoder_input(header, text)) - self._header_cost(header)
        return Unit(
            start, end, max(cost, _length_cost(self._text[start:end])), counted_with_header=True
        )

    def _header_cost(self, header: str) -> int:
        if header not in self._known:
            self._known[header] = self._count(header)
        return self._known[header]


def _length_cost(text: str) -> int:
    characters = sum(map(len, text.split()))
    blanks = len(text) - characters
    whole = CHARACTERS_PER_PIECE * _BLANKS_PER_CHARACTER
    return -(-(characters * _BLANKS_PER_CHARACTER + blanks) // whole)


class BlockSplitter:
    """Splits blocks of one text into units of at most `budget` pieces."""

    def __init__(self, lines: Lines, measure: CostMeasure, budget: int, header: str) -> None:
        self._lines = lines
        self._measure = measure
        self._budget = budget
        self._header = header

    def units(self, blocks: Sequence[Block]) -> Iterator[Unit]:
        """Yield the units of a section: its headings, then its other blocks.

        The first block after the headings is split to fit beside them, unless it is code or a
        table, so that headings do not stand alone.
        """
        room = self._budget
        for block in blocks:
            whole = block.kind in WHOLE
            for unit in self._of_block(block, self._budget if whole else room):
                yield unit
                room = max(room - unit.cost, self._budget // 2) if unit.is_heading else self._budget

    def _of_block(self, block: Block, limit: int) -> Iterator[Unit]:
        span = self._lines.start(block.start), self._lines.start(block.end)
        likely = span[1] - span[0] <= limit * LIKELY_CHARACTERS_PER_PIECE
        cost = self._measure.cost_within(span, limit) if likely or not block.children else None
        if cost is not None:
            yield Unit(*span, cost, block.kind == HEADING)
        elif block.children:
            for child in block.children:
                yield from self._of_block(child, limit)
        else:
            yield from self.split(span, limit)

    def split(self, span: Span, limit: int) -> Iterator[Unit]:
        """Yield units of at most `limit` pieces: lines, else sentences, words or characters."""
        if span[1] - span[0] > limit * _ESTIMATED_FROM:
            yield from self._split_by_estimate(span, limit)
            return
        for line in self._lines.lines_in(span):
            cost = self._measure.cost_within(line, limit)
            if cost is not None:
                yield Unit(*line, cost)
                continue
            for sentence in sentences(self._lines.text, line):
                cost = self._measure.cost_within(sentence, limit)
                if cost is not None:
                    yield Unit(*sentence, cost)
                else:
                    yield from self._split_sentence(sentence, limit)

    def _split_by_estimate(self, span: Span, limit: int) -> Iterator[Unit]:
        """Yield units close to the limit, each found in one or two tries: for very long text."""
        start, end = span
        size = limit * _CHARACTERS_PER_PIECE_GUESS
        while start < end:
            stop = self._break_before(start, min(end, start + size), end)
            unit = self._measure.measured_unit((start, stop), self._header)
            while unit.cost > limit and stop - start > 1:
                size = max(1, (stop - start) * limit * 15 // (unit.cost * 16))
                stop = self._break_before(start, start + size, end)
                unit = self._measure.measured_unit((start, stop), self._header)
            yield unit
            size = (stop - start) * limit * 31 // (max(1, unit.cost) * 32) + 1
            size = min(size, limit * CHARACTERS_PER_PIECE)
            start = stop

    def _break_before(self, start: int, stop: int, end: int) -> int:
        """Return the last line, sentence or word end in the second half before `stop`."""
        if stop >= end:
            return end
        half = start + (stop - start) // 2
        second_half = half, stop
        lines = self._lines.lines_in(second_half)
        for parts in (lines, sentences(self._lines.text, second_half)):
            last = max((part[0] for part in parts), default=half)
            if last > half:
                return last
        return self._word_break(start, stop, end)

    def _split_sentence(self, span: Span, limit: int) -> Iterator[Unit]:
        """Yield slices of a sentence that is too long, between words if it has white space."""
        start, end = span
        size = limit * _CHARACTERS_PER_PIECE_GUESS
        while start < end:
            stop = self._word_break(start, min(end, start + size), end)
            cost = self._measure.cost_within((start, stop), limit)
            while cost is None and stop - start > 1:
                size = (stop - start) * 3 // 4
                stop = self._word_break(start, start + size, end)
                cost = self._measure.cost_within((start, stop), limit)
            yield Unit(start, stop, limit if cost is None else cost)
            start = stop
            size = min(size * 9 // 8 + 1, limit * CHARACTERS_PER_PIECE)

    def _word_break(self, start: int, stop: int, end: int) -> int:
        """Return `stop`, or the end of the last whole word before it."""
        text = self._lines.text
        if stop == end or text[stop].isspace() or text[stop - 1].isspace():
            return stop
        before = text[start:stop].rsplit(None, 1)
        return start + len(before[0]) if len(before) == 2 else stop
