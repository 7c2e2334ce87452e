"""From saving a note to finding it in all three rankings: `editing.py FOLDER [EDITS]`.

Appends a paragraph with a fresh word to notes of a *copy* of FOLDER, and asks for the word until
keyword, vector and reranked hold a chunk with it. An index that `MEMBROWSE_HOME` has of FOLDER is
copied too, so that nothing is encoded again.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path

from membrowse.client.engine import EngineClient
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR, SearchRequest
from tests.benchmarks import bench

_ASK_EVERY_SECONDS = 0.02
_PAUSE_SECONDS = 1.0


async def found(client: EngineClient, word: str) -> bool:
    request = SearchRequest(text=f"where is the {word}?", limit=10, progressive=False)
    async for recall in client.stream(request):
        hits = [recall.rankings[name].hits for name in (KEYWORD, VECTOR, RERANKED)]
        keyword = hits[0]
        if not keyword or word not in keyword[0].snippet:
            return False
        chunk = keyword[0].chunk
        return keyword[0].ranks[VECTOR] is not None and any(h.chunk == chunk for h in hits[2])
    return False


async def main(folder: Path, edits: int) -> None:
    notes = sorted(path for path in folder.rglob("*.md") if path.stat().st_size < 50_000)
    chosen = random.Random(7).sample(notes, min(edits, len(notes)))
    took = []
    async with bench.engine(folder) as client:
        state = await bench.until_current(client)
        for number, note in enumerate(chosen):
            word = f"zanzibar{number}"
            with note.open("a", encoding="utf-8") as file:
                file.write(f"\n\nThe {word} is kept behind the blue door.\n")
            saved = time.perf_counter()
            while not await found(client, word):
                await asyncio.sleep(_ASK_EVERY_SECONDS)
            took.append(time.perf_counter() - saved)
            await asyncio.sleep(_PAUSE_SECONDS)
    bench.table(
        [
            ["chunks", "edits", "p50 s", "p95 s", "worst s"],
            [
                state.chunks,
                len(took),
                bench.percentile(took, 0.5),
                bench.percentile(took, 0.95),
                max(took),
            ],
        ]
    )


if __name__ == "__main__":
    with bench.home(), bench.copy_of(Path(sys.argv[1]).resolve()) as notes_copy:
        asyncio.run(main(notes_copy, int(sys.argv[2]) if len(sys.argv) > 2 else 20))
