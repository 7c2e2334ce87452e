"""Copies that file synchronisation leaves beside a note."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from membrowse.notes.conflict_copies import copied_note


@dataclass(frozen=True)
class Sized:
    size: int


@pytest.mark.parametrize(
    "name",
    [
        "plan (Ida's conflicted copy 2026-11-18).md",
        "plan (conflicted copy 2026-11-18 123045).md",
        "plan (Ida's MacBook's conflicted copy 2026-11-18 (1)).md".replace(" (1)", ""),
        "plan (Case Conflict).md",
        "plan (In Konflikt stehende Kopie von Ida 2026-11-18).md",
        "plan (Copie en conflit de Ida 2026-11-18).md",
        "plan (SFConflict ida@example.org 2026-11-18-12-30-45).md",
        "plan.sync-conflict-20261118-123045-ABCDEFG.md",
        "plan_conflict-20261118-123045.md",
        "plan 2.md",
        "plan (1).md",
        "plan-DESKTOP-AB12CD3.md",
        "plan-LAPTOP-7GH2KQ.md",
        "plan copy.md",
        "plan - Copy.md",
        "Copy of plan.md",
    ],
)
def test_copies_are_recognised(name: str) -> None:
    notes = {"work/plan.md": Sized(1000), f"work/{name}": Sized(1040)}
    assert copied_note(f"work/{name}", notes) == "work/plan.md"


@pytest.mark.parametrize(
    ("name", "original", "size"),
    [
        ("plan.md", "plan.md", 1000),
        ("plan 2.md", "other.md", 1000),
        ("plan 2.md", "plan.md", 3000),
        ("2026-11-18.md", "2026-11.md", 1000),
        ("chapter 12.md", "chapter.md", 1000),
        ("plan-B.md", "plan.md", 1000),
        ("plan-API-2026.md", "plan.md", 5000),
        ("conflict of interest.md", "conflict.md", 1000),
        ("hard copy.md", "copy.md", 1000),
    ],
)
def test_other_notes_are_not(name: str, original: str, size: int) -> None:
    assert copied_note(name, {original: Sized(1000), name: Sized(size)}) == ""


def test_a_certain_copy_outlives_its_original() -> None:
    name = "plan (conflicted copy 2026-11-18).md"
    assert copied_note(name, {name: Sized(1)}) == "plan.md"
