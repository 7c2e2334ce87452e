"""What grows with the number of chunks, and how: `scale.py [--notes FOLDER] CHUNKS…`.

Indexes about CHUNKS chunks from nothing, for each number in turn: notes of FOLDER, chosen at random
and repeated with other words if there are too few, else synthetic ones. The encoder has one small
layer, which the script builds and saves, so that the index and not the encoder takes the time; it
takes the same way as any local model (export, bulk encoder, stores), and its vectors have as many
dimensions as the default encoder's.

Prints a table: a column per size, and how the last figure relates to the first: `n^1.0` grows with
the index, `n^0.0` does not. Memory is that of the engine alone: `own` is what no other process and
no file shares with it, `mapped` what the system can read again from a file.

With `MEMBROWSE_HOME`, notes and indexes are kept there, and the next run measures everything but
indexing.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from membrowse.client import discovery
from membrowse.client.engine import EngineClient
from membrowse.encoding.model_files import locate
from membrowse.settings import EncoderSettings
from membrowse.wire.engine import EngineState, HelloRequest, StatesRequest, StatusRequest
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR, RankingState, SearchRequest
from tests.benchmarks import bench

_MIB = 1 << 20
_QUERIES = 200
_WARM_UP = 10
_EDITS = 12
_REST_SECONDS = 600.0
_SETTLED_SECONDS = 5.0
_AFTER_EDIT_SECONDS = 3.0
"""Chroma follows an edit within two seconds, if nobody asks."""
_CHUNKS_A_NOTE = 13.7
"""Of the synthetic notes, and of the C++ documentation that the figures in `docs scale` are of."""
_SECTION = (40, 110)
"""Words of a section, from a normal distribution's mean and deviation."""
_WORD = re.compile(r"[a-z]{3,12}")
_HEADING = re.compile(r"^(#{1,6} .*\S)[ \t]*$", re.MULTILINE)

Figures = dict[str, float]


def save_encoder(directory: Path) -> Path:
    """An encoder of one small layer, with the words and the vectors of words of the default one."""
    if directory.is_dir():
        return directory
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    default = locate(EncoderSettings()).directory
    trained = BertModel.from_pretrained(str(default))
    shape = BertConfig(
        **{
            **trained.config.to_dict(),
            "num_hidden_layers": 1,
            "intermediate_size": 64,
        }
    )
    small = BertModel(shape)
    small.embeddings.load_state_dict(trained.embeddings.state_dict())
    bert = directory.with_name("bert")
    small.save_pretrained(bert)
    AutoTokenizer.from_pretrained(str(default)).save_pretrained(bert)
    transformer = Transformer(str(bert), max_seq_length=locate(EncoderSettings()).window)
    modules = [transformer, Pooling(shape.hidden_size, pooling_mode="mean"), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(directory))
    return directory


def vocabulary() -> list[str]:
    """Words of the default encoder, frequent ones first as in any text."""
    words = (locate(EncoderSettings()).directory / "vocab.txt").read_text("utf-8").split()
    return [word for word in words if _WORD.fullmatch(word)]


def synthetic(number: int, words: list[str]) -> str:
    """A note of headings, paragraphs and lists; words by Zipf's law."""
    dice = random.Random(number)

    def some(count: float) -> str:
        chosen = [words[int(len(words) ** dice.random()) - 1] for _ in range(max(2, int(count)))]
        return " ".join(chosen).capitalize()

    parts = [f"# {some(4)} {number}"]
    for _ in range(max(1, round(dice.gauss(_CHUNKS_A_NOTE, 4)))):
        parts.append(f"## {some(3)}")
        sentences = max(2, round(dice.gauss(*_SECTION) / 12))
        if dice.random() < 0.3:
            parts.append("\n".join(f"- {some(8)}" for _ in range(sentences)))
        else:
            parts.append(". ".join(some(12) for _ in range(sentences)) + ".")
    return "\n\n".join(parts) + "\n"


