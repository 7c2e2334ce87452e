"""The passages of a chunk."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from membrowse.knowledge.passages import LONG_SENTENCE, passages

texts = st.lists(
    st.sampled_from(
        ["word ", "end. ", "\n", "\r\n", "\r", "今天。", "x" * 700, " " * 50, "\t", "é? "]
    ),
    max_size=200,
).map("".join)


@settings(deadline=None, max_examples=60, derandomize=True, database=None)
@given(st.one_of(texts, st.text(max_size=100)))
def test_passages_are_in_order_and_hold_all_that_is_not_blank(text: str) -> None:
    reached, gaps = 0, []
    for start, end in passages(text):
        assert reached <= start < end <= len(text)
        assert end - start <= LONG_SENTENCE
        assert text[start:end].strip() == text[start:end]
        assert "\n" not in text[start:end]
        gaps.append(text[reached:start])
        reached = end
    assert "".join([*gaps, text[reached:]]).strip() == ""


def test_lines_are_passages_and_long_lines_are_split_at_sentences() -> None:
    text = (
        "# Title\n\n- short. line\n"
        + "One sentence here. " * 20
        + "\n今天天气很好。"
        + "我们去公园。" * 60
    )
    found = [text[start:end] for start, end in passages(text)]
    assert found[:2] == ["# Title", "- short. line"]
    assert found[2:22] == ["One sentence here."] * 20
    assert found[22:24] == ["今天天气很好。", "我们去公园。"]


def test_blank_text_has_no_passages() -> None:
    assert passages("") == passages(" \n\t\r\n") == []
