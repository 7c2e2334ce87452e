"""The contributions of thousands of query–chunk pairs, compared with Whoosh's own searcher."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.explanation.keyword import explain_keyword
from membrowse.ranking.ranker import Ranker
from membrowse.settings import KeywordSettings, Settings
from membrowse.wire.search import KEYWORD
from tests.index import factories
from tests.ranking.test_keyword import whoosh_scores

NOTES, CHUNKS, QUERIES = 40, 4, 16
TINY = 1e-9
WORDS = (
    "port staging ssh deploy deployed release user_name getUserName tools/run.sh v2.1.0 "
    "the of which 备份 团队 naïve k8s 2222 night tea milk server restore backup channel friday"
).split()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Notes of random words, some edited and removed, so that segments contain deleted chunks."""
    draw = random.Random(7)
    index = factories.opened(tmp_path_factory.mktemp("many") / "index")

    def note(number: int) -> NoteChange:
        texts = (" ".join(draw.choices(WORDS, k=draw.randint(1, 60))) for _ in range(CHUNKS))
        headings = tuple(draw.choices(WORDS, k=2))
        title = " ".join(draw.choices(WORDS, k=3))
        return factories.change(
            f"{draw.choice(WORDS).replace('/', '-')}/{number}.md",
            *texts,
            title=title,
            headings=headings,
            tags=tuple(draw.choices(WORDS, k=1)),
            date_source="file name",
        )

    first = [note(number) for number in range(NOTES)]
    index.apply(first)
    index.apply([factories.removal(change.path) for change in first[:8]])
    index.apply([note(number) for number in range(NOTES, NOTES + 8)])
    yield index
    index.close()


def test_contributions_equal_whooshs_scores_and_sum_to_ours(many: Index) -> None:
    draw = random.Random(11)
    generation: Generation = many.generation
    pairs = 0
    for number in range(QUERIES):
        weights = {"body": draw.random(), "title": draw.random() * 2}
        settings = KeywordSettings(
            k1=draw.random() * 2,
            b=draw.random(),
            weights=msgspec.structs.replace(KeywordSettings().weights, **weights),
        )
        text = " ".join(draw.choices(WORDS, k=1 + number % 6))
        ranker = Ranker(Settings(keyword=settings))
        ranked_query = ranker.prepare(generation, text, "literal")
        ranker.keyword(ranked_query)
        expected = whoosh_scores(many, ranked_query.parsed.terms.terms, settings)
        shown = ranked_query.rankings[KEYWORD].scores.tolist()
        for row, score in enumerate(expected):
            found = explain_keyword(ranked_query, row, settings)
            contributions = [m.contribution for t in found.terms for m in t.matches]
            assert abs(sum(contributions) - score) < TINY
            assert abs(found.score - shown[row]) < TINY
            assert abs(sum(term.contribution for term in found.terms) - found.score) < TINY
            pairs += 1
    assert pairs >= 2500
