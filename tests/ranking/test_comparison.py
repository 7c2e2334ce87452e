"""Comparisons of two chunks: differences, verdict and near-duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from msgspec import structs

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.index import Index
from membrowse.index.vector_table import empty_vector_table
from membrowse.ranking.comparison import compare_chunks, score_differences, words_only_in
from membrowse.ranking.explanation.chunk_explanation import ExplanationSources, explain_chunk
from membrowse.ranking.explanation.token_matches import ChunkTokenizer
from membrowse.ranking.near_duplicates import near_duplicates
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import Settings
from membrowse.wire.comparison import Comparison
from membrowse.wire.explanation import Explanation
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR
from tests.index import factories
from tests.ranking import sample_notes
from tests.ranking.sample_notes import RankQuery

PORT = "Staging ssh listens on port {} behind the bastion; ask before you change it."
NOTES = (
    *sample_notes.NOTES,
    factories.change("decisions/ssh.md", PORT.format(2222), title="SSH"),
    factories.change("logs/2025-11-08.md", PORT.format(22), date_source="file name"),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, encoder: ResidentEncoder) -> Iterator[Index]:
    index = sample_notes.opened(tmp_path_factory.mktemp("comparing") / "index")
    index.apply(NOTES)
    index.add_vectors(encoder.encode(index.unencoded()), "float32")
    yield index
    index.close()


class Compare:
    def __init__(self, index: Index, encoder: ResidentEncoder) -> None:
        self.rank_query = RankQuery(index, encoder)
        self.tokenizer = ChunkTokenizer(encoder.pieces)
        self.index = index

    def explained(self, ranked_query: RankedQuery, row: int) -> Explanation:
        keys = ranked_query.generation.keys
        sources = ExplanationSources(
            Settings(),
            tokens_of=lambda row: self.index.tokens.get([keys[row]]).get(keys[row]),
            tokenizer=self.tokenizer,
        )
        return explain_chunk(ranked_query, row, sources, sample_notes.as_indexed(ranked_query, row))

    def __call__(self, text: str, left: str, right: str, syntax: str = "literal") -> Comparison:
        ranked_query = self.rank_query(text, syntax)
        rows = [ranked_query.generation.rows(path)[0] for path in (left, right)]
        one, other = (self.explained(ranked_query, row) for row in rows)
        return compare_chunks(ranked_query, one, other)


@pytest.fixture(scope="module")
def compare(index: Index, encoder: ResidentEncoder) -> Compare:
    return Compare(index, encoder)


PATHS = st.sampled_from([change.path for change in NOTES])
WORDS = st.sampled_from("staging port ssh deploy backup tea the which 2222 friday 备份".split())


@given(text=st.lists(WORDS, min_size=1, max_size=6).map(" ".join), left=PATHS, right=PATHS)
@effort(max_examples=30)
def test_differences_add_up_to_those_of_the_scores(
    compare: Compare, text: str, left: str, right: str
) -> None:
    found = compare(text, left, right)
    scores = {
        KEYWORD: (found.left.keyword.score, found.right.keyword.score),
        VECTOR: (found.left.vector.score or 0.0, found.right.vector.score or 0.0),
        FUSED: (found.left.fused.score, found.right.fused.score),
        RERANKED: (found.left.reranked.score or 0.0, found.right.reranked.score or 0.0),
    }
    by_ranking = {
        name: list(some) for name, some in groupby(found.differences, lambda each: each.ranking)
    }
    assert list(by_ranking) == [name for name in scores if name in by_ranking]
    for name, (one, other) in scores.items():
        differences = [each.difference for each in by_ranking.get(name, ())]
        sizes = [abs(difference) for difference in differences]
        assert sum(differences) == pytest.approx(one - other, abs=1e-5)
        assert sizes == sorted(sizes, key=lambda size: round(size, 6), reverse=True)


def test_what_differs_by_rounding_alone_is_in_the_order_of_the_query(compare: Compare) -> None:
    found = compare("which port does staging ssh use?", "decisions/ssh.md", "decisions/ssh.md")
    reranked = found.right.reranked
    noisy = structs.replace(
        reranked,
        tokens=tuple(
            structs.replace(token, contribution=token.contribution * (1.0 + number * 1e-12))
            for number, token in enumerate(reranked.tokens)
        ),
    )
    differences = score_differences(found.left, structs.replace(found.right, reranked=noisy))
    assert any(each.difference for each in differences)
    assert [each.what for each in differences] == [each.what for each in found.differences]


def test_the_verdict_names_the_higher_chunk_the_reason_and_a_duplicate(
    compare: Compare,
) -> None:
    found = compare("which port does staging ssh use?", "decisions/ssh.md", "runbooks/deploy.md")
    assert found.verdict.startswith("decisions/ssh.md:1 is #")
    assert " above runbooks/deploy.md:1, mainly by " in found.verdict
    assert found.verdict.endswith("logs/2025-11-08.md:1 is nearly the same as decisions/ssh.md:1.")
    assert found.verdict.count(". ") == 0


def test_words_of_only_one_text_are_listed_rarest_first(compare: Compare) -> None:
    found = compare("port", "decisions/ssh.md", "logs/2025-11-08.md")
    assert found.only_left == ("2222",)
    assert found.only_right == ("22",)
    assert "nearly the same (" in found.verdict
    frequency = {"zeta": 1, "common": 9, "get/user_name.py": 2, "备份": 3, "the": 9}
    words = words_only_in(
        "the Common get/user_name.py zeta 备份团队", "团队", lambda t: frequency.get(t, 5)
    )
    assert words == ("zeta", "get/user_name.py", "备份团", "Common")


def test_near_duplicates_are_found_with_and_without_vectors(index: Index) -> None:
    generation = index.generation
    row = generation.rows("runbooks/backup.md")[0]
    copy = generation.rows("logs/2026-03-01.md")[0]
    found = near_duplicates(generation, row)
    assert [(each.row, each.resemblance) for each in found] == [(copy, 1.0)]
    assert found[0].cosine == pytest.approx(1.0, abs=1e-6)
    bare = index.generation
    blind = empty_vector_table(len(bare.chunks), bare.vectors.dimension)
    without = replace(bare, vectors=blind)
    again = near_duplicates(without, row)
    assert [(each.row, each.resemblance, each.cosine) for each in again] == [(copy, 1.0, None)]


def test_a_chunk_compared_with_itself_is_recognised(compare: Compare) -> None:
    found = compare("port", "decisions/ssh.md", "decisions/ssh.md")
    assert found.verdict == "Both are the same chunk, decisions/ssh.md:1."
    assert all(each.difference == 0 for each in found.differences)
    assert [copy.of for copy in found.near_duplicates] == ["left"]


def test_a_filtered_chunk_has_no_rank_and_a_reason(compare: Compare) -> None:
    found = compare("port tag:ssh", "logs/2026-03-02.md", "decisions/ssh.md", "operators")
    assert "logs/2026-03-02.md:1 is #1 and decisions/ssh.md:1 is not ranked" in found.verdict
    assert "(its note does not pass tag:ssh)" in found.verdict


def test_the_pieces_of_a_word_are_joined(compare: Compare) -> None:
    found = compare(
        '"Staging" k8s restic-22', "decisions/ssh.md", "runbooks/deploy.md", "operators"
    )
    words = {each.what for each in found.differences if each.ranking == RERANKED}
    assert {"Staging", "k8s", "restic", "22"} <= words
