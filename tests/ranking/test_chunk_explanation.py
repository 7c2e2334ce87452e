"""Every number of an explanation adds up to the rankings."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.index import Index
from membrowse.ranking.explanation.chunk_explanation import ExplanationSources, explain_chunk
from membrowse.ranking.explanation.token_matches import ChunkTokenizer
from membrowse.ranking.explanation.vector import exact_rank
from membrowse.ranking.rank_flow import rank_flow
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import FusionMethod, RerankMethod, Settings
from membrowse.wire.explanation import Explanation
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, RankingState
from tests.index import factories
from tests.ranking import sample_notes
from tests.ranking.sample_notes import RankQuery

WORDS = st.sampled_from(
    "staging port ssh deploy friday backup restore tea milk the which does team zzz ops restic "
    "2222 release --undo night 备份 团队 晚上 ? !".split()
)
QUERIES = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
SHARES = st.floats(0.0, 1.0)
HOSTILE = "[/red] \x1b]52;c;x\x07 \u202e‮ \ud800?".encode("utf-8", "replace").decode()


@pytest.fixture(scope="module")
def rank_query(index: Index, encoder: ResidentEncoder) -> RankQuery:
    return RankQuery(index, encoder)


class Explain:
    """Explains rows of ranked queries under given settings."""

    def __init__(self, index: Index, encoder: ResidentEncoder) -> None:
        self.index = index
        self.tokenizer = ChunkTokenizer(encoder.pieces)

    def __call__(
        self, ranked_query: RankedQuery, row: int, settings: Settings | None = None
    ) -> Explanation:
        keys = ranked_query.generation.keys
        sources = ExplanationSources(
            settings=settings or Settings(),
            tokens_of=lambda row: self.index.tokens.get([keys[row]]).get(keys[row]),
            tokenizer=self.tokenizer,
        )
        return explain_chunk(ranked_query, row, sources, sample_notes.as_indexed(ranked_query, row))


@pytest.fixture(scope="module")
def explain(index: Index, encoder: ResidentEncoder) -> Explain:
    return Explain(index, encoder)


def configured(**sections: dict[str, object]) -> Settings:
    return msgspec.convert(sections, Settings)


def adds_up(found: Explanation, ranked_query: RankedQuery, row: int) -> None:
    """Check all sums of one explanation against the rankings."""
    rankings = ranked_query.rankings
    keyword, vector, fused, reranked = found.keyword, found.vector, found.fused, found.reranked
    assert sum(term.contribution for term in keyword.terms) == pytest.approx(keyword.score)
    if keyword.rank:
        assert keyword.score == pytest.approx(rankings[KEYWORD].scores[row], abs=1e-9)
        assert sum(term.share for term in keyword.terms) == pytest.approx(1.0)
    if vector.passages and vector.score is not None and vector.cosine is not None:
        weight = vector.passage_weight
        whole = (1 - weight) * vector.cosine + weight * vector.passages[0].similarity
        assert whole == pytest.approx(vector.score, abs=1e-5)
    assert sum(share.contribution for share in fused.inputs) == pytest.approx(fused.score)
    assert fused.score == pytest.approx(rankings[FUSED].scores[row], abs=1e-12)
    if reranked.in_pool:
        assert reranked.score == pytest.approx(rankings[RERANKED].scores[row], abs=1e-12)
    if reranked.tokens and reranked.raw is not None:
        assert sum(token.contribution for token in reranked.tokens) == pytest.approx(
            reranked.raw, abs=1e-6
        )
    for name, explanation in (
        (KEYWORD, keyword),
        (VECTOR, vector),
        (FUSED, fused),
        (RERANKED, reranked),
    ):
        assert (explanation.rank or 0) == rankings[name].ranks[row]


@given(
    text=QUERIES,
    weight=SHARES,
    blend=SHARES,
    passages=SHARES,
    pool=st.integers(1, 12),
    limit=st.integers(0, 3),
)
@effort(max_examples=50)
def test_all_shares_sum_to_the_ranked_scores(
    rank_query: RankQuery,
    explain: Explain,
    text: str,
    weight: float,
    blend: float,
    passages: float,
    pool: int,
    limit: int,
) -> None:
    settings = configured(
        fusion={"weight": weight},
        rerank={"blend": blend, "pool": pool, "per_root_limit": limit},
        vector={"passage_weight": passages},
    )
    ranked_query = rank_query(text, settings=settings)
    for row in range(len(ranked_query.chunks)):
        adds_up(explain(ranked_query, row, settings), ranked_query, row)


@given(text=QUERIES, weight=SHARES, k=st.integers(1, 100))
@effort(max_examples=20)
def test_shares_of_reciprocal_ranks_sum_up(
    rank_query: RankQuery, explain: Explain, text: str, weight: float, k: int
) -> None:
    settings = configured(fusion={"method": "rrf", "weight": weight, "rrf_k": k})
    ranked_query = rank_query(text, settings=settings)
    for row in range(len(ranked_query.chunks)):
        found = explain(ranked_query, row, settings)
        adds_up(found, ranked_query, row)
        assert found.fused.method == FusionMethod.RRF
        assert found.fused.rrf_k == k
        for share in found.fused.inputs:
            assert share.normalised == (1 / (k + share.rank) if share.rank else 0.0)


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_limit_per_root_moves_the_rest_behind_and_says_so(
    rank_query: RankQuery, explain: Explain, limit: int
) -> None:
    text, pool = "which port does staging ssh use?", 10
    settings = configured(rerank={"per_root_limit": limit, "pool": pool})
    ranked_query = rank_query(text, settings=settings)
    first = ranked_query.rankings[RERANKED].order[:pool].tolist()
    found = [explain(ranked_query, row, settings).reranked for row in first]
    roots = [ranked_query.chunks[row].path.partition("/")[0] for row in first]
    kept = [root for root, each in zip(roots, found, strict=True) if not each.limited]
    assert [each.limited for each in found] == sorted(each.limited for each in found)
    assert all(each.root_limit == limit for each in found)
    if limit:
        assert len(kept) < pool
        assert all(kept.count(root) == min(limit, roots.count(root)) for root in roots)
        assert any(each.rank != each.rank_by_score for each in found)
    else:
        assert [each.rank for each in found] == [each.rank_by_score for each in found]
    by_score = rank_query(text, settings=configured(rerank={"pool": pool}))
    for row, each in zip(first, found, strict=True):
        assert each.rank_by_score == by_score.rankings[RERANKED].ranks[row]
        assert each.score == pytest.approx(by_score.rankings[RERANKED].scores[row])


def best_of(ranked_query: RankedQuery, ranking: str = RERANKED) -> int:
    return int(ranked_query.rankings[ranking].order[0])


def test_terms_have_their_positions(rank_query: RankQuery, explain: Explain) -> None:
    ranked_query = rank_query("which port does Staging zzz listen on?")
    row = next(r for r, c in enumerate(ranked_query.chunks) if "Ssh moved" in c.text)
    found = explain(ranked_query, row).keyword
    by_term = {term.term: term for term in found.terms}
    assert list(by_term)[-1] == "zzz"
    assert (by_term["zzz"].df, by_term["zzz"].matches) == (0, ())
    assert by_term["stage"].typed == "Staging"
    body = next(match for match in by_term["port"].matches if match.field == "body")
    assert (body.frequency, body.positions) == (1, (6,))
    assert found.dropped == ("which", "does", "on")
    contributions = [term.contribution for term in found.terms]
    assert contributions == sorted(contributions, reverse=True)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("staging tag:nobody", "its note does not pass tag:nobody"),
        ("staging tag:x after:2027", "its note does not pass tag:x and after:2027"),
        ("staging -port", "it contains what is excluded by -port"),
        ('staging "port staging"', 'it does not satisfy "port staging"'),
    ],
)
def test_the_reason_for_an_exclusion_is_named(
    rank_query: RankQuery, explain: Explain, typed: str, reason: str
) -> None:
    ranked_query = rank_query(typed, "operators")
    row = next(r for r, c in enumerate(ranked_query.chunks) if "Ssh moved" in c.text)
    found = explain(ranked_query, row)
    assert found.keyword.rank is None
    assert found.keyword.score > 0
    assert found.keyword.excluded == reason
    assert found.hit.ranks[KEYWORD] is None


def test_a_word_in_a_field_without_weight_does_not_match(
    rank_query: RankQuery, explain: Explain
) -> None:
    weights = dict.fromkeys(("title", "headings", "body", "path", "tags", "date"), 0.0)
    settings = configured(keyword={"weights": weights | {"tags": 1.0}})
    ranked_query = rank_query("restic", settings=settings)
    row = next(r for r, c in enumerate(ranked_query.chunks) if "restic" in c.text)
    found = explain(ranked_query, row, settings).keyword
    assert (found.rank, found.score) == (None, 0.0)
    assert "without weight" in found.excluded
    assert found.terms[0].matches[0].weight == 0.0


def test_passages_are_spans_of_the_text(rank_query: RankQuery, explain: Explain) -> None:
    ranked_query = rank_query("can I deploy on fridays?")
    found = explain(ranked_query, best_of(ranked_query))
    best = found.vector.passages[0]
    assert "Friday" in best.text
    for passage in found.vector.passages:
        assert found.text[passage.start : passage.end] == passage.text
        assert found.hit.start_line <= passage.line
    similarities = [passage.similarity for passage in found.vector.passages]
    assert similarities == sorted(similarities, reverse=True)


def test_every_query_piece_matches_a_token_of_the_chunk(
    rank_query: RankQuery, explain: Explain
) -> None:
    ranked_query = rank_query("when do backups run?")
    found = explain(ranked_query, best_of(ranked_query))
    tokens = found.reranked.tokens
    assert "".join(token.word for token in tokens) == "whendobackupsrun?"
    assert sum(token.weight for token in tokens) == pytest.approx(1.0)
    assert tokens[-1].weight == 0.0
    answered = {token.word: token for token in tokens}
    backup = answered["backup"]
    source = found.header if backup.in_header else found.text
    assert source[backup.start : backup.end].lower().startswith("backup")


def test_heat_marks_the_words_that_answer(rank_query: RankQuery, explain: Explain) -> None:
    ranked_query = rank_query("when do backups run?")
    found = explain(ranked_query, best_of(ranked_query))
    words = {found.text[heat.start : heat.end]: heat for heat in found.heat}
    assert {"Backups", "restic", "Restore"} <= words.keys()
    assert max(found.heat, key=lambda heat: heat.strength).strength == 1.0
    assert min(heat.strength for heat in found.heat) == 0.0
    assert words["Backups"].answers == "backups"
    assert words["Backups"].strength > words["Restore"].strength
    ends = [0, *(heat.end for heat in found.heat)]
    assert all(end <= heat.start for end, heat in zip(ends, found.heat, strict=False))


def test_beyond_the_pool_late_interaction_is_explained_without_a_blend(
    rank_query: RankQuery, explain: Explain
) -> None:
    settings = configured(rerank={"pool": 2})
    ranked_query = rank_query("backup", settings=settings)
    row = int(ranked_query.rankings[RERANKED].order[4])
    found = explain(ranked_query, row, settings).reranked
    assert (found.in_pool, found.score, found.rank, found.fused_rank) == (False, None, 5, 5)
    assert (found.pool, found.movement) == (2, 0)
    assert found.raw == pytest.approx(sum(token.contribution for token in found.tokens))


def test_movement_is_against_the_fused_ranking(rank_query: RankQuery, explain: Explain) -> None:
    ranked_query = rank_query("which port does staging ssh use?")
    for row in range(len(ranked_query.chunks)):
        found = explain(ranked_query, row)
        ranks = found.hit.ranks
        assert found.reranked.movement == (ranks[FUSED] or 0) - (ranks[RERANKED] or 0)


def test_without_a_reranker_the_state_is_off(rank_query: RankQuery, explain: Explain) -> None:
    settings = configured(rerank={"method": "none"})
    ranked_query = rank_query("backup", settings=settings)
    found = explain(ranked_query, best_of(ranked_query), settings)
    assert found.reranked.state is RankingState.OFF
    assert found.reranked.method == RerankMethod.NONE
    assert (found.reranked.tokens, found.reranked.raw, found.reranked.in_pool) == ((), None, False)
    assert found.heat  # heat does not depend on the reranker


def test_a_cross_encoders_score_is_explained_by_its_bounds(
    index: Index, rank_query: RankQuery, explain: Explain
) -> None:
    settings = configured(rerank={"method": "cross-encoder"})
    ranked_query = rank_query("backup", settings=configured(rerank={"pool": 4}))
    reranked = ranked_query.rankings[RERANKED]
    assert reranked.blend is not None
    found = explain(ranked_query, int(reranked.order[0]), settings).reranked
    assert found.tokens == ()
    assert found.raw == reranked.blend.raw.max()
    assert (found.low, found.high) == (reranked.blend.raw.min(), reranked.blend.raw.max())


def test_an_unknown_query_does_not_weigh(rank_query: RankQuery, explain: Explain) -> None:
    ranked_query = rank_query("服务器的备份什么时候运行")
    found = explain(ranked_query, best_of(ranked_query))
    assert found.hit.path == "中文.md"
    assert found.vector.unknown > 0.3
    share, weight = ranked_query.known_share, configured().fusion.weight
    assert found.fused.weight_used == pytest.approx(weight * share)
    assert found.vector.effect.startswith(f"{found.vector.unknown:.0%} ")
    assert f"{weight * share:.2f} instead of {weight:.2f}" in found.vector.effect
    assert all(not token.weight for token in found.reranked.tokens if not token.known)
    adds_up(found, ranked_query, best_of(ranked_query))


def test_a_chunk_that_hnsw_missed_is_marked(
    index: Index, rank_query: RankQuery, explain: Explain
) -> None:
    ranked_query = rank_query("tea with milk")
    generation, query = ranked_query.generation, ranked_query.encoded
    assert query is not None
    cosines = generation.vectors.cosines(query.vector)
    by_own = np.argsort(-cosines, kind="stable").tolist()
    assert [exact_rank(cosines, generation.encoded, row) for row in by_own] == list(
        range(1, len(by_own) + 1)
    )
    found = [generation.chunks[row].id for row in by_own if row != by_own[1]]
    sources = ExplanationSources(Settings(), nearest=lambda vector, n: found[:n])
    explanations = [
        explain_chunk(ranked_query, row, sources, sample_notes.as_indexed(ranked_query, row)).vector
        for row in by_own[:3]
    ]
    assert [(each.hnsw_rank, each.hnsw_missed) for each in explanations] == [
        (1, False),
        (None, True),
        (2, False),
    ]
    assert [each.hnsw_exact_rank for each in explanations] == [1, 2, 3]


def test_without_an_encoder_keyword_is_explained_alone(
    index: Index, rank_query: RankQuery, explain: Explain
) -> None:
    from membrowse.ranking.ranker import Ranker

    ranker = Ranker(Settings())
    ranked_query = ranker.prepare(index.generation, "backup", "literal")
    ranker.keyword(ranked_query)
    ranker.vector(ranked_query, None, RankingState.LOADING, "the encoder is loading")
    ranker.fuse(ranked_query)
    ranker.rerank(ranked_query, index.tokens, None)
    row = best_of(ranked_query)
    found = explain(ranked_query, row)
    assert found.keyword.rank == 1
    assert (found.vector.state, found.vector.rank) == (RankingState.LOADING, None)
    assert found.vector.passages == ()
    assert found.heat == ()
    adds_up(found, ranked_query, row)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "?!", "the", HOSTILE, '"', "-", "a" * 3000],
    ids=["empty", "blank", "signs", "stop word", "hostile", "quote", "minus", "long"],
)
def test_odd_and_hostile_queries_are_explained(
    rank_query: RankQuery, explain: Explain, text: str
) -> None:
    for syntax in ("literal", "operators"):
        ranked_query = rank_query(text, syntax)
        for row in range(len(ranked_query.chunks)):
            found = explain(ranked_query, row)
            assert msgspec.json.decode(msgspec.json.encode(found), type=Explanation) == found
            adds_up(found, ranked_query, row)


def test_a_chunk_of_hostile_text_keeps_its_text(
    tmp_path_factory: pytest.TempPathFactory, encoder: ResidentEncoder
) -> None:
    text = "[red]port[/] \x1b]52;c;aGk=\x07 \u202e2222\u202c \u200b\u200b ﬁle ÅÄ 😀 K\u0308s"
    index = sample_notes.opened(tmp_path_factory.mktemp("hostile") / "index")
    try:
        index.apply([factories.change("[/tmp].md", text, title="\x1b[31m", headings=("\u202e",))])
        index.add_vectors(encoder.encode(index.unencoded()), "float32")
        ranked_query = RankQuery(index, encoder)("port 2222 file")
        found = Explain(index, encoder)(ranked_query, 0)
        adds_up(found, ranked_query, 0)
        assert found.text == text
        assert "port" in [text[heat.start : heat.end] for heat in found.heat]
        for token in found.reranked.tokens:
            source = found.header if token.in_header else found.text
            assert 0 <= token.start <= token.end <= len(source)
    finally:
        index.close()


def test_the_rank_flow_follows_the_best_of_every_ranking(rank_query: RankQuery) -> None:
    ranked_query = rank_query("staging port")
    found = rank_flow(ranked_query, 2)
    assert found.rankings == (KEYWORD, VECTOR, FUSED, RERANKED)
    expected = {
        ranked_query.chunks[row].id
        for ranking in ranked_query.rankings.values()
        for row in ranking.order[:2].tolist()
    }
    assert {flow.chunk for flow in found.flows} == expected
    reranked = [flow.ranks[RERANKED] for flow in found.flows]
    assert reranked == sorted(reranked, key=lambda rank: rank or 0)
    row = ranked_query.row_of[found.flows[0].chunk]
    assert found.flows[0].ranks[KEYWORD] == (ranked_query.rankings[KEYWORD].ranks[row] or None)
    empty = replace(ranked_query, rankings={})
    assert rank_flow(empty, 20).flows == ()
