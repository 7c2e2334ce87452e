"""Copying, reading and searching real stores, and what happens when they cannot be read."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import psutil
import pytest

from membrowse import interpreter
from membrowse.stores import chroma_server, private_copy, reader
from membrowse.stores.address import StoreAddress, StoreKind, parse_address
from membrowse.stores.child import read_store, search_store, searched
from membrowse.stores.chroma_server import ChromaServer
from membrowse.stores.directory import OpenedStore
from membrowse.stores.fields import Fields
from membrowse.stores.messages import Description, ReadStore, SearchStore, Unchanged
from membrowse.stores.reader import StoreReader
from membrowse.stores.source import BATCH, RecordSource, StoreUnreadable, chosen_collection
from membrowse.stores.spool import Spool, SpooledRecord
from tests.stores.collections import chroma_collection, snapshot

WORD = "t0ken-that-nobody-may-see"


def reading(store: OpenedStore, directory: Path, known: str = "") -> ReadStore:
    return ReadStore(store=store, directory=str(directory), spool="spool", known=known)


def test_a_copy_has_every_file_of_chroma_and_follows_no_link(tmp_path: Path) -> None:
    store = tmp_path / "store"
    segment = store / "1e9a7b52-4b0f-4d2c-9d0a-0123456789ab"
    segment.mkdir(parents=True)
    (store / "chroma.sqlite3").write_bytes(b"data")
    (segment / "link_lists.bin").write_bytes(b"x" * 3_000_000)
    for other in (".venv/lib.bin", "notes.md"):  # of the program that keeps its store there
        (store / other).parent.mkdir(exist_ok=True)
        (store / other).write_bytes(b"other")
    (store / "passwd").symlink_to("/etc/passwd")
    before = snapshot(store)
    version = private_copy.copy(store, tmp_path / "copy")
    copied = {file.name: file.read_bytes() for file in (tmp_path / "copy").rglob("*.*")}
    assert copied == {"chroma.sqlite3": b"data", "link_lists.bin": b"x" * 3_000_000}
    assert version == private_copy.fingerprint(store)
    assert snapshot(store) == before
    (store / "notes.md").write_bytes(b"changed")
    assert private_copy.fingerprint(store) == version
    (store / "chroma.sqlite3").write_bytes(b"more data")
    assert private_copy.fingerprint(store) != version


def test_a_store_that_never_rests_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "log").write_bytes(b"")
    copied = private_copy._copied

    def written_meanwhile(*arguments: Any) -> bool:
        with (store / "log").open("ab") as log:
            log.write(b"x")
        return copied(*arguments)

    monkeypatch.setattr(private_copy, "_copied", written_meanwhile)
    monkeypatch.setattr(private_copy, "_PAUSE_SECONDS", 0.0)
    with pytest.raises(StoreUnreadable, match="changes all the time"):
        private_copy.copy(store, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("database")
    rows = [(f"r{n}", f"text {n}", {"path": f"{n % 2}.md"}, [1.0, float(n)]) for n in range(3)]
    cosine = {"hnsw": {"space": "cosine"}}
    chroma_collection(directory, "notes", rows, configuration=cosine)
    chroma_collection(directory, "empty", [])
    return directory


def test_a_chroma_directory_is_read_and_searched_from_its_copy(
    database: Path, tmp_path: Path
) -> None:
    before = snapshot(database)
    store = OpenedStore(address=parse_address(f"chroma:{database}#notes"))
    *_, found = read_store(reading(store, tmp_path))
    assert isinstance(found, Description)
    assert (found.records, found.dimension, found.space) == (3, 2, "cosine")
    assert found.model == "all-MiniLM-L6-v2"
    spool = Spool(tmp_path / "spool")
    assert [(note.path, note.records) for note in spool.notes()] == [("0.md", 2), ("1.md", 1)]
    spool.close()
    asked = search(store, tmp_path, found)
    with searched(asked) as source:
        answered = search_store(asked, source)
    assert [each.record.id for each in answered.found] == ["r2", "r1"]
    assert answered.found[0].score == pytest.approx(2 / 5**0.5, abs=1e-5)
    assert [*read_store(reading(store, tmp_path, found.fingerprint))] == [Unchanged()]
    assert snapshot(database) == before


def search(store: OpenedStore, directory: Path, found: Description) -> SearchStore:
    return SearchStore(
        store=store,
        directory=str(directory),
        copy=found.copy,
        collection=found.collection,
        fields=found.fields,
        text="",
        vector=(0.0, 1.0),
        k=2,
    )


def test_the_collection_must_be_clear(database: Path, tmp_path: Path) -> None:
    address = f"chroma:{database}"
    for name, reason in (("", "has 2 collections: name one"), ("#nope", "it has notes, empty")):
        store = OpenedStore(address=parse_address(address + name))
        with pytest.raises(StoreUnreadable, match=reason):
            list(read_store(reading(store, tmp_path)))
    *_, found = read_store(
        reading(OpenedStore(address=parse_address(f"{address}#empty")), tmp_path)
    )
    assert isinstance(found, Description)
    assert (found.records, found.dimension) == (0, 0)


def store_of(*names: str) -> RecordSource:
    """A store of empty collections."""
    return cast(RecordSource, SimpleNamespace(collections=lambda: [*names]))


def test_the_nearest_of_many_collections_are_listed_first() -> None:
    many = store_of(*(f"a-long-name-of-project-{each}" for each in range(300)), "ops", "notes")
    with pytest.raises(StoreUnreadable, match=r"it has notes, .* and 2\d\d others$") as failed:
        chosen_collection(many, "NOTE", "chroma:/data")
    assert len(str(failed.value)) < 600
    with pytest.raises(StoreUnreadable, match=r"it has notes, ops$"):
        chosen_collection(store_of("ops", "notes"), "NOTE", "chroma:/data")
    pair = store_of("a" * 390, "b" * 390)
    with pytest.raises(StoreUnreadable, match=r"\(it has a+ and 1 other\)$"):
        chosen_collection(pair, "", "chroma:/data")


def test_a_damaged_directory_is_said_to_be(database: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "chroma.sqlite3").write_bytes(b"garbage " * 100)
    store = OpenedStore(address=parse_address(f"chroma:{broken}"))
    with pytest.raises(StoreUnreadable, match="cannot open a copy of it"):
        list(read_store(reading(store, tmp_path)))


# A server


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a Chroma server (`chroma run`) that has more records than are read at once."""
    rows = [(f"r{n}", f"text {n}", {"path": f"{n}.md"}, [1.0, float(n)]) for n in range(BATCH + 1)]
    chroma_collection(tmp_path / "database", "notes", rows)
    program = "from chromadb.cli.cli import app; app()"
    options = ["--path", str(tmp_path / "database"), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-c", program, "run", *options],
        cwd=tmp_path,
        env=os.environ | {"ANONYMIZED_TELEMETRY": "False"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not (listening := listening_ports(process.pid)):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            yield f"chroma+http://127.0.0.1:{listening[0]}"
        finally:
            process.terminate()


def listening_ports(pid: int) -> list[int]:
    connections = psutil.Process(pid).net_connections("inet")
    return [each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN]


def test_a_real_server_is_read_and_searched_like_its_directory(served: str, tmp_path: Path) -> None:
    there = read_and_searched(f"{served}#notes", tmp_path / "own-of-server")
    here = read_and_searched(f"chroma:{tmp_path / 'database'}#notes", tmp_path / "own")
    assert there[:3] == here[:3]
    assert (there[0].space, there[0].records, len(there[1])) == ("l2", BATCH + 1, BATCH + 1)
    assert [record.id for record in there[2]] == ["r300", "r301"]
    for vectors_or_scores in (3, 4):
        assert there[vectors_or_scores] == pytest.approx(here[vectors_or_scores], abs=1e-3)


def read_and_searched(
    address: str, own: Path
) -> tuple[Description, list[SpooledRecord], list[SpooledRecord], list[float], list[float | None]]:
    """What was read, the records, those that were found, and all numbers of vectors and scores."""
    own.mkdir()
    store = OpenedStore(address=parse_address(address))
    *_, found = read_store(reading(store, own))
    assert isinstance(found, Description)
    spool = Spool(own / "spool")
    records = [record for note in spool.notes() for record in spool.records(note.path)]
    spool.close()
    vectors = np.frombuffer(b"".join(record.vector or b"" for record in records), np.float32)
    asked = msgspec.structs.replace(search(store, own, found), vector=(1.0, 300.4))
    with searched(asked) as source:
        answered = search_store(asked, source).found
    return (
        msgspec.structs.replace(found, copy="", fingerprint=""),
        [record._replace(vector=None) for record in records],
        [each.record for each in answered],
        vectors.tolist(),
        [each.score for each in answered],
    )


class Server(http.server.BaseHTTPRequestHandler):
    """A Chroma server with two records; `mode` is what it does instead."""

    mode = ""
    tokens: set[str | None] = set()

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        Server.tokens.add(self.headers["X-Chroma-Token"])
        path = self.path.partition("?")[0]
        if path.endswith("/collections"):
            many = range(100 if self.mode == "repeats" else 0)
            self.answer([{"name": "notes"}, *({"name": f"n{each}"} for each in many)][:100])
        elif path.endswith("/count"):
            self.answer(2)
        else:
            self.answer({"id": "1/2", "name": "notes", "configuration_json": {}, "metadata": None})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ids = ["a", "b"][0 if self.mode == "repeats" else asked.get("offset", 0) :]
        self.answer(
            {
                "ids": ids,
                "documents": [f"text {each}" for each in ids],
                "metadatas": [None for _ in ids],
                "embeddings": [[1.0, 0.0] for _ in ids],
            }
        )

    def answer(self, reply: object) -> None:
        if self.mode == "hangs":
            Server.released.wait(60)
            return
        if self.mode == "dies":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
            return
        statuses = {"refuses": 401, "another": 410, "redirects": 302, "echoes": 500}
        self.send_response(statuses.get(self.mode, 200))
        if self.mode == "redirects":
            self.send_header("Location", "http://example.com/")
        self.end_headers()
        replies = {"talks": "<html>", "counts": "[1]", "echoes": self.headers["X-Chroma-Token"]}
        self.wfile.write((replies.get(self.mode) or json.dumps(reply)).encode())

    released = threading.Event()


@pytest.fixture
def server() -> Iterator[str]:
    Server.mode, Server.released, Server.tokens = "", threading.Event(), set()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        Server.released.set()
        running.shutdown()
        thread.join()


def test_a_server_is_asked_with_the_token_of_the_environment(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_VARIABLE", WORD)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    address = parse_address(f"chroma+{server}")
    store = OpenedStore(address=address, token_variable="OUR_" + "VARIABLE")
    *_, found = read_store(reading(store, tmp_path))
    assert isinstance(found, Description)
    assert (found.records, found.dimension, found.copy) == (2, 2, "")
    assert Server.tokens == {WORD}
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert WORD.encode() not in kept


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("hangs", "does not answer: timed out"),
        ("dies", "does not answer: "),
        ("refuses", "is its token right"),
        ("another", "no Chroma server of version 1"),
        ("redirects", "HTTP 302"),
        ("talks", "as no Chroma server of version 1 does: JSON is malformed"),
        ("counts", "as no Chroma server of version 1 does: Expected `object`, got `int`"),
        ("repeats", "returns the same collections again, whatever `offset` says"),
    ],
)
def test_a_server_that_fails_is_reported_without_the_token(
    server: str, mode: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "hangs":
        monkeypatch.setattr(chroma_server, "_FIRST_SECONDS", 0.2)
    Server.mode = mode
    source = ChromaServer(server, WORD, remote=False)
    with pytest.raises(StoreUnreadable, match=reason) as failed:
        chosen_collection(source, "notes", server)
    source.close()
    assert WORD not in str(failed.value)


def test_a_server_that_repeats_its_records_is_not_read_for_ever(server: str) -> None:
    source = ChromaServer(server, "", remote=False)
    source.use(chosen_collection(source, "notes", server))
    Server.mode = "repeats"
    pages = source.records()
    assert [each.id for each in next(pages)] == ["a", "b"]
    with pytest.raises(StoreUnreadable, match="returns the same records again"):
        next(pages)
    source.close()


@pytest.mark.parametrize(
    ("mode", "token", "reason"),
    [
        ("echoes", f" {WORD}\n", "answers HTTP 500: …"),
        ("", f"{WORD}\nfor Chroma", "the token in its environment variable has a line break"),
        ("", f"{WORD}é", "a letter that no request can carry"),
    ],
)
def test_no_token_is_in_a_problem_that_the_child_process_reports(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, token: str, reason: str
) -> None:
    Server.mode = mode
    monkeypatch.setenv("CHROMA_TOKEN", token)
    store = OpenedStore(address=parse_address(f"chroma+{server}"))
    with pytest.raises(StoreUnreadable, match=reason) as failed:
        StoreReader().read(reading(store, tmp_path), print)
    assert WORD not in str(failed.value)


# The child process


def start_program(program: str, _module: str, **options: Any) -> subprocess.Popen[bytes]:
    """In place of a child of ours."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=options["stdin"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; os.kill(os.getpid(), 11)", "died \\(signal 11\\)"),
        ("import time; time.sleep(60)", "says nothing for"),
        ("print('[]')", "cannot be understood"),
        ("", "without a result"),
    ],
)
def test_a_reader_that_crashes_or_hangs_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    monkeypatch.setattr(interpreter, "start", partial(start_program, program))
    monkeypatch.setattr(reader, "SILENT_SECONDS", 0.5 if "sleep" in program else 30.0)
    address = StoreAddress(kind=StoreKind.CHROMA, place=str(tmp_path))
    with pytest.raises(StoreUnreadable, match=reason):
        StoreReader().read(reading(OpenedStore(address=address), tmp_path), lambda _: None)


_SEARCHER = """
import os, sys
for line in sys.stdin:
    if "idle" in line:
        break
    kind = '"failed","problem"' if "fails" in line else '"answered","found":[],"warning"'
    print('{"type":' + kind + f':"{os.getpid()}"' + '}', flush=True)
    if "dies" in line:
        os.kill(os.getpid(), 9)
"""


def test_the_process_of_a_search_is_kept_for_the_same_copy(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = OpenedStore(address=parse_address(f"chroma:{database}#notes"))
    *_, found = read_store(reading(store, tmp_path))
    assert isinstance(found, Description)
    processes: list[subprocess.Popen[bytes]] = []
    start_process = interpreter.start

    def start(module: str, **options: Any) -> subprocess.Popen[bytes]:
        processes.append(start_process(module, **options))
        return processes[-1]

    monkeypatch.setattr(interpreter, "start", start)
    searcher = StoreReader()
    for _ in range(2):
        answered = searcher.search(search(store, tmp_path, found))
        assert [each.record.id for each in answered.found] == ["r2", "r1"]
    assert len(processes) == 1
    searcher.close()
    assert processes[0].poll() is not None


def test_another_process_searches_after_a_refresh_a_failure_and_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "start", partial(start_program, _SEARCHER))
    store = OpenedStore(address=StoreAddress(kind=StoreKind.CHROMA, place=str(tmp_path)))
    searcher, found = (
        StoreReader(),
        Description(
            collection="notes",
            space="l2",
            model="",
            records=1,
            dimension=2,
            preset="",
            fields=Fields(),
            copy="copy-1.db",
        ),
    )
    asked = search(store, tmp_path, found)

    def process(text: str = "", copy: str = "copy-2.db") -> str:
        return searcher.search(msgspec.structs.replace(asked, text=text, copy=copy)).warning

    first = process(copy="copy-1.db")
    assert process(copy="copy-1.db") == first
    second = process()
    assert process() == second != first
    with pytest.raises(StoreUnreadable, match=second):
        process("fails")
    third = process("dies")
    fourth = process()
    assert len({first, second, third, fourth}) == 4
    with pytest.raises(StoreUnreadable, match="without a result"):
        process("idle")
    searcher.close()
    with pytest.raises(StoreUnreadable, match="ending"):
        process()
