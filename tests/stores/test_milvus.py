"""Reading and searching Milvus: a database of Milvus Lite, a server, and one that fails."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from membrowse.stores import milvus
from membrowse.stores.address import parse_address
from membrowse.stores.child import read_store, search_store, searched
from membrowse.stores.directory import OpenedStore
from membrowse.stores.messages import Description
from membrowse.stores.source import StoreUnreadable
from membrowse.stores.spool import Spool
from tests.milvus_server import failing_milvus, milvus_server
from tests.stores.collections import snapshot
from tests.stores.test_reading import WORD, reading, search

pytest.importorskip("pymilvus", reason="the extra membrowse[milvus] is not installed")
pytest.importorskip("milvus_lite", reason="the extra membrowse[milvus] is not installed")
pytest.importorskip("grpc", reason="the extra membrowse[milvus] is not installed")


def write_memsearch_database(place: str) -> None:
    """A collection of memsearch's schema, in a Milvus Lite database or on a server."""
    import pymilvus

    client = pymilvus.MilvusClient(place)
    kinds = pymilvus.DataType
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("chunk_hash", kinds.VARCHAR, max_length=64, is_primary=True)
    schema.add_field("embedding", kinds.FLOAT_VECTOR, dim=2)
    schema.add_field("content", kinds.VARCHAR, max_length=6000, enable_analyzer=True)
    schema.add_field("sparse_vector", kinds.SPARSE_FLOAT_VECTOR)
    schema.add_function(
        pymilvus.Function(
            name="bm25",
            function_type=pymilvus.FunctionType.BM25,
            input_field_names=["content"],
            output_field_names=["sparse_vector"],
        )
    )
    indexes = client.prepare_index_params()
    indexes.add_index("embedding", index_type="FLAT", metric_type="COSINE")
    indexes.add_index("sparse_vector", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    client.create_collection("memsearch_chunks", schema=schema, index_params=indexes)
    rows = [
        {
            "chunk_hash": str(n),
            "content": f"{word} note",
            "embedding": [1.0, float(n)],
            "source": f"/home/u/memory/{n}.md",
            "start_line": n + 1,
            "heading_level": 1,
        }
        for n, word in enumerate(("cat", "dog", "bird"))
    ]
    client.insert("memsearch_chunks", rows)
    client.close()


def test_a_milvus_database_is_read_and_searched_as_memsearch_does(tmp_path: Path) -> None:
    place = tmp_path / "milvus.db"
    write_memsearch_database(str(place))
    before = snapshot(place)
    read_and_searched_as_memsearch_does(f"milvus:{place}", tmp_path)
    assert snapshot(place) == before


def test_text_and_vector_are_the_fields_that_the_person_names(tmp_path: Path) -> None:
    import pymilvus

    place, kinds = tmp_path / "milvus.db", pymilvus.DataType
    client = pymilvus.MilvusClient(str(place))
    schema = client.create_schema()
    schema.add_field("key", kinds.VARCHAR, max_length=9, is_primary=True)
    schema.add_field("coarse", kinds.FLOAT_VECTOR, dim=2)
    schema.add_field("fine", kinds.FLOAT_VECTOR, dim=4)
    schema.add_field("abstract", kinds.VARCHAR, max_length=99)
    schema.add_field("body", kinds.VARCHAR, max_length=9)
    indexes = client.prepare_index_params()
    for name in ("coarse", "fine"):
        indexes.add_index(name, index_type="FLAT", metric_type="COSINE")
    client.create_collection("papers", schema=schema, index_params=indexes)
    row = {"key": "1", "coarse": [1.0, 0.0], "fine": [1.0] * 4, "abstract": "a", "body": "b"}
    client.insert("papers", [row])
    client.close()
    address = parse_address(f"milvus:{place}")
    for fields, facts, dimension in (
        ("auto", "text from body, vectors from coarse", 2),
        ("text=abstract,vector=fine", "text from abstract, vectors from fine", 4),
    ):
        store = OpenedStore(address=address, fields=fields)
        (own := tmp_path / fields).mkdir()
        *_, found = read_store(reading(store, own))
        assert isinstance(found, Description)
        assert (found.facts[0], found.dimension) == (facts, dimension)
    store = OpenedStore(address=address, fields="vector=body")
    with pytest.raises(StoreUnreadable, match="papers has no vector field body: it has coarse"):
        list(read_store(reading(store, tmp_path)))


def test_keys_that_need_quotes_are_read_a_batch_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pymilvus

    monkeypatch.setattr(milvus, "BATCH", 2)
    place, keys = tmp_path / "milvus.db", ["C:\\notes\\a.md", 'an "odd" key', "it's", "ä", "z"]
    client = pymilvus.MilvusClient(str(place))
    client.create_collection("notes", dimension=2, id_type="string", max_length=80)
    client.insert("notes", [{"id": key, "vector": [1.0, 0.0], "text": key} for key in keys])
    client.close()
    store = OpenedStore(address=parse_address(f"milvus:{place}"))
    *_, found = read_store(reading(store, tmp_path))
    assert isinstance(found, Description)
    spool = Spool(tmp_path / "spool")
    records = [each for note in spool.notes() for each in spool.records(note.path)]
    spool.close()
    assert sorted(each.id for each in records) == sorted(keys)


def test_a_milvus_server_is_read_and_searched_as_memsearch_does(tmp_path: Path) -> None:
    with milvus_server(tmp_path / "server") as port:
        url = f"http://127.0.0.1:{port}"
        write_memsearch_database(url)
        (tmp_path / "own").mkdir()
        found = read_and_searched_as_memsearch_does(f"milvus+{url}", tmp_path / "own")
    assert (found.copy, found.fingerprint) == ("", "")
    assert [each.name for each in (tmp_path / "own").iterdir()] == ["spool"]


def read_and_searched_as_memsearch_does(address: str, directory: Path) -> Description:
    store = OpenedStore(address=parse_address(address))
    *_, found = read_store(reading(store, directory))
    assert isinstance(found, Description)
    assert (found.preset, found.root, found.dimension) == ("memsearch", "home/u/memory/", 2)
    spool = Spool(directory / "spool")
    records = [spool.records(note.path)[0] for note in spool.notes()]
    assert [(each.path, each.line, each.document) for each in records] == [
        ("0.md", 1, "cat note"),
        ("1.md", 2, "dog note"),
        ("2.md", 3, "bird note"),
    ]
    spool.close()
    asked = msgspec.structs.replace(
        search(store, directory, found), root=found.root, text="bird", vector=(1.0, 0.0), k=3
    )
    with searched(asked) as source:
        both = search_store(asked, source)
        words = search_store(msgspec.structs.replace(asked, vector=()), source)
    assert {each.record.path for each in both.found[:2]} == {"0.md", "2.md"}
    assert [each.record.path for each in words.found] == ["2.md"]
    assert "only its BM25" in words.warning
    return found


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("UNAUTHENTICATED", r"refuses \(UNAUTHENTICATED\): is its token right"),
        ("PERMISSION_DENIED", r"refuses \(PERMISSION_DENIED\): is its token right"),
        ("INTERNAL", "does not answer: INTERNAL"),
        ("is gone", "does not answer: "),
        ("hangs", "does not answer: "),
    ],
)
def test_a_milvus_server_that_fails_is_reported_without_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, reason: str
) -> None:
    answers = mode not in ("is gone", "hangs")
    if not answers:
        monkeypatch.setattr(milvus, "_SECONDS", 0.5)
    monkeypatch.setenv("OUR_VARIABLE", WORD)
    with failing_milvus(mode) as (url, tokens):
        store = OpenedStore(
            address=parse_address(f"milvus+{url}"), token_variable="OUR_" + "VARIABLE"
        )
        with pytest.raises(StoreUnreadable, match=reason) as failed:
            list(read_store(reading(store, tmp_path)))
    assert str(failed.value).startswith(f"milvus+{url} ")
    assert WORD not in str(failed.value)
    assert tokens == ({base64.b64encode(WORD.encode()).decode()} if answers else set())
