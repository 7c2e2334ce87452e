"""The blocks of a markdown text, by lines.

markdown-it-py finds them, with its inline rules off (they take 13 s for a megabyte of `[`). What it
leaves out (link definitions, what is nested too deeply) becomes text blocks, so that the blocks of
a text hold all its lines that are not blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from membrowse.notes.note import one_line
from membrowse.notes.spans import Lines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

HEADING, TEXT = "heading", "text"
WHOLE = frozenset({"fence", "code_block", "table"})
"""Kinds of blocks that are not cut to make room for a heading above them."""

_LONGEST_LINE = 1_000


@dataclass(slots=True)
class Block:
    """A block and the blocks in it."""

    kind: str
    """markdown-it's name: `paragraph`, `heading`, `fence`, `table`, `bullet_list` …, or `text`."""
    first: int
    """Number of its first line, from 0."""
    last: int
    """Number of the line after it."""
    level: int = 0
    """Of a heading: 1 to 6."""
    title: str = ""
    """Of a heading: its text on one line."""
    children: list[Block] = field(default_factory=list)


def blocks(lines: Lines, first: int = 0) -> list[Block]:
    """The blocks of the lines from number `first`; together they hold every line not blank."""
    source = "\n".join(_beginning(lines, number) for number in range(first, len(lines)))
    root = Block("document", 0, len(lines) - first)
    _nest(root, _parser().parse(source))
    _complete(root, source.split("\n"))
    return _moved(root.children, first)


def _beginning(lines: Lines, number: int) -> str:
    """Enough of a line to tell what it is: markdown-it walks text by the character."""
    start, end = lines.span(number)
    if end - start <= _LONGEST_LINE:
        return lines.text[start:end].rstrip("\r\n")
    line = lines.text[start:end].rstrip()
    indent = len(line) - len(line.lstrip())
    return line[: max(_LONGEST_LINE, indent + 1)]


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # 40 ms that an unchanged folder is spared

    parser = MarkdownIt("commonmark").enable("table").disable("reference")
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    return parser


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """markdown-it's table rule, without a dozen tokens for each cell."""
    from markdown_it.rules_block import table as markdown_table

    if not markdown_table(state, start, end, True):
        return False
    if silent:
        return True
    enders = state.md.block.ruler.getRules("blockquote")
    parent, state.parentType = state.parentType, "table"
    line = start + 2
    while line < end and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        if state.is_code_block(line) or any(rule(state, line, end, True) for rule in enders):
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
            first, last = token.map or (parent.first, parent.last)
            block = Block(token.type.removesuffix("_open"), first, last)
            if block.kind == HEADING:
                block.level = int(token.tag[1:])
            parent.children.append(block)
            if token.nesting > 0:
                open_blocks.append(block)


def _complete(block: Block, source: Sequence[str]) -> None:
    """Make the children of `block` (and theirs) follow one another without leaving lines out."""
    if not block.children:
        return
    complete: list[Block] = []
    reached = block.first
    for child in block.children:
        child.first = max(child.first, reached)
        child.last = min(child.last, block.last)
        if child.first >= child.last:
            continue
        complete += _left_out(source, reached, child.first)
        complete.append(child)
        reached = child.last
        _complete(child, source)
    block.children = complete + _left_out(source, reached, block.last)


def _left_out(source: Sequence[str], first: int, last: int) -> list[Block]:
    if any(line and not line.isspace() for line in source[first:last]):
        return [Block(TEXT, first, last)]
    return []


def _moved(found: list[Block], lines: int) -> list[Block]:
    for block in found:
        block.first += lines
        block.last += lines
        _moved(block.children, lines)
    return found
