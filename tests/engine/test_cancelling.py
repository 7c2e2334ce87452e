"""A client that goes away: the engine stops the work that nobody waits for any more."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import threading
from pathlib import Path

import pytest

from membrowse.client import discovery
from membrowse.engine.components import Components
from membrowse.engine.handlers import long
from membrowse.engine.handlers.why import suggest
from membrowse.engine.priority import Cancelled, Pause
from membrowse.wire.diagnosis import Suggestions, SuggestionsRequest
from membrowse.wire.engine import EngineState, HelloRequest
from membrowse.wire.search import Target
from tests.engine.conftest import current, engine_here, until
from tests.engine.standing import write
from tests.waiting import DEADLINE_SECONDS

PINS = 300
"""So many that looking for changes, which runs them, takes many seconds."""

NOTES = {
    f"log-{number:02}.md": f"# Log {number}\n\nPump {number % 7} feeds tank {number % 5}.\n"
    for number in range(40)
}
GOLDEN = "\n".join(
    json.dumps({"id": f"{number}", "query": f"what feeds tank {number}?", "path": "log-03.md"})
    for number in range(PINS)
)


def pins_are_run(state: EngineState) -> bool:
    return current(state) and state.pins.total == PINS and not state.pins.running


async def test_a_diagnosis_ends_with_the_connection_that_asked_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), queue.SimpleQueue[Cancelled | None]()

    def watched(components: Components, request: SuggestionsRequest, pause: Pause) -> Suggestions:
        begun.set()
        try:
            found = suggest.suggest(components, request, pause)
        except Cancelled as reason:
            ended.put(reason)
            raise
        ended.put(None)
        return found

    monkeypatch.setattr(long, "HANDLERS", long.HANDLERS | {SuggestionsRequest: watched})
    monkeypatch.setattr(suggest, "SECONDS", 3600.0)
    write(folder, {**NOTES, "golden.jsonl": GOLDEN})
    async with engine_here(folder):
        client = await discovery.connect(folder, start=False)
        try:
            await until(client, pins_are_run)
            request = SuggestionsRequest(
                text="which pump feeds it?", target=Target(path="log-20.md"), k=1
            )
            asked = asyncio.create_task(client.ask(request))
            assert await asyncio.to_thread(begun.wait, DEADLINE_SECONDS)
            asked.cancel()
            assert await asyncio.to_thread(ended.get, timeout=DEADLINE_SECONDS) is not None
            assert asked.cancelled()
            assert (await client.ask(HelloRequest())).engine.pid == os.getpid()
        finally:
            await client.close()
