"""The passages of a chunk."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from membrowse.notes.passages import MAX_PASSAGES, SHORT_CHARACTERS, passages

texts = st.lists(
    st.sampled_from(
        ["word ", "end. ", "\n", "\r\n", "\r", "今天。", "x" * 700, " " * 50, "\t", "é? "]
    ),
    max_size=200,
).map("".join)


@settings(max_examples=60)
@given(st.one_of(texts, st.text(max_size=100)))
def test_passages_are_in_order_and_cover_all_non_blank_text(text: str) -> None:
    position, gaps = 0, []
    spans = passages(text)
    assert len(spans) <= MAX_PASSAGES
    assert len(spans) == 1 or all(end - start >= SHORT_CHARACTERS for start, end in spans)
    for start, end in spans:
        assert position <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
        gaps.append(text[position:start])
        position = end
    assert "".join([*gaps, text[position:]]).strip() == ""


def passage_texts(text: str) -> list[str]:
    return [text[start:end] for start, end in passages(text)]


SENTENCE = "The gateway forwards every request to the second host in the rack."


def test_lines_are_passages() -> None:
    assert passage_texts(f"{SENTENCE}\n\n- {SENTENCE}\r\n") == [SENTENCE, f"- {SENTENCE}"]


def test_a_short_line_joins_the_shorter_neighbour() -> None:
    assert passage_texts(f"# Title\n\n{SENTENCE}\n{SENTENCE}") == [
        f"# Title\n\n{SENTENCE}",
        SENTENCE,
    ]
    assert passage_texts(f"{SENTENCE} {SENTENCE}\nshort\n{SENTENCE}") == [
        f"{SENTENCE} {SENTENCE}",
        f"short\n{SENTENCE}",
    ]
    assert passage_texts("short\nshorter") == ["short\nshorter"]


def test_a_long_line_becomes_runs_of_sentences() -> None:
    longer = SENTENCE.replace("rack", "larger rack")
    assert passage_texts(" ".join([longer] * 5)) == [f"{longer} {longer}"] * 2 + [longer]
    chinese = "我们今天下午两点在公司门口见面然后一起去公园。"
    assert all(each.endswith("。") and len(each) <= 200 for each in passage_texts(chinese * 20))


def test_an_endless_sentence_is_split_between_words() -> None:
    assert {word for each in passage_texts("alpha beta " * 60) for word in each.split()} == {
        "alpha",
        "beta",
    }


def test_the_number_of_passages_is_limited() -> None:
    text = "\n".join(f"{number}. {SENTENCE}" for number in range(40))
    assert len(passage_texts(text)) == MAX_PASSAGES


def test_blank_text_has_no_passages() -> None:
    assert passages("") == passages(" \n\t\r\n") == []
