"""Split a note's markdown into blocks of lines.

markdown-it-py parses blocks only: its inline rules take 13 s for a megabyte of `[`, and nothing
here needs them. Lines that it drops (link definitions, blocks nested too deeply) become text
blocks, so every non-blank line of a note is in a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from membrowse.notes.note import Note, one_line
from membrowse.notes.text_segmentation import Lines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

HEADING, TEXT, FRONT_MATTER = "heading", "text", "front matter"
WHOLE = frozenset({"fence", "code_block", "table"})
"""Kinds of blocks that are kept whole rather than split to stay with the heading above them."""

_MAX_LINE_CHARACTERS = 1_000


@dataclass(slots=True)
class Block:
    """A markdown block with its nested blocks."""

    kind: str
    """markdown-it's name (`paragraph`, `heading`, `fence`, `table`, `bullet_list` …), `text` or
    `front matter`."""
    start: int
    """Number of its first line, from 0."""
    end: int
    """Number of the line after its last."""
    level: int = 0
    """For a heading: 1 to 6."""
    title: str = ""
    """For a heading: its text on one line."""
    children: list[Block] = field(default_factory=list)


def note_blocks(note: Note, lines: Lines) -> list[Block]:
    """Return the top-level blocks of `note`, in order.

    `lines` are the lines of `note.text`. The first one is the front matter if it is to be indexed,
    or invalid front matter, as text.
    """
    start = max(note.body_offset, note.invalid_end)
    first = lines.line_at(start) if start < len(note.text) else len(lines)
    head: list[Block] = []
    if note.invalid_end:
        head.append(Block(TEXT, 0, first))
    elif note.text_offset < note.body_offset:
        head.append(Block(FRONT_MATTER, lines.line_at(note.text_offset), first))
    return head + _parse(lines, first)


def _parse(lines: Lines, first: int) -> list[Block]:
    source = "\n".join(_line_prefix(lines, number) for number in range(first, len(lines)))
    root = Block("document", 0, len(lines) - first)
    _nest(root, _parser().parse(source))
    _fill_gaps(root, source.split("\n"))
    return _shift(root.children, first)


def _line_prefix(lines: Lines, number: int) -> str:
    """Return enough of a line to classify it: markdown-it is slow on long lines."""
    start, end = lines.line_span(number)
    if end - start <= _MAX_LINE_CHARACTERS:
        return lines.text[start:end].rstrip("\r\n")
    line = lines.text[start:end].rstrip()
    indent = len(line) - len(line.lstrip())
    return line[: max(_MAX_LINE_CHARACTERS, indent + 1)]


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # 40 ms; an unchanged folder parses nothing

    parser = MarkdownIt("commonmark").enable("table").disable("reference")
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    return parser


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """markdown-it's table rule without its dozen tokens per cell."""
    from markdown_it.rules_block import table as markdown_table

    if not markdown_table(state, start, end, True):
        return False
    if silent:
        return True
    terminators = state.md.block.ruler.getRules("blockquote")
    parent, state.parentType = state.parentType, "table"
    line = start + 2
    while line < end and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        if state.is_code_block(line) or any(rule(state, line, end, True) for rule in terminators):
            break
        line += 1
    state.parentType = parent
    token = state.push("table", "table", 0)
    token.map = [start, line]
    state.line = line
    return True


def _nest(root: Block, tokens: Sequence[Token]) -> None:
    open_blocks = [root]
    for token in tokens:
        if token.nesting < 0:
            open_blocks.pop()
        elif token.type == "inline":
            if open_blocks[-1].kind == HEADING:
                open_blocks[-1].title = one_line(token.content)
        else:
            parent = open_blocks[-1]
            first, last = token.map or (parent.start, parent.end)
            block = Block(token.type.removesuffix("_open"), first, last)
            if block.kind == HEADING:
                block.level = int(token.tag[1:])
            parent.children.append(block)
            if token.nesting > 0:
                open_blocks.append(block)


def _fill_gaps(block: Block, source: Sequence[str]) -> None:
    """Add text blocks for the non-blank lines that no child of `block` covers, recursively."""
    if not block.children:
        return
    complete: list[Block] = []
    position = block.start
    for child in block.children:
        child.start = max(child.start, position)
        child.end = min(child.end, block.end)
        if child.start >= child.end:
            continue
        complete += _uncovered(source, position, child.start)
        complete.append(child)
        position = child.end
        _fill_gaps(child, source)
    block.children = complete + _uncovered(source, position, block.end)


def _uncovered(source: Sequence[str], first: int, last: int) -> list[Block]:
    if any(line and not line.isspace() for line in source[first:last]):
        return [Block(TEXT, first, last)]
    return []


def _shift(blocks: list[Block], lines: int) -> list[Block]:
    for block in blocks:
        block.start += lines
        block.end += lines
        _shift(block.children, lines)
    return blocks
