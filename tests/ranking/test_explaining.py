"""Every number of an explanation adds up to what the rankings show."""

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
from membrowse.ranking.explanation.explain import Sources, explanation, freshly
from membrowse.ranking.explanation.rank_flow import rank_flow
from membrowse.ranking.explanation.token_matches import Tokenizer
from membrowse.ranking.explanation.vector import own_rank
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.settings import FusionMethod, RerankMethod, Settings
from membrowse.wire.explanation import Explanation
from membrowse.wire.notes import Freshness
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, RankingState
from tests.index import factories
from tests.ranking import notes
from tests.ranking.notes import Evaluate

WORDS = st.sampled_from(
    "staging port ssh deploy friday backup restore tea milk the which does team zzz ops restic "
    "2222 release --undo night 备份 团队 晚上 ? !".split()
)
QUERIES = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
SHARES = st.floats(0.0, 1.0)
HOSTILE = "[/red] \x1b]52;c;x\x07 \u202e‮ \ud800?".encode("utf-8", "replace").decode()


@pytest.fixture(scope="module")
def evaluate(index: Index, encoder: ResidentEncoder) -> Evaluate:
    return Evaluate(index, encoder)


class Explain:
    """Explains rows of ranked_queries by given settings."""

    def __init__(self, index: Index, encoder: ResidentEncoder) -> None:
        self.index = index
        self.tokenizer = Tokenizer(encoder.pieces)

    def __call__(
        self, ranked_query: RankedQuery, row: int, settings: Settings | None = None
    ) -> Explanation:
        keys = ranked_query.at().keys
        sources = Sources(
            settings=settings or Settings(),
            tokens_of=lambda row: self.index.tokens.get([keys[row]]).get(keys[row]),
            tokenizer=self.tokenizer,
        )
        return explanation(
            ranked_query, row, sources, freshly(ranked_query, row, Freshness.CURRENT)
        )


@pytest.fixture(scope="module")
def explain(index: Index, encoder: ResidentEncoder) -> Explain:
    return Explain(index, encoder)


def configured(**sections: dict[str, object]) -> Settings:
    return msgspec.convert(sections, Settings)


def adds_up(found: Explanation, ranked_query: RankedQuery, row: int) -> None:
    """All sums of one explanation, against the rankings."""
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
    for name, told in ((KEYWORD, keyword), (VECTOR, vector), (FUSED, fused), (RERANKED, reranked)):
        assert (told.rank or 0) == rankings[name].ranks[row]


@given(text=QUERIES, weight=SHARES, blend=SHARES, passages=SHARES, pool=st.integers(1, 12))
@effort(max_examples=50, deadline=None)
def test_all_shares_sum_to_the_scores_that_are_shown(
    evaluate: Evaluate,
    explain: Explain,
    text: str,
    weight: float,
    blend: float,
    passages: float,
    pool: int,
) -> None:
    settings = configured(
        fusion={"weight": weight},
        rerank={"blend": blend, "pool": pool},
        vector={"passage_weight": passages},
    )
    ranked_query = evaluate(text, settings=settings)
    for row in range(len(ranked_query.chunks)):
        adds_up(explain(ranked_query, row, settings), ranked_query, row)


@given(text=QUERIES, weight=SHARES, k=st.integers(1, 100))
@effort(max_examples=20, deadline=None)
def test_reciprocal_ranks_do_so_too(
    evaluate: Evaluate, explain: Explain, text: str, weight: float, k: int
) -> None:
    settings = configured(fusion={"method": "rrf", "weight": weight, "rrf_k": k})
    ranked_query = evaluate(text, settings=settings)
    for row in range(len(ranked_query.chunks)):
        found = explain(ranked_query, row, settings)
        adds_up(found, ranked_query, row)
        assert found.fused.method == FusionMethod.RRF
        assert found.fused.rrf_k == k
        for share in found.fused.inputs:
            assert share.normalised == (1 / (k + share.rank) if share.rank else 0.0)


def best_of(ranked_query: RankedQuery, ranking: str = RERANKED) -> int:
    return int(ranked_query.rankings[ranking].order[0])


