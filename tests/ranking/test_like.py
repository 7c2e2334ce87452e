"""More like this: the vector of a chunk in place of the words'."""

from __future__ import annotations

import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.like import chunk_at
from membrowse.ranking.query_parser import LITERAL, OPERATORS, parse_query
from membrowse.ranking.ranker import Ranker
from membrowse.settings import Settings
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, RankingState


def test_a_chunks_vector_ranks_all_others_without_an_encoder(generation: Generation) -> None:
    row = len(generation.chunks) // 2
    chunk = generation.chunks[row]
    ranker = Ranker(Settings())
    query = ranker.prepare(generation, f'like:"{chunk.path}:{chunk.start_line}"', OPERATORS)
    ranker.keyword(query)
    ranker.vector(query, None, RankingState.FAILED, "no encoder")
    ranker.fuse(query)
    vector = query.rankings[VECTOR]
    assert (vector.state, vector.order[0]) == (RankingState.READY, row)
    assert f"{chunk.path}:{chunk.start_line}" in vector.message
    assert query.rankings[KEYWORD].total == 0
    assert query.rankings[FUSED].order[0] == row


def test_its_words_still_rank_by_keyword_and_rerank(
    index: Index, generation: Generation, encoder: ResidentEncoder
) -> None:
    place = f"{generation.chunks[0].path}:{generation.chunks[0].start_line}"
    ranker = Ranker(Settings())
    query = ranker.prepare(generation, f"like:{place} port", OPERATORS)
    ranker.keyword(query)
    ranker.vector(query, encoder)
    ranker.fuse(query)
    ranker.rerank(query, index.tokens, encoder)
    assert query.parsed.words == "port"
    assert query.rankings[KEYWORD].total > 0
    assert query.rankings[VECTOR].order[0] == 0
    assert query.rankings[RERANKED].pool
    assert query.encoded is not None and len(query.encoded.tokens) == len(query.encoded.pieces)


@pytest.mark.parametrize("place", ["nowhere.md", "nowhere.md:3", ":", "9"])
def test_a_place_without_a_chunk_is_said(generation: Generation, place: str) -> None:
    ranker = Ranker(Settings())
    query = ranker.prepare(generation, f"like:{place}", OPERATORS)
    ranker.keyword(query)
    ranker.vector(query, None)
    vector = query.rankings[VECTOR]
    assert (vector.state, vector.total) == (RankingState.FAILED, 0)
    assert "no such chunk" in vector.message


def test_a_line_between_two_chunks_means_the_one_before(generation: Generation) -> None:
    path = max(generation.notes, key=lambda path: generation.notes[path].chunks)
    rows = generation.rows(path)
    for row in rows:
        chunk = generation.chunks[row]
        last = generation.chunks[row + 1].start_line - 1 if row + 1 in rows else 10**8
        assert chunk_at(generation, f"{path}:{max(chunk.start_line, last)}") == row
    assert chunk_at(generation, path) == rows[0]


def test_only_operators_read_it() -> None:
    assert parse_query("like:a.md:3 port", LITERAL).like == ""
    parsed = parse_query('like:"a b.md:3" port -like:x', OPERATORS)
    assert (parsed.like, parsed.words) == ("a b.md:3", "port -like:x")
