"""Every number of an explanation adds up to what the rankings show."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from membrowse.encoding.resident import ResidentEncoder
from membrowse.findings.explanation import Explanation
from membrowse.index.index import Index
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.explaining.flow import rank_flow
from membrowse.ranking.explaining.tokens import Tokenizer
from membrowse.ranking.explaining.vector import own_rank
from membrowse.ranking.explaining.whole import Sources, explanation, freshly
from membrowse.recall import FUSED, KEYWORD, RERANKED, VECTOR, Freshness, RankingState
from membrowse.settings import FusionMethod, RerankMethod, Settings
from tests.index import making
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
    """Explains rows of evaluations by given settings."""

    def __init__(self, index: Index, encoder: ResidentEncoder) -> None:
        self.index = index
        self.tokenizer = Tokenizer(encoder.pieces)

    def __call__(
        self, evaluation: Evaluation, row: int, settings: Settings | None = None
    ) -> Explanation:
        keys = evaluation.at().keys
        sources = Sources(
            settings=settings or Settings(),
            tokens_of=lambda row: self.index.tokens.get([keys[row]]).get(keys[row]),
            tokenizer=self.tokenizer,
        )
        return explanation(evaluation, row, sources, freshly(evaluation, row, Freshness.CURRENT))


@pytest.fixture(scope="module")
def explain(index: Index, encoder: ResidentEncoder) -> Explain:
    return Explain(index, encoder)


def configured(**sections: dict[str, object]) -> Settings:
    return msgspec.convert(sections, Settings)


def adds_up(found: Explanation, evaluation: Evaluation, row: int) -> None:
    """All sums of one explanation, against the rankings."""
    rankings = evaluation.rankings
    keyword, vector, fused, reranked = found.keyword, found.vector, found.fused, found.reranked
    assert sum(term.contribution for term in keyword.terms) == pytest.approx(keyword.score)
    if keyword.rank:
        assert keyword.score == pytest.approx(rankings[KEYWORD].scores[row], abs=1e-9)
        assert sum(term.share for term in keyword.terms) == pytest.approx(1.0)
    if vector.passages and vector.score is not None and vector.cosine is not None:
        weight = vector.passage_weight
        whole = (1 - weight) * vector.cosine + weight * vector.passages[0].similarity
        assert whole == pytest.approx(vector.score, abs=1e-5)
    assert sum(share.contribution for share in fused.shares) == pytest.approx(fused.score)
    assert fused.score == pytest.approx(rankings[FUSED].scores[row], abs=1e-12)
    if reranked.in_pool:
        assert reranked.score == pytest.approx(rankings[RERANKED].scores[row], abs=1e-12)
    if reranked.tokens and reranked.raw is not None:
        assert sum(token.share for token in reranked.tokens) == pytest.approx(
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
    evaluation = evaluate(text, settings=settings)
    for row in range(len(evaluation.chunks)):
        adds_up(explain(evaluation, row, settings), evaluation, row)


@given(text=QUERIES, weight=SHARES, k=st.integers(1, 100))
@effort(max_examples=20, deadline=None)
def test_reciprocal_ranks_do_so_too(
    evaluate: Evaluate, explain: Explain, text: str, weight: float, k: int
) -> None:
    settings = configured(fusion={"method": "rrf", "weight": weight, "rrf_k": k})
    evaluation = evaluate(text, settings=settings)
    for row in range(len(evaluation.chunks)):
        found = explain(evaluation, row, settings)
        adds_up(found, evaluation, row)
        assert found.fused.method == FusionMethod.RRF
        assert found.fused.rrf_k == k
        for share in found.fused.shares:
            assert share.normalised == (1 / (k + share.rank) if share.rank else 0.0)


def best_of(evaluation: Evaluation, ranking: str = RERANKED) -> int:
    return int(evaluation.rankings[ranking].order[0])


def test_terms_are_told_with_their_places(evaluate: Evaluate, explain: Explain) -> None:
    evaluation = evaluate("which port does Staging zzz listen on?")
    row = next(r for r, c in enumerate(evaluation.chunks) if "Ssh moved" in c.text)
    found = explain(evaluation, row).keyword
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
    evaluation = evaluate(typed, "operators")
    row = next(r for r, c in enumerate(evaluation.chunks) if "Ssh moved" in c.text)
    found = explain(evaluation, row)
    assert found.keyword.rank is None
    assert found.keyword.score > 0
    assert found.keyword.excluded == said
    assert found.hit.ranks[KEYWORD] is None


def test_a_word_in_a_field_without_weight_is_no_reason_to_be_found(
    evaluate: Evaluate, explain: Explain
) -> None:
    weights = dict.fromkeys(("title", "headings", "body", "path", "tags", "date"), 0.0)
    settings = configured(keyword={"weights": weights | {"tags": 1.0}})
    evaluation = evaluate("restic", settings=settings)
    row = next(r for r, c in enumerate(evaluation.chunks) if "restic" in c.text)
    found = explain(evaluation, row, settings).keyword
    assert (found.rank, found.score) == (None, 0.0)
    assert "without weight" in found.excluded
    assert found.terms[0].matches[0].weight == 0.0


def test_passages_are_stretches_of_the_text(evaluate: Evaluate, explain: Explain) -> None:
    evaluation = evaluate("can I deploy on fridays?")
    found = explain(evaluation, best_of(evaluation))
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
    evaluation = evaluate("when do backups run?")
    found = explain(evaluation, best_of(evaluation))
    tokens = found.reranked.tokens
    assert "".join(token.word for token in tokens) == "whendobackupsrun?"
    assert sum(token.weight for token in tokens) == pytest.approx(1.0)
    assert tokens[-1].weight == 0.0
    answered = {token.word: token for token in tokens}
    backup = answered["backup"]
    source = found.header if backup.in_header else found.text
    assert source[backup.start : backup.end].lower().startswith("backup")


def test_the_heat_lies_on_the_words_that_answer(evaluate: Evaluate, explain: Explain) -> None:
    evaluation = evaluate("when do backups run?")
    found = explain(evaluation, best_of(evaluation))
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
    evaluation = evaluate("backup", settings=settings)
    row = int(evaluation.rankings[RERANKED].order[4])
    found = explain(evaluation, row, settings).reranked
    assert (found.in_pool, found.score, found.rank, found.fused_rank) == (False, None, 5, 5)
    assert (found.pool, found.movement) == (2, 0)
    assert found.raw == pytest.approx(sum(token.share for token in found.tokens))


def test_movement_is_against_the_fused_ranking(evaluate: Evaluate, explain: Explain) -> None:
    evaluation = evaluate("which port does staging ssh use?")
    for row in range(len(evaluation.chunks)):
        found = explain(evaluation, row)
        ranks = found.hit.ranks
        assert found.reranked.movement == (ranks[FUSED] or 0) - (ranks[RERANKED] or 0)


def test_without_a_reranker_it_says_so(evaluate: Evaluate, explain: Explain) -> None:
    settings = configured(rerank={"method": "none"})
    evaluation = evaluate("backup", settings=settings)
    found = explain(evaluation, best_of(evaluation), settings)
    assert found.reranked.state is RankingState.OFF
    assert found.reranked.method == RerankMethod.NONE
    assert (found.reranked.tokens, found.reranked.raw, found.reranked.in_pool) == ((), None, False)
    assert found.heat  # which words answer is told all the same


def test_a_cross_encoders_score_is_explained_by_its_bounds(
    index: Index, evaluate: Evaluate, explain: Explain
) -> None:
    settings = configured(rerank={"method": "cross-encoder"})
    evaluation = evaluate("backup", settings=configured(rerank={"pool": 4}))
    reranked = evaluation.rankings[RERANKED]
    assert reranked.blend is not None
    found = explain(evaluation, int(reranked.order[0]), settings).reranked
    assert found.tokens == ()
    assert found.raw == reranked.blend.raw.max()
    assert (found.low, found.high) == (reranked.blend.raw.min(), reranked.blend.raw.max())


def test_a_query_that_the_encoder_does_not_know_has_no_say(
    evaluate: Evaluate, explain: Explain
) -> None:
    evaluation = evaluate("服务器的备份什么时候运行")
    found = explain(evaluation, best_of(evaluation))
    assert found.hit.path == "中文.md"
    assert found.vector.unknown > 0.3
    share, weight = evaluation.known, configured().fusion.weight
    assert found.fused.weight_used == pytest.approx(weight * share)
    assert found.vector.effect.startswith(f"{found.vector.unknown:.0%}".replace("%", " %"))
    assert f"{weight * share:.2f} instead of {weight:.2f}" in found.vector.effect
    assert all(not token.weight for token in found.reranked.tokens if not token.known)
    adds_up(found, evaluation, best_of(evaluation))


def test_a_chunk_that_hnsw_missed_is_marked(
    index: Index, evaluate: Evaluate, explain: Explain
) -> None:
    evaluation = evaluate("tea with milk")
    generation, query = evaluation.at(), evaluation.encoded
    assert query is not None
    by_own = np.argsort(-(generation.matrix @ query.vector), kind="stable").tolist()
    assert [own_rank(generation, row, query.vector) for row in by_own] == list(
        range(1, len(by_own) + 1)
    )
    found = [generation.chunks[row].id for row in by_own if row != by_own[1]]
    sources = Sources(Settings(), nearest=lambda vector, n: found[:n])
    told = [
        explanation(evaluation, row, sources, freshly(evaluation, row, Freshness.CURRENT)).vector
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
    from membrowse.ranking.pipeline import Ranker

    ranker = Ranker(Settings())
    evaluation = ranker.analyse(index.generation, "backup", "literal")
    ranker.keyword(evaluation)
    ranker.vector(evaluation, None, RankingState.LOADING, "the encoder is loading")
    ranker.fuse(evaluation)
    ranker.rerank(evaluation, index.tokens, None)
    row = best_of(evaluation)
    found = explain(evaluation, row)
    assert found.keyword.rank == 1
    assert (found.vector.state, found.vector.rank) == (RankingState.LOADING, None)
    assert found.vector.passages == ()
    assert found.heat == ()
    adds_up(found, evaluation, row)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "?!", "the", HOSTILE, '"', "-", "a" * 3000],
    ids=["empty", "blank", "signs", "stop word", "hostile", "quote", "minus", "long"],
)
def test_odd_and_hostile_queries_are_explained_too(
    evaluate: Evaluate, explain: Explain, text: str
) -> None:
    for syntax in ("literal", "operators"):
        evaluation = evaluate(text, syntax)
        for row in range(len(evaluation.chunks)):
            found = explain(evaluation, row)
            assert msgspec.json.decode(msgspec.json.encode(found), type=Explanation) == found
            adds_up(found, evaluation, row)


def test_a_chunk_of_hostile_text_keeps_its_text(
    tmp_path_factory: pytest.TempPathFactory, encoder: ResidentEncoder
) -> None:
    text = "[red]port[/] \x1b]52;c;aGk=\x07 \u202e2222\u202c \u200b\u200b ﬁle ÅÄ 😀 K\u0308s"
    index = notes.opened(tmp_path_factory.mktemp("hostile") / "index", encoder)
    try:
        index.apply([making.change("[/tmp].md", text, title="\x1b[31m", headings=("\u202e",))])
        index.add_vectors(encoder.encode(index.unencoded()), "float32")
        evaluation = Evaluate(index, encoder)("port 2222 file")
        found = Explain(index, encoder)(evaluation, 0)
        adds_up(found, evaluation, 0)
        assert found.text == text
        assert "port" in [text[heat.start : heat.end] for heat in found.heat]
        for token in found.reranked.tokens:
            source = found.header if token.in_header else found.text
            assert 0 <= token.start <= token.end <= len(source)
    finally:
        index.close()


def test_the_rank_flow_follows_the_best_of_every_ranking(evaluate: Evaluate) -> None:
    evaluation = evaluate("staging port")
    found = rank_flow(evaluation, 2)
    assert found.rankings == (KEYWORD, VECTOR, FUSED, RERANKED)
    expected = {
        evaluation.chunks[row].id
        for ranking in evaluation.rankings.values()
        for row in ranking.order[:2].tolist()
    }
    assert {flow.chunk for flow in found.flows} == expected
    reranked = [flow.ranks[RERANKED] for flow in found.flows]
    assert reranked == sorted(reranked, key=lambda rank: rank or 0)
    row = evaluation.row_of[found.flows[0].chunk]
    assert found.flows[0].ranks[KEYWORD] == (evaluation.rankings[KEYWORD].ranks[row] or None)
    empty = replace(evaluation, rankings={})
    assert rank_flow(empty, 20).flows == ()