def test_terms_are_told_with_their_places(evaluate: Evaluate, explain: Explain) -> None:
    ranked_query = evaluate("which port does Staging zzz listen on?")
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
    ("typed", "said"),
    [
        ("staging tag:nobody", "its note does not pass tag:nobody"),
        ("staging tag:x after:2027", "its note does not pass tag:x and after:2027"),
        ("staging -port", "it holds what is excluded by -port"),
        ('staging "port staging"', 'it does not satisfy "port staging"'),
    ],
)
def test_what_excludes_a_chunk_is_named(
    evaluate: Evaluate, explain: Explain, typed: str, said: str
) -> None:
    ranked_query = evaluate(typed, "operators")
    row = next(r for r, c in enumerate(ranked_query.chunks) if "Ssh moved" in c.text)
    found = explain(ranked_query, row)
    assert found.keyword.rank is None
    assert found.keyword.score > 0
    assert found.keyword.excluded == said
    assert found.hit.ranks[KEYWORD] is None


def test_a_word_in_a_field_without_weight_is_no_reason_to_be_found(
    evaluate: Evaluate, explain: Explain
) -> None:
    weights = dict.fromkeys(("title", "headings", "body", "path", "tags", "date"), 0.0)
    settings = configured(keyword={"weights": weights | {"tags": 1.0}})
    ranked_query = evaluate("restic", settings=settings)
    row = next(r for r, c in enumerate(ranked_query.chunks) if "restic" in c.text)
    found = explain(ranked_query, row, settings).keyword
    assert (found.rank, found.score) == (None, 0.0)
    assert "without weight" in found.excluded
    assert found.terms[0].matches[0].weight == 0.0


def test_passages_are_stretches_of_the_text(evaluate: Evaluate, explain: Explain) -> None:
    ranked_query = evaluate("can I deploy on fridays?")
    found = explain(ranked_query, best_of(ranked_query))
    best = found.vector.passages[0]
    assert "Friday" in best.text
    for passage in found.vector.passages:
        assert found.text[passage.start : passage.end] == passage.text
        assert found.hit.start_line <= passage.line
    similarities = [passage.similarity for passage in found.vector.passages]
    assert similarities == sorted(similarities, reverse=True)


def test_every_query_piece_is_answered_by_a_token_of_the_chunk(
    evaluate: Evaluate, explain: Explain
) -> None:
    ranked_query = evaluate("when do backups run?")
    found = explain(ranked_query, best_of(ranked_query))
    tokens = found.reranked.tokens
    assert "".join(token.word for token in tokens) == "whendobackupsrun?"
    assert sum(token.weight for token in tokens) == pytest.approx(1.0)
    assert tokens[-1].weight == 0.0
    answered = {token.word: token for token in tokens}
    backup = answered["backup"]
    source = found.header if backup.in_header else found.text
    assert source[backup.start : backup.end].lower().startswith("backup")


def test_the_heat_lies_on_the_words_that_answer(evaluate: Evaluate, explain: Explain) -> None:
    ranked_query = evaluate("when do backups run?")
    found = explain(ranked_query, best_of(ranked_query))
    words = {found.text[heat.start : heat.end]: heat for heat in found.heat}
    assert {"Backups", "restic", "Restore"} <= words.keys()
    assert max(found.heat, key=lambda heat: heat.strength).strength == 1.0
    assert min(heat.strength for heat in found.heat) == 0.0
    assert words["Backups"].answers == "backups"
    assert words["Backups"].strength > words["Restore"].strength
    ends = [0, *(heat.end for heat in found.heat)]
    assert all(end <= heat.start for end, heat in zip(ends, found.heat, strict=False))


def test_beyond_the_pool_there_is_no_blend_but_what_late_interaction_would_find(
    evaluate: Evaluate, explain: Explain
) -> None:
    settings = configured(rerank={"pool": 2})
    ranked_query = evaluate("backup", settings=settings)
    row = int(ranked_query.rankings[RERANKED].order[4])
    found = explain(ranked_query, row, settings).reranked
    assert (found.in_pool, found.score, found.rank, found.fused_rank) == (False, None, 5, 5)
    assert (found.pool, found.movement) == (2, 0)
    assert found.raw == pytest.approx(sum(token.contribution for token in found.tokens))


def test_movement_is_against_the_fused_ranking(evaluate: Evaluate, explain: Explain) -> None:
    ranked_query = evaluate("which port does staging ssh use?")
    for row in range(len(ranked_query.chunks)):
        found = explain(ranked_query, row)
        ranks = found.hit.ranks
        assert found.reranked.movement == (ranks[FUSED] or 0) - (ranks[RERANKED] or 0)


def test_without_a_reranker_it_says_so(evaluate: Evaluate, explain: Explain) -> None:
    settings = configured(rerank={"method": "none"})
    ranked_query = evaluate("backup", settings=settings)
    found = explain(ranked_query, best_of(ranked_query), settings)
    assert found.reranked.state is RankingState.OFF
    assert found.reranked.method == RerankMethod.NONE
    assert (found.reranked.tokens, found.reranked.raw, found.reranked.in_pool) == ((), None, False)
    assert found.heat  # which words answer is told all the same


