"""The passages of a chunk."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from membrowse.notes.passages import MOST, SHORT, passages

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
    found = passages(text)
    assert len(found) <= MOST
    assert len(found) == 1 or all(end - start >= SHORT for start, end in found)
    for start, end in found:
        assert reached <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
        gaps.append(text[reached:start])
        reached = end
    assert "".join([*gaps, text[reached:]]).strip() == ""


def of(text: str) -> list[str]:
    return [text[start:end] for start, end in passages(text)]


SENTENCE = "The gateway forwards every request to the second host in the rack."


def test_lines_are_passages() -> None:
    assert of(f"{SENTENCE}\n\n- {SENTENCE}\r\n") == [SENTENCE, f"- {SENTENCE}"]


def test_a_short_line_joins_the_shorter_neighbour() -> None:
    assert of(f"# Title\n\n{SENTENCE}\n{SENTENCE}") == [f"# Title\n\n{SENTENCE}", SENTENCE]
    assert of(f"{SENTENCE} {SENTENCE}\nshort\n{SENTENCE}") == [
        f"{SENTENCE} {SENTENCE}",
        f"short\n{SENTENCE}",
    ]
    assert of("short\nshorter") == ["short\nshorter"]


def test_a_long_line_becomes_runs_of_sentences() -> None:
    longer = SENTENCE.replace("rack", "larger rack")
    assert of(" ".join([longer] * 5)) == [f"{longer} {longer}"] * 2 + [longer]
    chinese = "我们今天下午两点在公司门口见面然后一起去公园。"
    assert all(each.endswith("。") and len(each) <= 200 for each in of(chinese * 20))


def test_a_sentence_without_end_is_split_between_words() -> None:
    assert {word for each in of("alpha beta " * 60) for word in each.split()} == {"alpha", "beta"}


def test_there_are_never_many() -> None:
    text = "\n".join(f"{number}. {SENTENCE}" for number in range(40))
    assert len(of(text)) == MOST


def test_blank_text_has_no_passages() -> None:
    assert passages("") == passages(" \n\t\r\n") == []
