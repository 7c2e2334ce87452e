"""Small real collections, made with the stores' own libraries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = tuple[str, str | None, dict[str, Any], Sequence[float]]
"""Id, document, metadata and vector of a record."""


def chroma_collection(directory: Path, name: str, rows: Sequence[Row], **options: Any) -> None:
    """Add `rows` to a collection in a Chroma directory; both are made if need be."""
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    client: Any = chromadb.PersistentClient(str(directory), settings=settings)
    collection = client.get_or_create_collection(name, **options)
    if rows:
        ids, documents, metadata, vectors = zip(*rows, strict=True)
        collection.upsert(
            ids=list(ids),
            documents=list(documents),
            metadatas=[each or None for each in metadata],
            embeddings=[list(each) for each in vectors],
        )
    client.close()


def snapshot(place: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file, to see that nothing was written."""
    files = sorted(each for each in place.rglob("*") if each.is_file())
    return {str(each): (each.read_bytes(), each.stat().st_mtime_ns) for each in files}
