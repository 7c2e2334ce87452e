"""What the fake engine says of two chunks, and how it measures a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from membrowse.client.engine import EngineRefused
from membrowse.wire.comparison import CompareRequest, Comparison, NearDuplicate, ScoreDifference
from membrowse.wire.explanation import ExplainRequest, Explanation
from membrowse.wire.request import Problem
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR, Target
from membrowse.wire.tokens import AnalysedToken, TokenisedText, Tokens, TokensRequest, WordPiece
from tests.tui.fake_text import STOP, bag, words
from tests.tui.inspected import Inspected, explain, inspect

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine

WINDOW = 256


def compare(engine: FakeEngine, request: CompareRequest) -> Comparison:
    """As the engine compares."""
    left = _explained(engine, request, request.left)
    right = _explained(engine, request, _chunk_of(engine, request.right))
    ranks = left.reranked.rank or 0, right.reranked.rank or 0
    verdict = "Left and right are the same chunk."
    if ranks[0] != ranks[1]:
        higher = "left" if ranks[0] < ranks[1] else "right"
        verdict = (
            f"The {higher} stands higher (#{min(ranks)} against #{max(ranks)}), "
            "mostly through its keyword score."
        )
    ours, theirs = (list(dict.fromkeys(words(side.text))) for side in (left, right))
    return Comparison(
        query=request.text,
        verdict=verdict,
        left=left,
        right=right,
        differences=tuple(_differences(left, right)),
        only_left=tuple(word for word in ours if word not in theirs)[:40],
        only_right=tuple(word for word in theirs if word not in ours)[:40],
        near_duplicates=tuple(_nearly_same(engine, left, right)),
        took_ms=21.0,
    )


def _explained(engine: FakeEngine, request: CompareRequest, chunk: str) -> Explanation:
    return explain(engine, ExplainRequest(text=request.text, chunk=chunk))


def _chunk_of(engine: FakeEngine, target: Target) -> str:
    if target.chunk:
        return target.chunk
    for chunk in engine.chunks:
        if chunk.path == target.path:
            return chunk.id
    raise EngineRefused(Problem(message=f"no chunk stands for {target.path}"), 404)


def _differences(left: Explanation, right: Explanation) -> Iterator[ScoreDifference]:
    sides = (left, right)
    terms = [{term.term: term.contribution for term in side.keyword.terms} for side in sides]
    pairs = [(KEYWORD, name, value, terms[1].get(name, 0.0)) for name, value in terms[0].items()]
    pairs.append((VECTOR, "passage", left.vector.score or 0.0, right.vector.score or 0.0))
    fused = [{share.ranking: share.contribution for share in side.fused.inputs} for side in sides]
    pairs += [(FUSED, name, fused[0][name], fused[1][name]) for name in fused[0]]
    tokens = [{token.word: token.contribution for token in side.reranked.tokens} for side in sides]
    pairs += [
        (RERANKED, name, value, tokens[1].get(name, 0.0)) for name, value in tokens[0].items()
    ]
    for ranking, what, ours, theirs in pairs:
        yield ScoreDifference(
            ranking=ranking, what=what, left=ours, right=theirs, difference=ours - theirs
        )


def _nearly_same(
    engine: FakeEngine, left: Explanation, right: Explanation
) -> Iterator[NearDuplicate]:
    for name, side in (("left", left), ("right", right)):
        mine = set(bag(side.text))
        for row, chunk in enumerate(engine.chunks):
            theirs = set(bag(chunk.text))
            alike = len(mine & theirs) / max(1, len(mine | theirs))
            if alike < 0.3 or chunk.id in (left.hit.chunk, right.hit.chunk):
                continue
            it = Inspected(engine, left.query, row, engine.scores(left.query))
            yield NearDuplicate(
                chunk=chunk.id,
                path=chunk.path,
                heading=chunk.heading,
                start_line=chunk.start_line,
                end_line=chunk.end_line,
                date=chunk.date,
                of=name,
                resemblance=alike,
                cosine=0.9,
                rank=it.rank(RERANKED),
                snippet=" ".join(chunk.text.split())[:120],
            )


def measure(engine: FakeEngine, request: TokensRequest) -> Tokens:
    """As the engine measures."""
    rulers = []
    if request.text:
        rulers.append(_ruler(engine, "query", "", request.text))
    if request.chunk:
        chunk = inspect(engine, request.text, request.chunk).chunk
        label = f"{chunk.path}:{chunk.start_line}"
        rulers.append(_ruler(engine, label, chunk.header, chunk.text))
    return Tokens(texts=tuple(rulers))


def _ruler(engine: FakeEngine, label: str, header: str, text: str) -> TokenisedText:
    source = f"{header}\n{text}" if header else text
    pieces = tuple(_pieces(source))
    return TokenisedText(
        label=label,
        header=header,
        text=text,
        tokens=tuple(_words(engine, text)),
        pieces=pieces,
        count=len(pieces) + 2,
        window=WINDOW,
        unknown=sum(not piece.known for piece in pieces) / max(1, len(pieces)),
    )


def _words(engine: FakeEngine, text: str) -> Iterator[AnalysedToken]:
    bags = [bag(f"{c.title} {c.heading} {c.text}") for c in engine.chunks]
    for match in re.finditer(r"[^\W_]+", text):
        folded = match.group().lower()
        term = folded[:-1] if folded.endswith("s") and len(folded) > 3 else folded
        yield AnalysedToken(
            start=match.start(),
            end=match.end(),
            typed=match.group(),
            folded=folded,
            term=term,
            kind="word" if folded.isascii() else "bigram",
            stop_word=folded in STOP,
            df=sum(folded in held for held in bags),
        )


def _pieces(source: str) -> Iterator[WordPiece]:
    """Words in runs of five characters; what is not ASCII is unknown."""
    for match in re.finditer(r"\w+|[^\w\s]", source):
        start, end = match.span()
        if not match.group().isascii():
            yield WordPiece(piece="[UNK]", start=start, end=end, known=False)
            continue
        for at in range(start, end, 5):
            run = source[at : min(end, at + 5)].lower()
            piece = run if at == start else f"##{run}"
            yield WordPiece(piece=piece, start=at, end=min(end, at + 5), known=True)


def answers(engine: FakeEngine) -> dict[type, Any]:
    """What the fake engine answers, by kind of request."""
    return {
        CompareRequest: partial(compare, engine),
        TokensRequest: partial(measure, engine),
    }
