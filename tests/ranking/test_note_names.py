"""A query that is the name of a note."""

from __future__ import annotations

import numpy as np
import pytest

from membrowse.ranking.note_names import name_bonuses


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("piano lessons", "Piano lessons.md"),
        ("Piano-Lessons", "music/piano_lessons.md"),
        ("2026-07-07", "logs/2026-07-07.md"),
        ("2026 07 07", "logs/2026-07-07.md"),
        ("adr 7 postgresql", "decisions/adr-0007-postgresql.md"),
        ("ssh hosts", "sshHosts.md"),
        ("cafe\u0301", "café.md"),
        ("日本語 メモ", "日本語_メモ.md"),
        ("cli hooks", "docs/cli/hooks.md"),
        ("docs/cli/hooks.md", "docs/cli/hooks.md"),
        ("memory/2026-11-07.md", "memory/2026-11-07.md"),
        ("hooks.md", "docs/cli/hooks.md"),
    ],
)
def test_a_query_names_a_note(query: str, path: str) -> None:
    assert name_bonuses(query, [path, "other.md"], np.array([0.1, 0.9]), 1.0).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("piano", "piano lessons.md"),
        ("when are the piano lessons?", "piano lessons.md"),
        ("lessons piano", "piano lessons.md"),
        ("?", "-.md"),
        ("", "piano.md"),
        ("cli", "docs/cli/hooks.md"),
        ("md", "docs/cli/hooks.md"),
        ("docs", "docs/-.md"),
        ("docs hooks", "docs/cli/hooks.md"),
        ("web cli hooks", "docs/cli/hooks.md"),
    ],
)
def test_other_queries_do_not(query: str, path: str) -> None:
    assert not name_bonuses(query, [path], np.array([0.5]), 1.0).any()


def test_only_the_best_chunk_of_each_named_note_gains() -> None:
    paths = ["a/plan.md", "b.md", "a/plan.md", "c/plan.md", "a/plan.md"]
    scores = np.array([0.2, 0.9, 0.4, 0.1, 0.4])
    assert name_bonuses("plan", paths, scores, 0.5).tolist() == [0, 0, 0.5, 0.5, 0]
