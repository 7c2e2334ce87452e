"""Whether a result may still change by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from membrowse.engine.indexing.indexer_state import IndexerState
from membrowse.engine.querying.provisional import provisional, still_to_read
from membrowse.index.generation import Generation
from membrowse.wire.engine import Pending
from membrowse.wire.search import RankingState
from tests.ranking import sample_notes

READY, LOADING, FAILED = RankingState.READY, RankingState.LOADING, RankingState.FAILED


@pytest.fixture
def unencoded(tmp_path: Path) -> Iterator[Generation]:
    index = sample_notes.opened(tmp_path / "index")
    yield index.apply(sample_notes.NOTES)
    index.close()


def test_during_the_first_pass_it_says_what_is_left(unencoded: Generation) -> None:
    reading = IndexerState(pending=Pending(new=3, changed=1, deleted=5))
    assert provisional(reading, unencoded, READY, 0) == "4 notes still to read"
    assert still_to_read(reading) == "4 notes still to read"
    assert still_to_read(IndexerState(pending=Pending(new=1))) == "1 note still to read"
    assert still_to_read(IndexerState()) == "the notes are still being read"
    assert still_to_read(IndexerState(pending=Pending(new=3), reading=False)) == ""


def test_afterwards_it_says_what_has_no_vector_yet(unencoded: Generation) -> None:
    state, count = IndexerState(reading=False), len(unencoded.chunks)
    assert provisional(state, unencoded, READY, 0) == f"{count} of {count} chunks still to encode"
    assert provisional(state, unencoded, LOADING, 0) == "the model is still loading"
    assert provisional(state, unencoded, READY, 1) == f"1 of {count} chunks still to store"


def test_an_encoder_that_failed_is_not_waited_for(unencoded: Generation) -> None:
    assert provisional(IndexerState(reading=False), unencoded, FAILED, 0) == ""
