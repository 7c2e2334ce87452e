"""Which chunk follows on one that is gone."""

from __future__ import annotations

from membrowse.notes.chunk import Chunk
from membrowse.notes.chunk_lineage import successors
from membrowse.notes.chunker import chunks
from tests.notes.conftest import Count, note

LONG = "Some words that fill a part of the window, one after the other. " * 4


def section(*texts: str) -> str:
    return "".join(f"## Part {number}\n\n{text}\n\n" for number, text in enumerate(texts))


def cut(count: Count, text: str, path: str = "a.md") -> list[Chunk]:
    return chunks(note(text, path), count, 96)


def pairs(old: list[Chunk], new: list[Chunk]) -> list[tuple[str, str]]:
    """(text, successor's text) for every chunk that is gone."""
    texts = {chunk.id: chunk.text for chunk in [*old, *new]}
    return [(texts[gone], texts[come]) for gone, come in successors(old, new).items()]


def test_nothing_changed_names_nothing(count: Count) -> None:
    made = cut(count, section("one", "two"))
    assert successors(made, made) == {}


def test_an_edited_chunk_is_followed_by_its_new_text(count: Count) -> None:
    old, new = cut(count, section("one", "two")), cut(count, section("one", "deux"))
    assert pairs(old, new) == [("## Part 1\n\ntwo", "## Part 1\n\ndeux")]


def test_a_moved_note_is_followed_text_for_text(count: Count) -> None:
    old, new = (
        cut(count, section("one", "two"), "a.md"),
        cut(count, section("one", "two"), "b/c.md"),
    )
    assert [gone == come for gone, come in pairs(old, new)] == [True, True]


def test_the_nearest_under_the_same_headings_follows(count: Count) -> None:
    old = cut(count, "## Log\n\n" + "\n\n".join(f"{n}. {LONG}" for n in range(5)))
    edited = [f"{n}. {LONG}" for n in range(5)]
    edited[1] = f"edited {LONG}"
    edited[3] = f"changed {LONG}"
    new = cut(count, "## Log\n\n" + "\n\n".join(edited))
    assert [(gone[0], come.split()[0]) for gone, come in pairs(old, new)] == [
        ("1", "edited"),
        ("3", "changed"),
    ]


def test_a_renamed_heading_is_followed_by_lines(count: Count) -> None:
    old = cut(count, section("one", "two", "three"))
    new = cut(count, section("one", "two", "three").replace("Part 1", "Chapter 1"))
    assert pairs(old, new) == [("## Part 1\n\ntwo", "## Chapter 1\n\ntwo")]


def test_equal_chunks_are_followed_one_by_one(count: Count) -> None:
    old = cut(count, "## Same\n\nwords\n\n" * 3, "a.md")
    new = cut(count, "## Same\n\nwords\n\n" * 3, "b.md")
    assert list(successors(old, new).values()) == [chunk.id for chunk in new]


def test_a_deleted_note_has_no_successor(count: Count) -> None:
    old = [*cut(count, section("one"), "a.md"), *cut(count, section("two"), "b.md")]
    new = cut(count, section("three"), "b.md")
    assert pairs(old, new) == [("## Part 0\n\ntwo", "## Part 0\n\nthree")]


def test_five_thousand_chunks_are_followed_in_no_time(count: Count) -> None:
    old = cut(count, "".join(f"## Same\n\nold {number}\n\n" for number in range(5_000)))
    new = cut(count, "".join(f"## Same\n\nnew {number}\n\n" for number in range(5_000)))
    found = successors(old, new)
    assert list(found.values()) == [chunk.id for chunk in new]
