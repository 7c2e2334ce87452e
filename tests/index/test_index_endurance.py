"""Hundreds of edits: files, threads and disk stay bounded, and readers are never disturbed."""

from __future__ import annotations

import gc
import os
import threading
from contextlib import closing
from pathlib import Path

from membrowse.index.generation import EmbeddedGeneration
from membrowse.index.index import Index
from membrowse.index.journal import Retention
from tests.index.edit_history import indexed_state, state_of, step
from tests.index.factories import RECIPE, change
from tests.index.store_agreement import assert_stores_agree


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (only counts)


def mapped_files(directory: Path) -> int:
    return Path("/proc/self/maps").read_text().count(str(directory / "keyword"))


def test_hundreds_of_edits_leak_nothing(index: Index, directory: Path) -> None:
    def edit(n: int) -> None:
        index.apply([change(f"n{n % 5}.md", f"text {n}", f"more {n}")])

    for n in range(100):
        edit(n)
    gc.collect()
    files, threads = open_files(), threading.active_count()
    for n in range(100, 350):
        edit(n)
    gc.collect()
    assert open_files() <= files + 12
    assert mapped_files(directory) <= 24
    assert threading.active_count() <= threads
    assert len(list((directory / "keyword").iterdir())) <= 30
    assert index.generation.number == 350


def test_a_segment_is_closed_when_no_generation_needs_it(index: Index, directory: Path) -> None:
    index.apply([change("a.md", "one")])
    kept: list[EmbeddedGeneration] = [index.generation]
    index.apply([change("a.md", "two")])
    assert mapped_files(directory) == 2
    assert kept[0].keyword.postings("body", "one")[0].tolist() == [0]
    kept.clear()
    gc.collect()
    assert mapped_files(directory) == 1


def test_readers_see_whole_generations_during_writes(index: Index) -> None:
    wrong: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            generation = index.generation
            rows, _ = generation.keyword.postings("body", "fox")
            expected = [n for n, part in enumerate(generation.chunks) if "fox" in part.text]
            if rows.tolist() != expected:
                wrong.append(f"postings of generation {generation.number}")
            if len(generation.vectors.entries) != len(generation.chunks):
                wrong.append(f"vectors of generation {generation.number}")
            if len(generation.keyword.lengths("body")) != len(generation.chunks):
                wrong.append(f"lengths of generation {generation.number}")
            index.successor("unknown")

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(60):
            step(index)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert indexed_state(index) == state_of(index.generation.number)
    assert_stores_agree(index)


def test_chroma_may_open_while_changes_are_applied(index: Index) -> None:
    for _ in range(10):
        step(index)
    opening = threading.Thread(target=index.open_chroma)
    opening.start()
    while opening.is_alive():
        step(index)
    opening.join()
    assert_stores_agree(index)


def test_the_journal_is_bounded(directory: Path) -> None:
    def opened(retention: Retention) -> Index:
        return Index(directory, RECIPE, token_budget=0, dimension=4, retention=retention)

    with closing(opened(Retention(generations=10))) as index:
        for n in range(30):
            index.apply([change("a.md", f"text {n}")])
        assert [entry.generation for entry in index.journal()] == list(range(21, 31))
    with closing(opened(Retention(bytes=5000))) as index:
        for n in range(30, 36):
            index.apply([change("a.md", f"text {n} " * 100)])
        assert [entry.generation for entry in index.journal()][-1] == 36
        assert sum(len(part.text) for entry in index.journal() for part in entry.removed) < 5000
    with closing(opened(Retention(days=0))) as index:
        index.trim_history()
        assert index.journal() == []
        index.apply([change("a.md", "another text")])
        assert index.journal() == []