def write_notes(target: Path, notes: list[Path], count: int) -> None:
    """Write `count` notes: copies of `notes` in random order, or synthetic ones if there are none.

    A note that is copied again gets the number of the copy in every heading and sentence, so that
    no chunk is encoded like another."""
    words = [] if notes else vocabulary()
    order = random.Random(7).sample(notes, len(notes))
    for number in range(count):
        copy, index = divmod(number, len(order)) if order else (0, 0)
        text = order[index].read_text("utf-8", "replace") if order else synthetic(number, words)
        if copy:
            text = _HEADING.sub(rf"\1, edition {copy}", text)
            text = re.sub(r"(?<=[a-z])\. ", f" in edition {copy}. ", text)
        path = target / f"{number // 200:04d}" / f"note-{number:06d}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def queries(folder: Path, seed: int = 11) -> list[str]:
    """Two to six words in a row from random notes, as a person types them."""
    dice = random.Random(seed)
    paths = sorted(folder.rglob("*.md"))
    asked: list[str] = []
    while len(asked) < _QUERIES:
        words = _WORD.findall(dice.choice(paths).read_text("utf-8", "replace").lower())
        length = dice.randint(2, 6)
        if len(words) > length:
            first = dice.randrange(len(words) - length)
            asked.append(" ".join(words[first : first + length]))
    return asked


@dataclass(slots=True)
class Watched:
    """The engine while it indexes."""

    own: float = 0.0
    """Peak, MiB; `with_child` includes the bulk encoder's."""
    with_child: float = 0.0
    waiting: int = 0
    """Most encoded chunks that were not durable at a time."""
    waited: float = 0.0
    """Longest time (s) for which some were."""
    _since: float = field(default_factory=time.perf_counter)
    _durable: int = 0

    def memory(self, process: psutil.Process) -> None:
        try:
            own = own_memory(process)
            children = sum(own_memory(child) for child in process.children(recursive=True))
        except psutil.NoSuchProcess:
            return
        self.own = max(self.own, own)
        self.with_child = max(self.with_child, own + children)

    def state(self, state: EngineState) -> None:
        now, progress = time.perf_counter(), state.progress
        encoding = progress is not None and progress.phase == "encoding"
        waiting = progress.chunks_done - state.encoded if encoding and progress else 0
        if waiting <= 0 or state.encoded != self._durable:
            self._since, self._durable = now, state.encoded
        self.waiting = max(self.waiting, waiting)
        self.waited = max(self.waited, now - self._since)


def own_memory(process: psutil.Process) -> float:
    """Memory that is neither shared nor read from a file, MiB."""
    memory = process.memory_info()
    return float(memory.rss - memory.shared) / _MIB


def cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and its children so far."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[tuple[EngineClient, psutil.Process]]:
    """A client of an engine, and the engine's process."""
    async with bench.engine(folder) as client:
        pid = (await client.ask(HelloRequest())).engine.pid
        yield client, psutil.Process(pid)


async def ask(client: EngineClient, text: str) -> tuple[float, float]:
    """Milliseconds until the answer is complete, and those of the keyword ranking."""
    started, keyword = time.perf_counter(), 0.0
    async for response in client.stream(SearchRequest(text=text, limit=20)):
        keyword = response.rankings[KEYWORD].took_ms
    return (time.perf_counter() - started) * 1000, keyword


async def searchable(client: EngineClient, word: str) -> bool:
    """Whether all rankings have the chunk with `word`, which no other note contains."""
    async for response in client.stream(SearchRequest(text=word, limit=1)):
        hits = response.rankings[KEYWORD].hits
    return bool(hits) and hits[0].ranks[VECTOR] is not None and hits[0].ranks[RERANKED] is not None


