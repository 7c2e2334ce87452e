"""Whether the local encoder made the vectors of a store."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from membrowse.encoding.pooling import normalise_rows
from membrowse.engine.foreign_store.store_encoder import (
    StoreEncoder,
    VectorMatch,
    incomparability,
)
from membrowse.index.index import Index
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.settings import Settings, VectorSettings
from membrowse.stores.address import parse_address
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, RankingState
from tests.index.factories import BUDGET, RECIPE, change
from tests.standin.encoder import DIMENSION, stub_encoder

SHORT = [f"Record {number} is about port {number * 37}." for number in range(8)]
LONG = [f"{text} It goes on, and on, for long. " * 40 for text in SHORT[:4]]


@contextmanager
def indexed(
    directory: Path,
    texts: Collection[str],
    *,
    others: Collection[str] = (),
    unencoded: bool = False,
    dimension: int = DIMENSION,
) -> Iterator[Index]:
    """An index with the stub encoder's vectors of `texts`, but somebody else's of `others`."""
    numbers = np.random.default_rng(1)
    with closing(Index(directory, RECIPE, token_budget=BUDGET, dimension=dimension)) as index:
        index.apply([change("records.md", *texts)])
        foreign = {each.key for each in index.unencoded() if each.text in others}
        encoded = [
            replace(
                each,
                vector=normalise_rows(numbers.standard_normal(dimension).astype(np.float32)),
                passages=each.passages[:0, :dimension],
            )
            if each.key in foreign
            else each
            for each in stub_encoder().encode(index.unencoded())
        ]
        if not unencoded:
            index.add_vectors(encoded, "float32")
        yield index


def reason_for(
    directory: Path,
    texts: Collection[str],
    *,
    model: str = "",
    said: bool = False,
    **options: Any,
) -> str:
    """Why the vectors of an index, which has `options`, are not the stub encoder's."""
    with indexed(directory, texts, **options) as index:
        return incomparability(
            index.generation,
            stub_encoder(),
            name="ours",
            model=model,
            said=said,
            address=parse_address("chroma:/tmp/a b#notes"),
        )


@pytest.mark.parametrize(
    ("texts", "others"),
    [
        pytest.param(SHORT, (), id="all of them"),
        pytest.param(SHORT, SHORT[:3], id="some were written since"),
        pytest.param([*SHORT[:2], *LONG], LONG, id="long texts were cut in another way"),
        pytest.param(LONG, (), id="long texts alone"),
    ],
)
def test_an_encoder_that_made_the_vectors_encodes_queries(
    tmp_path: Path, texts: list[str], others: list[str]
) -> None:
    assert reason_for(tmp_path / "index", texts, others=others) == ""


@pytest.mark.parametrize(
    ("others", "model", "message"),
    [
        (SHORT, "", "its vectors are not ours's: records that are encoded again have a cosine of"),
        (SHORT[:5], "", "its vectors are not ours's"),
        (SHORT, "theirs", "the store names theirs, but its vectors are not ours's"),
    ],
)
def test_another_encoder_s_vectors_are_not_compared_unless_the_person_says_so(
    tmp_path: Path, others: list[str], model: str, message: str
) -> None:
    reason = reason_for(tmp_path / "index", SHORT, others=others, model=model)
    assert reason.startswith(message)
    assert reason.endswith(
        "; `membrowse open --encoder MODEL 'chroma:/tmp/a b#notes'` names the local model that "
        "made them"
    )
    assert reason_for(tmp_path / "said", SHORT, others=others, model=model, said=True) == ""


def test_vectors_of_another_dimension_are_never_compared(tmp_path: Path) -> None:
    for said, model, made in (
        (False, "", "a model that the store does not name"),
        (True, "big", "big"),
    ):
        directory = tmp_path / f"said {said}"
        reason = reason_for(directory, SHORT, others=SHORT, dimension=12, model=model, said=said)
        assert reason.startswith(
            f"its vectors (12 dimensions) were made by {made}, not by ours ({DIMENSION}); "
            "`membrowse open --encoder MODEL"
        )


def test_records_without_vectors_are_not_compared(tmp_path: Path) -> None:
    reason = reason_for(tmp_path / "index", SHORT, unencoded=True, said=True)
    assert reason == "no record of the store has a vector"


def test_records_without_vectors_are_reranked_by_their_text(tmp_path: Path) -> None:
    settings = Settings(vector=VectorSettings(passage_weight=0.0))  # as for every store
    encoder, ranker = StoreEncoder(stub_encoder(), VectorMatch("no vector")), Ranker(settings)
    with indexed(tmp_path / "index", SHORT, unencoded=True) as index:
        query = ranker.prepare(index.generation, "port 111", "literal")
        ranker.keyword(query)
        ranker.vector(query, encoder)
        ranker.fuse(query)
        ranker.rerank(query, index.tokens, encoder)
    reranked = query.rankings[RERANKED]
    assert (reranked.state, reranked.message, reranked.order[0]) == (RankingState.READY, "", 3)
    assert reranked.blend is not None and reranked.blend.scored.all()


def test_vectors_of_another_dimension_leave_every_ranking_but_that_by_words(tmp_path: Path) -> None:
    match = VectorMatch("its vectors are another's")
    settings = Settings(vector=VectorSettings(passage_weight=0.0))  # as for every store
    encoder, ranker = StoreEncoder(stub_encoder(), match), Ranker(settings)
    with indexed(tmp_path / "index", SHORT, others=SHORT, dimension=12) as index:

        def ranked(text: str) -> RankedQuery:
            query = ranker.prepare(index.generation, text, "operators")
            ranker.keyword(query)
            ranker.vector(query, encoder)
            ranker.fuse(query)
            ranker.rerank(query, index.tokens, encoder)
            return query

        by_words, by_record = ranked("port 111"), ranked("like:records.md:1")
    off = by_words.rankings[VECTOR]
    assert (off.state, off.message, len(off.order)) == (RankingState.OFF, match.incomparable, 0)
    fused, reranked = by_words.rankings[FUSED], by_words.rankings[RERANKED]
    assert (fused.state, fused.message) == (
        RankingState.OFF,
        f"keyword only: {match.incomparable}",
    )
    assert (reranked.state, len(reranked.order)) == (RankingState.READY, len(SHORT))
    assert {by_words.rankings[name].order[0] for name in (KEYWORD, FUSED, RERANKED)} == {3}
    like = by_record.rankings[VECTOR]
    assert (like.state, like.order[0], len(like.order)) == (RankingState.READY, 0, len(SHORT))
