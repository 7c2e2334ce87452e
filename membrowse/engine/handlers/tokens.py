"""Tokenises texts with the analyser and the encoder."""

from __future__ import annotations

from membrowse.engine.components import Components
from membrowse.engine.priority import Pause
from membrowse.ranking.tokens import TokenSources, tokenise_chunk, tokenise_query
from membrowse.wire.tokens import TokenisedText, Tokens, TokensRequest


def tokens(components: Components, request: TokensRequest, pause: Pause) -> Tokens:
    """The tokens of the query, then of the chunk. Raises `Unknown` if there is no such chunk."""
    generation = components.index.generation
    models = components.models
    tokenizers = TokenSources(
        reader=generation.keyword,
        pieces=models.pieces,
        window=models.files.config.window if models.files is not None else 0,
        message="" if models.pieces is not None else models.message,
        pause=pause,
    )
    found: list[TokenisedText] = []
    if request.text:
        found.append(tokenise_query(request.text, tokenizers))
    if request.chunk:
        row = components.targets.live_row(generation.row_of, request.chunk)
        found.append(tokenise_chunk(generation.chunks[row], tokenizers))
    return Tokens(texts=tuple(found))