async def indexed(folder: Path) -> Figures:
    """Index `folder` from nothing, unless this home has an index of it."""
    watched, started = Watched(), time.perf_counter()
    async with engine(folder) as (client, process):
        before = (await client.ask(StatusRequest())).state
        ends = asyncio.create_task(_watch(client, process, watched))
        state = await bench.until_current(client)
        took = time.perf_counter() - started
        ends.cancel()
        used = cpu(process)
    figures: Figures = {"chunks": state.chunks, "notes": state.notes}
    if before.encoded:
        return figures
    return figures | {
        "index, s": took,
        "index, chunks/s": state.chunks / took,
        "index, CPU s": used,
        "own memory while indexing, MiB": watched.own,
        "with the bulk encoder, MiB": watched.with_child,
        "encoded, not durable, chunks": watched.waiting,
        "encoded, not durable, s": watched.waited,
    }


async def _watch(client: EngineClient, process: psutil.Process, watched: Watched) -> None:
    async def sample() -> None:
        while True:
            watched.memory(process)
            await asyncio.sleep(0.2)

    sampling = asyncio.create_task(sample())
    try:
        async for state in client.stream(StatesRequest()):
            watched.state(state)
    finally:
        sampling.cancel()


async def cold_start(folder: Path, text: str) -> Figures:
    """From no engine to all rankings of a query."""
    started = time.perf_counter()
    async with bench.engine(folder) as client:
        while True:
            async for response in client.stream(SearchRequest(text=text, limit=20)):
                rankings = response.rankings
            if all(rankings[name].state is RankingState.READY for name in rankings):
                break
            await asyncio.sleep(0.05)
        return {"cold start, s": time.perf_counter() - started}


def unchanged(folder: Path) -> Figures:
    """`membrowse index` of an unchanged folder without an engine."""
    started = time.perf_counter()
    subprocess.run([bench.PROGRAM, "index", str(folder)], check=True, capture_output=True)
    return {"index, unchanged, s": time.perf_counter() - started}


async def at_rest(process: psutil.Process) -> None:
    """Wait until the engine has done nothing for a while: HNSW is built after everything else."""
    busy, until = cpu(process), time.perf_counter() + _REST_SECONDS
    while time.perf_counter() < until:
        await asyncio.sleep(_SETTLED_SECONDS)
        now = cpu(process)
        if now - busy < 0.05 * _SETTLED_SECONDS:
            return
        busy = now


async def used(folder: Path, texts: list[str]) -> Figures:
    """Memory, disk, queries and edits of an engine at rest."""
    async with engine(folder) as (client, process):
        await bench.until_current(client)
        started = time.perf_counter()
        await at_rest(process)
        settled = time.perf_counter() - started
        figures = await _at_rest(client, process)
        for text in texts[:_WARM_UP]:
            await ask(client, text)
        new = [await ask(client, text) for text in queries(folder, time.time_ns())]
        samples = [await ask(client, text) for text in texts for _ in range(2)][1::2]
        times = {
            "new query": [every for every, _ in new],  # token vectors of its chunks are made
            "query": [every for every, _ in samples],
            "keyword": [each for _, each in [*new, *samples]],
        }
        for name, took in times.items():
            figures[f"{name}, p50 ms"] = bench.percentile(took, 0.5)
            figures[f"{name}, p95 ms"] = bench.percentile(took, 0.95)
        figures["own memory after queries, MiB"] = own_memory(process)
        figures["settled after, s"] = settled
        return figures | await _edits(folder, client, process)


async def _at_rest(client: EngineClient, process: psutil.Process) -> Figures:
    status = await client.ask(StatusRequest())
    chunks = max(1, status.state.chunks)
    figures = {
        "own memory at rest, MiB": own_memory(process),
        "mapped at rest, MiB": process.memory_info().shared / _MIB,
    }
    for store, size in status.sizes.items():
        figures[f"disk: {store}, bytes a chunk"] = size / chunks
    without = sum(size for store, size in status.sizes.items() if store != "tokens")
    figures["disk without token vectors, bytes a chunk"] = without / chunks
    return figures


