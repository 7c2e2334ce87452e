"""Our scores compared with Whoosh's own searcher, and constraints."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from whoosh.index import open_dir
from whoosh.query import Or
from whoosh.query import Term as WhooshTerm

from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.index.keyword_reader import FIELDS
from membrowse.ranking.keyword import Postings, satisfying_rows
from membrowse.ranking.query_parser import parse_query
from membrowse.settings import KeywordSettings
from tests.index import factories
from tests.index.live_bm25 import LiveBM25

QUERIES = ("staging port", "deploy on a friday", "backup restore tea", "备份 团队", "zzz")


def whoosh_scores(index: Index, terms: tuple[str, ...], settings: KeywordSettings) -> list[float]:
    """The score that Whoosh's searcher gives each row."""
    generation = index.generation
    weights: dict[str, float] = msgspec.structs.asdict(settings.weights)
    query = Or(
        [WhooshTerm(field, term, boost=weights[field]) for term in terms for field in FIELDS]
    )
    model = LiveBM25(generation.keyword, k1=settings.k1, b=settings.b)
    scores = [0.0] * len(generation.chunks)
    with (
        closing(open_dir(index.directory / "keyword")) as whoosh,
        whoosh.searcher(weighting=model) as searcher,
    ):
        ids = searcher.reader().column_reader("id")
        for hit in searcher.search(query, limit=None):
            scores[generation.row_of[ids[hit.docnum]]] = hit.score
    return scores


@pytest.mark.parametrize("text", QUERIES)
def test_scores_equal_those_of_whooshs_searcher(index: Index, text: str) -> None:
    settings = KeywordSettings()
    terms = parse_query(text).terms.terms
    scores, matched = Postings(index.generation.keyword, terms).scores(settings)
    assert scores.tolist() == pytest.approx(whoosh_scores(index, terms, settings), abs=1e-9)
    assert (matched == (scores > 0)).all()


def test_scores_do_not_drift_after_changes(tmp_path: Path) -> None:
    index = factories.opened(tmp_path / "index")
    try:
        index.apply(
            [factories.change("a.md", "the port of staging"), factories.change("b.md", "port")]
        )
        first, _ = Postings(index.generation.keyword, ("port", "stage")).scores(KeywordSettings())
        for turn in range(6):
            index.apply([factories.change("c.md", f"port {turn}")])
            index.apply([factories.change("a.md", f"something {turn} else")])
            index.apply(
                [factories.change("a.md", "the port of staging"), factories.removal("c.md")]
            )
        again, _ = Postings(index.generation.keyword, ("port", "stage")).scores(KeywordSettings())
        assert again.tolist() == first.tolist()
        settings = KeywordSettings()
        expected = whoosh_scores(index, ("port", "stage"), settings)
        assert again.tolist() == pytest.approx(expected, abs=1e-9)
    finally:
        index.close()


def test_a_field_without_weight_matches_nothing(generation: Generation) -> None:
    weights = msgspec.convert(dict.fromkeys(FIELDS, 0.0) | {"tags": 1.0}, dict[str, float])
    settings = msgspec.convert({"weights": weights}, KeywordSettings)
    scores, matched = Postings(generation.keyword, ("ssh",)).scores(settings)
    assert [generation.chunks[row].path for row in np.flatnonzero(matched).tolist()] == [
        "logs/2026-03-02.md"
    ]
    assert np.count_nonzero(scores) == 1


def test_a_term_has_one_idf_for_all_fields(
    generation: Generation,
) -> None:
    postings = Postings(generation.keyword, ("ssh", "stage"))
    assert postings.df["stage"] == 3
    assert postings.df["ssh"] == 2
    assert postings.idf["ssh"] > postings.idf["stage"] > 0


@pytest.mark.parametrize(
    ("typed", "paths"),
    [
        ('"listens on port"', {"logs/2026-03-01.md", "logs/2026-03-02.md"}),
        ('"on listens"', set()),
        ("staging -bastion -22", {"runbooks/deploy.md", "logs/2026-03-02.md"}),
        ("title:deploying", {"runbooks/deploy.md"}),
        ("headings:steps", {"runbooks/deploy.md"}),
        ("tags:ops restore", {"runbooks/deploy.md", "runbooks/backup.md"}),
        ('body:"thirty days"', {"runbooks/backup.md", "logs/2026-03-01.md"}),
        ('"每天晚上"', {"中文.md"}),
    ],
)
def test_constraints_select_the_matching_chunks(
    generation: Generation, typed: str, paths: set[str]
) -> None:
    parsed = parse_query(typed, "operators")
    mask = satisfying_rows(generation.keyword, parsed.constraints)
    _, matched = Postings(generation.keyword, parsed.terms.terms).scores(KeywordSettings())
    found = {generation.chunks[row].path for row in np.flatnonzero(mask & matched).tolist()}
    assert found == paths
