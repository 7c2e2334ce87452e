"""memsearch: chunks in a Milvus Lite directory (as of 0.4), which only `pymilvus` reads."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from membrowse import paths
from membrowse.agents.foreign_files import Unreadable, table, text, toml
from membrowse.agents.machine import Machine
from membrowse.agents.system import Candidate, ForeignIndex, IndexedFile
from membrowse.stores.address import grpc_options
from membrowse.wire.agents import AgentMemory, IndexedState, SearchCommand

DEFAULT_K, DEFAULT_COLLECTION = 5, "memsearch_chunks"
LARGEST_COPY = 2 << 30
"""Bytes of an index that is copied to be read."""
_PAGE = 1000
_UNMAPPED = ("chunks of 1,500 characters", "its embedding model", "its reranker, if one is set")


class Memsearch:
    """The memory of memsearch."""

    name = "memsearch"

    def find(self, machine: Machine) -> Iterator[Candidate]:
        home = machine.home / ".memsearch"
        here = machine.working_directory / ".memsearch" / "memory"
        folders = [each for each in (here, home / "memory") if each.is_dir()]
        if not home.is_dir() and not folders:
            return
        file = home / "config.toml"
        settings = table(toml(file), "milvus") if file.is_file() else {}
        uri = text(settings.get("uri")) or str(home / "milvus.db")
        local = "://" not in uri
        problems = [] if local else [f"{file}: the index is on a server ({uri.split('://')[0]})"]
        if not folders:
            problems.append("its folder is recorded nowhere: name it when you attach (--folder)")
        folder = str(folders[0]) if folders else ""
        collection = text(settings.get("collection")) or DEFAULT_COLLECTION
        yield Candidate(
            AgentMemory(
                id=self.name,
                system=self.name,
                folder=folder,
                include=("*.md", "*.markdown"),
                index=str(machine.path(uri)) if local else "",
                index_part=collection,
                store=f"milvus:{machine.path(uri)}#{collection}" if local else "",
                k=DEFAULT_K,
                weights={"rrf_k": 60},
                settings={
                    "agent.k": DEFAULT_K,
                    "fusion.method": "rrf",
                    "fusion.rrf_k": 60,
                    "rerank.method": "none",
                },
                unmapped=_UNMAPPED,
                search=SearchCommand(
                    arguments=(
                        "memsearch",
                        "search",
                        "--top-k={k}",
                        "--source-prefix={folder}",
                        "--json-output",
                        "--",
                        "{query}",
                    ),
                    reads=self.name,
                ),
            ),
            tuple(problems),
        )

    def indexed(self, memory: AgentMemory) -> ForeignIndex | None:
        if not memory.index:
            return None
        return ForeignIndex(tuple(_by_file(_chunks(Path(memory.index), memory), memory)))

    def remedies(self, memory: AgentMemory) -> dict[IndexedState, str]:
        index = f"memsearch index {memory.folder}"
        return {
            IndexedState.MISSING: index,
            IndexedState.STALE: index,
            IndexedState.GONE: index,
            IndexedState.OUT_OF_SCOPE: "only .md and .markdown files are indexed",
        }


def _chunks(index: Path, memory: AgentMemory) -> list[dict[str, Any]]:
    """Source and text of every chunk, read from a copy: the library would write to the index."""
    if not index.exists():
        raise Unreadable(f"{index}: no such file")
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise Unreadable(f"{index}: reading it needs pymilvus with milvus-lite") from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    if paths.tree_size(index) > LARGEST_COPY:
        raise Unreadable(f"{index}: larger than {LARGEST_COPY >> 30} GB")
    with tempfile.TemporaryDirectory(prefix="membrowse-") as place:
        copy = Path(place) / "milvus.db"
        try:
            copier = shutil.copytree if index.is_dir() else shutil.copyfile
            copier(index, copy)
            client = MilvusClient(uri=str(copy), grpc_options=grpc_options(str(copy)))
            try:
                client.load_collection(memory.index_part)
                return list(_rows(client, memory.index_part))
            finally:
                client.close()
        except Exception as error:  # whatever the library raises
            raise Unreadable(f"{index}: {str(error)[:200]}") from error


def _rows(client: Any, collection: str) -> Iterator[dict[str, Any]]:
    iterator = client.query_iterator(
        collection,
        filter='chunk_hash != ""',
        output_fields=["source", "content"],
        batch_size=_PAGE,
    )
    while page := iterator.next():
        yield from page
    iterator.close()


def _by_file(chunks: Iterable[dict[str, Any]], memory: AgentMemory) -> Iterator[IndexedFile]:
    texts: dict[str, list[str]] = {}
    roots = (Path(memory.folder), Path(os.path.realpath(memory.folder)))
    for chunk in chunks:
        texts.setdefault(text(chunk.get("source")), []).append(text(chunk.get("content")))
    for source, contents in sorted(texts.items()):
        path = Path(source)
        root = next((each for each in roots if path.is_relative_to(each)), None)
        if root is not None:
            yield IndexedFile(path.relative_to(root).as_posix(), texts=tuple(contents))
