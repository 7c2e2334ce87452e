"""The child process that reads or searches a store: `python -m membrowse.stores.child`.

It alone imports the store's library, so that whatever that does to its process (memory, threads, a
crash on a damaged file, a wait without an end) is over with the child. It reads requests from stdin
and writes messages to stdout, one JSON record a line, and keeps a store that it searches open. It
ends with its stdin, or when nothing is asked for long.
"""

from __future__ import annotations

import os
import secrets
import select
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from membrowse.counts import counted
from membrowse.settings import SettingsError
from membrowse.stores.address import StoreKind
from membrowse.stores.directory import OpenedStore
from membrowse.stores.fields import Fields, fields_of
from membrowse.stores.messages import (
    Answered,
    Description,
    Failed,
    FoundRecord,
    Message,
    Progressed,
    ReadStore,
    SearchStore,
    Unchanged,
    Work,
)
from membrowse.stores.private_copy import copy, fingerprint
from membrowse.stores.source import (
    CollectionFacts,
    RecordSource,
    StoreUnreadable,
    chosen_collection,
)
from membrowse.stores.spool import SpoolWriter, spooled

_SAMPLE = 50
"""Records whose metadata's names decide which preset fits."""
_LONGEST_PROBLEM = 1000
IDLE_SECONDS = 300.0
"""Without a request, after which a child ends: a store's library and index take memory."""


def main() -> int:
    requests = sys.stdin.buffer
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no message

    def send(message: Message) -> None:
        out.write(msgspec.json.encode(message) + b"\n")
        out.flush()

    with ExitStack() as opened:
        source = None
        while select.select([requests], [], [], IDLE_SECONDS)[0] and (line := requests.readline()):
            work = msgspec.json.decode(line, type=Work)
            try:
                if isinstance(work, ReadStore):
                    for message in read_store(work):
                        send(message)
                else:
                    source = source or opened.enter_context(searched(work))
                    send(search_store(work, source))
            except (StoreUnreadable, SettingsError) as error:
                send(_failed(work, str(error)))
            except Exception as error:  # whatever a store's library raises
                send(_failed(work, f"{work.store.address}: {type(error).__name__}: {error}"))
    return 0


def _failed(work: Work, problem: str) -> Failed:
    return Failed(work.store.without_token(problem)[:_LONGEST_PROBLEM])


def read_store(work: ReadStore) -> Iterator[Message]:
    """Read every record into the spool, and say how far that is. Raises `StoreUnreadable`."""
    store, place = work.store, Path(work.directory)
    store.check()
    known = "" if store.address.is_server else fingerprint(Path(store.address.place))
    if known and known == work.known:
        yield Unchanged()
        return
    name = f"copy-{secrets.token_hex(4)}.db"  # Milvus Lite asks for this suffix
    with _opened(store, place / name, fresh=True) as (source, version):
        named = store.address.collection
        facts = source.use(chosen_collection(source, named, _whole(store)))
        yield Progressed(0, facts.records)
        writer, preset, fields = None, "", Fields()
        for batch in source.records():
            if writer is None:
                names = {name for record in batch[:_SAMPLE] for name in record.metadata}
                preset, fields = fields_of(store.fields, names)
                writer = SpoolWriter(place / work.spool, fields, work.root)
            writer.add(batch)
            yield Progressed(writer.records, facts.records)
        if writer is None:
            writer = SpoolWriter(place / work.spool, fields)
        dimension = writer.finish()
    yield Description(
        collection=facts.name,
        space=facts.space,
        model=facts.model,
        records=writer.records,
        dimension=dimension,
        root=writer.root,
        preset=preset,
        fields=fields,
        facts=(*facts.facts, *_doubts(writer, facts)),
        fingerprint=version,
        copy="" if store.address.is_server else name,
    )


def _doubts(writer: SpoolWriter, facts: CollectionFacts) -> Iterator[str]:
    if writer.not_unit and facts.space in ("l2", "ip"):
        yield (
            f"its own search compares by {facts.space}, and {counted(writer.not_unit, 'vector')} "
            f"{'is' if writer.not_unit == 1 else 'are'} not of unit length; here they are ranked "
            "by cosine, so the orders differ"
        )


@contextmanager
def searched(work: SearchStore) -> Iterator[RecordSource]:
    """The store of `work`, opened for its own search. Raises `StoreUnreadable`."""
    work.store.check()
    with _opened(work.store, Path(work.directory) / work.copy, fresh=False) as (source, _):
        yield source


def search_store(work: SearchStore, source: RecordSource) -> Answered:
    """Ask the own search of the store that `source` has open. Raises `StoreUnreadable`."""
    facts = source.use(work.collection)
    answer = source.search(work.text, work.vector or None, max(1, min(work.k, facts.records)))
    found = (
        FoundRecord(record=spooled(each.record, work.fields, work.root), score=each.score)
        for each in answer.found
    )
    return Answered(tuple(found), answer.warning)


@contextmanager
def _opened(store: OpenedStore, copied: Path, *, fresh: bool) -> Iterator[tuple[RecordSource, str]]:
    """The store, and the fingerprint of its files; those are copied first, if `fresh`."""
    address, version = store.address, ""
    if not address.is_server and fresh:
        version = copy(Path(address.place), copied)
    source = _source(store, copied)
    try:
        yield source, version
    finally:
        source.close()


def _source(store: OpenedStore, copied: Path) -> RecordSource:
    address = store.address
    whole = _whole(store)
    if address.kind is StoreKind.MILVUS:
        from membrowse.stores.milvus import Milvus

        uri = address.place if address.is_server else str(copied)
        return Milvus(uri, whole, store.token, fields_of(store.fields, ())[1])
    if address.is_server:
        from membrowse.stores.chroma_server import ChromaServer

        return ChromaServer(address.place, store.token, remote=address.is_remote)
    from membrowse.stores.chroma_directory import ChromaDirectory

    return ChromaDirectory(copied, whole)


def _whole(store: OpenedStore) -> str:
    """The address without the collection."""
    return str(msgspec.structs.replace(store.address, collection=""))


if __name__ == "__main__":
    sys.exit(main())
