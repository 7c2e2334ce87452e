"""`membrowse rulers`: how analyser and encoder see a text."""

from __future__ import annotations

import json
from pathlib import Path

from membrowse.cli import rulers_sheet
from membrowse.cli.sheet import Sheet
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.tokens import Tokens, TokensRequest
from tests.cli.conftest import Program
from tests.cli.hostile import HOSTILE, acts, filled
from tests.standin import replies as findings
from tests.standin.engine import StandIn as FakeEngine


def page(rulers: Tokens, columns: int = 80) -> str:
    sheet = Sheet(columns)
    rulers_sheet.fill(sheet, rulers)
    return sheet.text(styled=False)


def test_words_go_from_typed_to_term_and_stop_words_are_named() -> None:
    text = page(findings.rulers())
    assert "    Which     which   which  word    203  stop word\n" in text
    assert "    PORTS     ports   port   word     41\n" in text
    assert "    k8s               k8     part      0  nowhere in the folder\n" in text


def test_pieces_are_counted_against_the_window_and_unknown_ones_marked() -> None:
    text = page(findings.rulers())
    assert "encoder · 6 of 256 word pieces, 25% unknown (marked ?)" in text
    assert "[CLS] which k8 ##s [UNK]?" in text
    assert "44 too many" in page(findings.rulers(count=300))
    assert "context header: Ports › SSH" in page(findings.rulers(header="Ports › SSH"))
    assert "encoder · no model" in page(findings.rulers(message="no model", pieces=()))


def test_hostile_text_is_shown_and_does_nothing() -> None:
    assert not acts(page(filled(findings.rulers(), HOSTILE)))
    assert not acts(page(filled(findings.rulers(message=""), HOSTILE)))


def test_the_text_and_a_chunk_are_asked_for(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    asked: list[TokensRequest] = []

    def answer(request: TokensRequest) -> Tokens:
        asked.append(request)
        return findings.rulers()

    engine.replies[TokensRequest] = answer
    engine.replies[ExplainRequest] = findings.explanation()
    ran = program("rulers", "which ports?", "--folder", folder, "--json")
    assert (ran.status, json.loads(ran.out)["schema"]) == (0, 1)
    assert program("rulers", "which ports?", "--chunk", "a.md:3", "--folder", folder).status == 0
    assert asked == [
        TokensRequest(text="which ports?"),
        TokensRequest(text="which ports?", chunk="c1"),
    ]
