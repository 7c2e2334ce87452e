"""`membrowse tokens`: what it asks for."""

from __future__ import annotations

import json
from pathlib import Path

from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.tokens import Tokens, TokensRequest
from tests.cli.conftest import Program
from tests.standin import replies
from tests.standin.engine import StandIn


def test_the_text_and_a_chunk_are_asked_for(
    engine: StandIn, program: Program, folder: Path
) -> None:
    asked: list[TokensRequest] = []

    def answer(request: TokensRequest) -> Tokens:
        asked.append(request)
        return replies.tokens()

    engine.replies[TokensRequest] = answer
    engine.replies[ExplainRequest] = replies.explanation()
    ran = program("tokens", "which ports?", "--folder", folder, "--json")
    assert (ran.status, json.loads(ran.out)["schema"]) == (0, 1)
    assert program("rulers", "which ports?", "--chunk", "a.md:3", "--folder", folder).status == 0
    assert asked == [
        TokensRequest(text="which ports?"),
        TokensRequest(text="which ports?", chunk="c1"),
    ]
