"""Spelling suggestions for unmatched query words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from membrowse.index.generation import Generation
from membrowse.ranking.query_parser import parse_query
from membrowse.ranking.spelling import Vocabulary, edit_distance, suggest_spellings, unknown_words

WORD = st.text(st.sampled_from("abcé"), min_size=3, max_size=8)


def test_only_unmatched_words_get_suggestions(generation: Generation) -> None:
    parsed = parse_query("which stagin port 12345 user/nam 备分 Baackups")
    assert unknown_words(parsed, generation.keyword) == ["stagin", "user", "nam", "Baackups"]


def test_the_nearest_come_first_then_the_most_frequent(generation: Generation) -> None:
    vocabulary = Vocabulary(
        ["Deploying deploys deploys", "Déploy employ deplored, ploy x y 123456"]
    )
    assert vocabulary.suggest("depoly") == ("deploy", "deploys")
    assert vocabulary.suggest("deploy") == ("deploys", "employ", "ploy")
    assert (
        vocabulary.suggest("zzzzzz")
        == vocabulary.suggest("de")
        == vocabulary.suggest("a" * 99)
        == ()
    )
    found = suggest_spellings(["Depolys", "zzzzzz"], vocabulary)
    assert [(spelling.typed, spelling.near[0]) for spelling in found] == [("Depolys", "deploys")]
    assert Vocabulary([]).suggest("word") == ()


@given(words=st.lists(WORD, max_size=30), word=WORD)
@effort(max_examples=60)
def test_no_near_word_is_missed(words: list[str], word: str) -> None:
    folded = word.replace("é", "e")
    vocabulary = Vocabulary([" ".join(words)])
    near = vocabulary.suggest(folded)
    most = 1 if len(folded) <= 4 else 2
    edits = sorted(edit_distance(folded, other) for other in {w.replace("é", "e") for w in words})
    expected = [each for each in edits if 0 < each <= most][:5]
    assert [edit_distance(folded, other) for other in near] == expected


def test_edits_are_insertions_deletions_replacements_and_swaps() -> None:
    pairs = {("port", "port"): 0, ("prot", "port"): 1, ("ports", "port"): 1, ("pert", "port"): 1}
    for (one, other), edits in pairs.items():
        assert edit_distance(one, other) == edit_distance(other, one) == edits
    assert edit_distance("", "abc") == 3
