"""Chunks a second, end to end, against plain encoding: `indexing.py FOLDER [LIMIT]`.

Indexes (a copy of the first LIMIT notes of) FOLDER from nothing, then gives the texts of the same
chunks to `SentenceTransformer.encode` at its default batch size, in the same run and precision.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from membrowse import paths, settings
from membrowse.encoding.model_files import locate
from membrowse.encoding.onnx_export import ensure_export
from membrowse.encoding.word_pieces import WordPieces
from membrowse.notes.chunker import chunk_note
from membrowse.notes.note import parse_note
from membrowse.notes.reader import read_file
from membrowse.roots import Roots
from tests.benchmarks import bench
from tests.notes.folder_scan import scan_folder

_PLAIN = """
import json, sys, time, torch
from sentence_transformers import SentenceTransformer
texts = json.load(open(sys.argv[2]))
kind = {"torch_dtype": getattr(torch, sys.argv[3])}
model = SentenceTransformer(sys.argv[1], local_files_only=True, model_kwargs=kind)
started = time.perf_counter()
model.encode(texts)
print(time.perf_counter() - started)
"""


def texts(folder: Path) -> list[str]:
    """What the encoder reads of every chunk of `folder`."""
    configured = settings.Settings()
    pieces = WordPieces(locate(configured.encoder))
    found = [file for file in scan_folder(folder, configured.notes) if file.excluded is None]
    notes = (
        parse_note(read_file(Roots.of_folder(folder), file.path, configured.notes))
        for file in found
    )
    made = (chunk for note in notes for chunk in chunk_note(note, pieces.count))
    return [f"{chunk.header}\n{chunk.text}" if chunk.header else chunk.text for chunk in made]


def plain(folder: Path, scratch: Path, precision: str) -> tuple[int, float]:
    """Chunks, and the seconds that `SentenceTransformer.encode` takes for them."""
    import json

    wanted = texts(folder)
    file = scratch / "texts.json"
    file.write_text(json.dumps(wanted))
    directory = locate(settings.EncoderSettings()).directory
    command = [sys.executable, "-c", _PLAIN, str(directory), str(file), precision]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return len(wanted), float(done.stdout.split()[-1])


async def ours(folder: Path) -> tuple[int, float, str]:
    """Chunks, the seconds from starting an engine to the last vector, and its precision."""
    started = time.perf_counter()
    async with bench.engine(folder) as client:
        state = await bench.until_current(client)
        return state.chunks, time.perf_counter() - started, state.encoder.precision


def main(folder: Path, limit: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory).resolve()
        copy = scratch / "notes"
        for note in sorted(folder.rglob("*.md"))[:limit]:
            target = copy / note.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(note, target)
        ensure_export(locate(settings.EncoderSettings()), paths.cache_dir())
        count, took, precision = asyncio.run(ours(copy))
        count_plain, took_plain = plain(copy, scratch, precision)
    print(f"both in {precision}")
    bench.table(
        [
            ["what", "chunks", "seconds", "chunks/s"],
            ["membrowse, end to end", count, took, count / took],
            ["SentenceTransformer.encode", count_plain, took_plain, count_plain / took_plain],
        ]
    )
    print(f"{100 * (count / took) / (count_plain / took_plain):.0f} %")


if __name__ == "__main__":
    with bench.home():
        main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
