"""Chunks by row, and rows by content key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from membrowse.index.chunk_table import ChunkTable, ContentKeys, pack
from tests.index.factories import change

KEYS = [head.hex() + tail.hex() for head in (b"a" * 8, b"b" * 8) for tail in (b"x" * 8, b"y" * 8)]
"""Two begin alike, and so do the other two."""


def table(notes: list[list[str]]) -> ChunkTable:
    """A table of notes whose chunks have these content keys."""
    return ChunkTable(
        [
            pack(change(f"{number}.md", *("text" for _ in keys)).chunks, keys, "encoder")
            for number, keys in enumerate(notes)
        ]
    )


@given(
    st.lists(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3), max_size=4),
    st.sets(st.sampled_from(KEYS)),
)
def test_rows_are_found_by_their_whole_content_key(notes: list[list[str]], asked: set[str]) -> None:
    chunks = table(notes)
    expected = {row: key for row, key in enumerate(ContentKeys(chunks)) if key in asked}
    assert chunks.rows_with(asked) == expected
