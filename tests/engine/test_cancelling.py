"""A client that goes away: the engine stops the work that nobody waits for any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from membrowse.wire.diagnosis import SuggestionsRequest
from membrowse.wire.engine import EngineState, HelloRequest
from membrowse.wire.search import Target
from tests.conftest import ExportedEncoder
from tests.engine.conftest import current
from tests.engine.standing import client_of, standing

PINS = 300
"""So many that looking for changes takes all the time that it may have, more than 2 s."""
ASKED_SECONDS = 0.2
DEADLINE_SECONDS = 1.4
WINDOW_SECONDS = 0.25
IDLE_SHARE = 0.2
"""Of one processor; an engine at work takes all of it."""

NOTES = {
    f"log-{number:02}.md": f"# Log {number}\n\nPump {number % 7} feeds tank {number % 5}.\n"
    for number in range(40)
}
GOLDEN = "\n".join(
    json.dumps({"id": f"{number}", "query": f"what feeds tank {number}?", "path": "log-03.md"})
    for number in range(PINS)
)


@pytest.fixture
def folder(tmp_path: Path, exported_encoder: ExportedEncoder) -> Iterator[Path]:
    with standing(tmp_path, exported_encoder, {**NOTES, "golden.jsonl": GOLDEN}) as folder:
        yield folder


@pytest.fixture(autouse=True)
def home(folder: Path) -> None:
    """The folder's own home."""


def pins_are_run(state: EngineState) -> bool:
    return current(state) and state.pins.total == PINS and not state.pins.running


async def busy_share(engine: psutil.Process) -> float:
    """The share of a processor that the engine takes, over a while."""
    before = engine.cpu_times()
    await asyncio.sleep(WINDOW_SECONDS)
    after = engine.cpu_times()
    return (after.user + after.system - before.user - before.system) / WINDOW_SECONDS


async def test_a_diagnosis_ends_with_the_connection_that_asked_for_it(folder: Path) -> None:
    async with client_of(folder, when=pins_are_run) as client:
        engine = psutil.Process((await client.ask(HelloRequest())).engine.pid)
        request = SuggestionsRequest(
            text="which pump feeds it?", target=Target(path="log-20.md"), k=1
        )
        asked = asyncio.create_task(client.ask(request))
        await asyncio.sleep(ASKED_SECONDS)
        assert not asked.done()
        asked.cancel()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while await busy_share(engine) > IDLE_SHARE:
                pass
        assert asked.cancelled()
        assert (await client.ask(HelloRequest())).engine.pid == engine.pid