def test_a_cross_encoders_score_is_explained_by_its_bounds(
    index: Index, evaluate: Evaluate, explain: Explain
) -> None:
    settings = configured(rerank={"method": "cross-encoder"})
    ranked_query = evaluate("backup", settings=configured(rerank={"pool": 4}))
    reranked = ranked_query.rankings[RERANKED]
    assert reranked.blend is not None
    found = explain(ranked_query, int(reranked.order[0]), settings).reranked
    assert found.tokens == ()
    assert found.raw == reranked.blend.raw.max()
    assert (found.low, found.high) == (reranked.blend.raw.min(), reranked.blend.raw.max())


def test_a_query_that_the_encoder_does_not_know_has_no_say(
    evaluate: Evaluate, explain: Explain
) -> None:
    ranked_query = evaluate("服务器的备份什么时候运行")
    found = explain(ranked_query, best_of(ranked_query))
    assert found.hit.path == "中文.md"
    assert found.vector.unknown > 0.3
    share, weight = ranked_query.known, configured().fusion.weight
    assert found.fused.weight_used == pytest.approx(weight * share)
    assert found.vector.effect.startswith(f"{found.vector.unknown:.0%}".replace("%", " %"))
    assert f"{weight * share:.2f} instead of {weight:.2f}" in found.vector.effect
    assert all(not token.weight for token in found.reranked.tokens if not token.known)
    adds_up(found, ranked_query, best_of(ranked_query))


def test_a_chunk_that_hnsw_missed_is_marked(
    index: Index, evaluate: Evaluate, explain: Explain
) -> None:
    ranked_query = evaluate("tea with milk")
    generation, query = ranked_query.at(), ranked_query.encoded
    assert query is not None
    by_own = np.argsort(-(generation.matrix @ query.vector), kind="stable").tolist()
    assert [own_rank(generation, row, query.vector) for row in by_own] == list(
        range(1, len(by_own) + 1)
    )
    found = [generation.chunks[row].id for row in by_own if row != by_own[1]]
    sources = Sources(Settings(), nearest=lambda vector, n: found[:n])
    told = [
        explanation(
            ranked_query, row, sources, freshly(ranked_query, row, Freshness.CURRENT)
        ).vector
        for row in by_own[:3]
    ]
    assert [(each.hnsw_rank, each.hnsw_missed) for each in told] == [
        (1, False),
        (None, True),
        (2, False),
    ]
    assert [each.hnsw_exact_rank for each in told] == [1, 2, 3]


def test_without_an_encoder_keyword_is_explained_alone(
    index: Index, evaluate: Evaluate, explain: Explain
) -> None:
    from membrowse.ranking.ranker import Ranker

    ranker = Ranker(Settings())
    ranked_query = ranker.analyse(index.generation, "backup", "literal")
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
def test_odd_and_hostile_queries_are_explained_too(
    evaluate: Evaluate, explain: Explain, text: str
) -> None:
    for syntax in ("literal", "operators"):
        ranked_query = evaluate(text, syntax)
        for row in range(len(ranked_query.chunks)):
            found = explain(ranked_query, row)
            assert msgspec.json.decode(msgspec.json.encode(found), type=Explanation) == found
            adds_up(found, ranked_query, row)


def test_a_chunk_of_hostile_text_keeps_its_text(
    tmp_path_factory: pytest.TempPathFactory, encoder: ResidentEncoder
) -> None:
    text = "[red]port[/] \x1b]52;c;aGk=\x07 \u202e2222\u202c \u200b\u200b ﬁle ÅÄ 😀 K\u0308s"
    index = notes.opened(tmp_path_factory.mktemp("hostile") / "index", encoder)
    try:
        index.apply([factories.change("[/tmp].md", text, title="\x1b[31m", headings=("\u202e",))])
        index.add_vectors(encoder.encode(index.unencoded()), "float32")
        ranked_query = Evaluate(index, encoder)("port 2222 file")
        found = Explain(index, encoder)(ranked_query, 0)
        adds_up(found, ranked_query, 0)
        assert found.text == text
        assert "port" in [text[heat.start : heat.end] for heat in found.heat]
        for token in found.reranked.tokens:
            source = found.header if token.in_header else found.text
            assert 0 <= token.start <= token.end <= len(source)
    finally:
        index.close()


def test_the_rank_flow_follows_the_best_of_every_ranking(evaluate: Evaluate) -> None:
    ranked_query = evaluate("staging port")
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