async def _edits(folder: Path, client: EngineClient, process: psutil.Process) -> Figures:
    """Time and cost of edits that add a paragraph; the query that checks them comes after."""
    notes = sorted(path for path in folder.rglob("*.md") if path.stat().st_size < 50_000)
    took, costs, written = [], [], []
    dice = random.Random(time.time_ns())
    for note in dice.sample(notes, min(_EDITS, len(notes))):
        word = "".join(dice.choices("bcdfghjklmnpqrstvwxz", k=12))
        generation = (await client.ask(StatusRequest())).state.generation
        before, disk = cpu(process), process.io_counters().write_bytes
        with note.open("a", encoding="utf-8") as file:
            file.write(f"\n\nThe {word} is kept behind the blue door.\n")
        saved = time.perf_counter()
        async for state in client.stream(StatesRequest()):
            indexed = state.generation > generation and not state.pending.total
            if indexed and state.encoded == state.chunks and state.progress is None:
                break
        took.append(time.perf_counter() - saved)
        await asyncio.sleep(_AFTER_EDIT_SECONDS)
        costs.append(cpu(process) - before)
        written.append((process.io_counters().write_bytes - disk) / 1024)
        if not await searchable(client, word):
            sys.exit(f"{note} was edited and is not found by {word}")
    return {
        "save to searchable, p50 s": bench.percentile(took, 0.5),
        "save to searchable, p95 s": bench.percentile(took, 0.95),
        "an edit, CPU s": bench.percentile(costs, 0.5),
        "an edit, KiB written": bench.percentile(written, 0.5),
    }


async def measure(folder: Path) -> Figures:
    figures = await indexed(folder)
    texts = queries(folder)
    figures |= await cold_start(folder, texts[0])
    figures |= await asyncio.to_thread(unchanged, folder)
    await discovery.stop(folder)
    return figures | await used(folder, texts)


def growth(columns: list[Figures], name: str) -> str:
    """The exponent of n by which a figure grows from the first column to the last."""
    measured = [each for each in columns if each.get(name)]
    if len(measured) < 2 or name == "chunks":
        return ""
    first, last = measured[0], measured[-1]
    exponent = math.log(last[name] / first[name]) / math.log(last["chunks"] / first["chunks"])
    return f"n^{exponent:.1f}"


def show(columns: list[Figures]) -> None:
    names = list(dict.fromkeys(name for each in columns for name in each))
    rows: list[list[object]] = [["what", *(["size"] * len(columns)), "grows"]]
    for name in names:
        values: Iterator[object] = (_figure(each.get(name)) for each in columns)
        rows.append([name, *values, growth(columns, name)])
    bench.table(rows)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chunks", type=int, nargs="+")
    parser.add_argument("--notes", type=Path, help="notes to index instead of synthetic ones")
    arguments = parser.parse_args()
    notes = sorted(arguments.notes.resolve().rglob("*.md")) if arguments.notes else []
    columns: list[Figures] = []
    with bench.home() as home:
        os.environ["MEMBROWSE_ENCODER_MODEL"] = str(save_encoder(home / "models" / "small"))
        os.environ["MEMBROWSE_ENGINE_IDLE_MINUTES"] = "0"  # `at_rest` asks nothing
        for chunks in sorted(arguments.chunks):
            folder = home.resolve() / "notes" / f"{chunks}"
            if not folder.is_dir():
                write_notes(folder, notes, max(1, round(chunks / _CHUNKS_A_NOTE)))
            print(f"{chunks} chunks, load {psutil.getloadavg()[0]:.1f}", flush=True)
            columns.append(asyncio.run(measure(folder)))
            show(columns)
            if "MEMBROWSE_HOME" not in os.environ:
                shutil.rmtree(folder)


if __name__ == "__main__":
    main()
