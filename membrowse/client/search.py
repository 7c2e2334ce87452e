"""A search whose response is wanted as a whole."""

from __future__ import annotations

from membrowse.client.engine import Engine, EngineUnavailable
from membrowse.wire.search import SearchRequest, SearchResponse


async def search_response(engine: Engine, request: SearchRequest) -> SearchResponse:
    """The last, complete response to `request`."""
    last: SearchResponse | None = None
    async for response in engine.stream(request):
        last = response
    if last is None:
        raise EngineUnavailable("the engine ended before it answered")
    return last
