"""What people type finds the right note first, by keyword and reranked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.wire.search import KEYWORD, RERANKED
from tests.ranking import sample_notes
from tests.ranking.typed_and_found import NOTES, PAIRS

TODAY = date(2026, 11, 24)
"""A Tuesday."""


@pytest.fixture(scope="module")
def ranked(
    tmp_path_factory: pytest.TempPathFactory, encoder: ResidentEncoder
) -> Iterator[sample_notes.RankQuery]:
    notes = sample_notes.written(tmp_path_factory.mktemp("typed"), NOTES, encoder, TODAY)
    yield notes
    notes.index.close()


def test_the_table_is_large() -> None:
    assert len(PAIRS) >= 150
    assert len({typed for typed, _ in PAIRS}) == len(PAIRS)


@pytest.mark.parametrize(("typed", "path"), PAIRS)
def test_the_note_is_first(ranked: sample_notes.RankQuery, typed: str, path: str) -> None:
    found = ranked(typed)
    first = {name: sample_notes.paths(found, name)[:1] for name in (KEYWORD, RERANKED)}
    assert first == {KEYWORD: [path], RERANKED: [path]}
