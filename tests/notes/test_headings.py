"""The heading line above a chunk, and a word added to it."""

from __future__ import annotations

import time

import pytest

from membrowse.notes.chunker import chunk_note
from membrowse.notes.headings import HeadingLine, heading_above
from tests.notes.conftest import note

TEXT = """---
title: Hosts
---

Before any heading.

# Staging #

## Ports ##

Ssh on 2222.

Web
---

Caddy on 443.

> # quoted
> is no heading of ours

###
Under an empty one.
"""


def count(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_innermost_heading_above_each_chunk_is_found(end: str) -> None:
    read = note(TEXT.replace("\n", end))
    found = {}
    for chunk in chunk_note(read, count, 40):
        heading = heading_above(read, chunk)
        found[chunk.text.split()[-1]] = (heading.line, heading.text) if heading else None
        if heading is not None:
            assert read.text[heading.start : heading.end] == heading.text
            assert chunk.headings[-1] in heading.text or heading.text == "###"
    assert found == {
        "heading.": None,
        "2222.": (9, "## Ports ##"),
        "ours": (13, "Web"),
        "one.": (21, "###"),
    }


def test_an_added_word_becomes_part_of_the_heading() -> None:
    read = note(TEXT)
    for chunk in chunk_note(read, count, 40):
        heading = heading_above(read, chunk)
        if heading is None:
            continue
        after = heading.with_word("bastion")
        assert after in ("## Ports bastion ##", "Web bastion", "### bastion")
        edited = note(read.text[: heading.start] + after + read.text[heading.end :])
        again = [other for other in chunk_note(edited, count, 40) if "bastion" in other.text]
        assert [other.headings[-1].split()[-1] for other in again] == ["bastion"]


def test_every_chunk_of_a_long_section_has_its_heading() -> None:
    read = note("# Log\n\n" + "\n\n".join(f"entry {n} of a long day" for n in range(30)))
    parts = chunk_note(read, count, 40)
    assert len(parts) > 3
    assert {heading.line for chunk in parts if (heading := heading_above(read, chunk))} == {1}


@pytest.mark.parametrize("rest", [" ", "\t", " #", "#", " # "])
def test_a_heading_of_a_megabyte_takes_no_time(rest: str) -> None:
    line = f"# a{rest * (1_000_000 // len(rest))}b"
    began = time.process_time()
    assert note(line).title.startswith("a")
    assert HeadingLine(1, 0, len(line), line).with_word("word") == f"{line} word"
    assert time.process_time() - began < 1.0  # 50 ms on an idle machine
