"""The commands with a real engine, in separate processes, as a person runs them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import membrowse
from membrowse import paths
from tests.conftest import ExportedEncoder

NOTES = {
    "runbooks/deploy.md": "# Deploy\n\n## Roll back\n\nTo roll back a deploy: `shipit --undo`.\n",
    "logs/2025-11-08.md": "# 2025-11-08\n\nStaging ssh listens on port 2222 behind the bastion.\n",
    "MEMORY.md": "# Memory\n\nThe owner prefers short answers. Refunds are approved by Nadia.\n",
}
STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Machine:
    """A home and a folder of notes; runs the program in them."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.folder = folder
        package = str(Path(membrowse.__file__).parents[1])
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MEMBROWSE_")
        } | {"MEMBROWSE_HOME": str(home), "PYTHONPATH": package}

    def start(
        self, *arguments: str | Path, stdin: int | None = None, stdout: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "membrowse", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        with self.start(*arguments, stdin=subprocess.PIPE) as process:
            out, err = process.communicate(stdin, timeout=90)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str | Path) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr.decode()
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@pytest.fixture(scope="module")
def machine(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Machine]:
    base = tmp_path_factory.mktemp("m")
    home, folder = base / "home", base / "notes"
    home.mkdir()
    (home / "cache").symlink_to(exported_encoder.home / "cache")
    for name, text in NOTES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    machine = Machine(home, folder)
    assert machine.json("index", folder)["notes"] == len(NOTES)
    yield machine
    assert machine.run("engine", "stop", "--folder", folder).returncode == 0


def places(answer: dict[str, Any]) -> dict[str, list[tuple[str, int, float]]]:
    """What must be equal whoever asks, and when."""
    return {
        name: [(hit["path"], hit["start_line"], hit["score"]) for hit in ranking["hits"]]
        for name, ranking in answer["rankings"].items()
    }


def test_an_index_holds_every_note_with_vectors(machine: Machine) -> None:
    report = machine.json("index", machine.folder)
    assert report["failed"] == []
    assert report["encoded"] == report["chunks"] >= len(NOTES)


def test_a_search_has_every_ranking_ready(machine: Machine) -> None:
    answer = machine.json("search", "how do I roll back a deploy?")
    assert {ranking["state"] for ranking in answer["rankings"].values()} == {"ready"}
    for ranking in answer["rankings"].values():
        assert ranking["hits"][0]["path"] == "runbooks/deploy.md"
    assert answer["client"] == "cli"
    assert answer["folder"] == str(machine.folder)


def test_the_current_folder_is_taken_and_named(machine: Machine) -> None:
    done = machine.run("search", "deploy")
    assert done.returncode == 0
    assert f"folder: {machine.folder}" in done.stderr.decode()


def test_filters_that_nothing_passes_are_told_and_status_1(machine: Machine) -> None:
    done = machine.run("search", "--syntax", "deploy path:nowhere", "--json")
    assert done.returncode == 1
    assert "no note passes the filter path:nowhere" in done.stderr.decode()
    rankings = json.loads(done.stdout)["rankings"].values()
    assert [ranking["hits"] for ranking in rankings] == [[]] * 4


def test_metrics_are_written_for_a_collector_whose_directory_stays_as_it_is(
    machine: Machine, tmp_path: Path
) -> None:
    collected = tmp_path / "collected"
    collected.mkdir()
    collected.chmod(0o2775)
    if os.geteuid() == 0:
        os.chown(collected, 65_534, 65_534)
    before = collected.stat()
    file = collected / "membrowse.prom"
    file.write_text("# of an hour ago\n")
    for _ in range(2):
        done = machine.run("metrics", "--folder", machine.folder, "--textfile", file)
        assert (done.returncode, done.stdout) == (0, b""), done.stderr
    ready = f'membrowse_ready{{service="{paths.folder_key(machine.folder)}"}}'
    assert f"{ready} 1.0" in file.read_text() and file.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in collected.iterdir()] == ["membrowse.prom"]
    after = collected.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    missing = machine.run(
        "metrics", "--folder", machine.folder, "--textfile", collected / "no" / "x"
    )
    assert missing.returncode == 70 and b"cannot be written" in missing.stderr


def test_a_batch_ranks_as_each_query_alone(machine: Machine) -> None:
    queries = ["roll back a deploy", "staging ssh port?", "who approves refunds", "端口"]
    lines = "".join(json.dumps({"id": n, "query": q}) + "\n" for n, q in enumerate(queries))
    done = machine.run("search", "--batch", "-", "--json", stdin=lines.encode())
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr.decode()
    assert [answer["id"] for answer in answers] == [0, 1, 2, 3]
    for query, answer in zip(queries, answers, strict=True):
        assert places(machine.json("search", query)) == places(answer)


def test_clients_at_once_agree(machine: Machine) -> None:
    processes = [machine.start("search", "staging ssh port?", "--json") for _ in range(3)]
    answers = [json.loads(process.communicate(timeout=90)[0]) for process in processes]
    assert places(answers[0]) == places(answers[1]) == places(answers[2])


def test_index_sees_what_was_saved_just_before(machine: Machine) -> None:
    note = machine.folder / "new.md"
    for text in ("The vault key is under the doormat.", "The vault key is at the bank."):
        note.write_text(text)
        machine.json("index", machine.folder)
        hit = machine.json("search", "vault key")["rankings"]["keyword"]["hits"][0]
        assert (hit["path"], hit["freshness"]) == ("new.md", "current")
        assert text.split()[-1].rstrip(".") in hit["snippet"]
    note.unlink()
    assert machine.json("index", machine.folder)["notes"] == len(NOTES)


def test_an_explanation_sums_to_the_score(machine: Machine) -> None:
    answer = machine.json("explain", "staging ssh port?", "logs/2025-11-08.md:3")
    terms = answer["keyword"]["terms"]
    assert sum(term["contribution"] for term in terms) == pytest.approx(answer["keyword"]["score"])
    assert answer["keyword"]["score"] == pytest.approx(answer["hit"]["scores"]["keyword"])
    assert machine.run("explain", "ssh", "not-there.md").returncode == 1


def test_why_and_pins_run_are_gates(machine: Machine, tmp_path: Path) -> None:
    query, note = "staging ssh port?", "logs/2025-11-08.md"
    answer = machine.json("why", query, note)
    assert (answer["in_top_k"], len(answer["rungs"])) == (True, 8)
    missing = machine.run("why", query, "not-there.md", "--json")
    assert missing.returncode == 1
    assert json.loads(missing.stdout)["rungs"][0]["outcome"] == "fails"
    pins = tmp_path / "pins.jsonl"
    pins.write_text(json.dumps({"query": query, "path": note}) + "\n")
    held = machine.json("pins", "run", pins)
    assert (held["total"], held["holding"], held["measures"]["reranked"]["mrr"]) == (1, 1, 1.0)
    pins.write_text(json.dumps({"query": query, "path": "not-there.md"}) + "\n")
    assert machine.run("pins", "run", pins).returncode == 1


def test_a_report_is_run_again_before_and_after_an_edit(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    assert machine.run("report", "roll back a deploy", "-o", file).returncode == 0
    assert machine.json("rerun", file)["differences"] == []
    note = machine.folder / "more.md"
    note.write_text("# Roll back\n\nRoll back a deploy, and roll back once more.\n")
    machine.json("index", machine.folder)
    done = machine.run("rerun", file, "--json")
    answer = json.loads(done.stdout)
    note.unlink()
    machine.json("index", machine.folder)
    assert done.returncode == 1
    assert [hit["path"] for hit in answer["rankings"]["reranked"]["new"]] == ["more.md"]
    assert "generation" in [one["what"] for one in answer["differences"]]


def test_no_word_of_a_note_is_in_a_redacted_report(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    query = "who approves refunds, Nadia?"
    assert machine.run("report", query, "MEMORY.md", "-o", file, "--redact").returncode == 0
    text = f"{file.read_text()}{file.with_suffix('.md').read_text()}".lower()
    words = set(re.findall(r"[a-z]{4,}", " ".join((*NOTES, *NOTES.values(), query)).lower()))
    ours = {"note", "memory", "short", "port", "logs", "answers"}
    assert {word for word in words - ours if re.search(rf"\b{word}\b", text)} == set()
    again = machine.json("rerun", file, "--query", query)
    assert (again["same_order"], again["differences"]) == (True, [])


def test_status_and_doctor_know_the_engine(machine: Machine) -> None:
    status = machine.json("status")
    assert status["state"]["pending"] == {"new": 0, "changed": 0, "deleted": 0, "failed": 0}
    assert Path(f"/proc/{status['engine']['pid']}").exists() or sys.platform != "linux"
    assert machine.json("doctor")["healthy"] is True


def test_a_rebuild_is_whole_and_ranks_the_same(machine: Machine) -> None:
    before = places(machine.json("search", "staging ssh port?"))
    report = machine.json("index", machine.folder, "--rebuild")
    assert (report["notes"], report["encoded"]) == (len(NOTES), report["chunks"])
    assert places(machine.json("search", "staging ssh port?")) == before


def test_restart_serves_the_same_index(machine: Machine) -> None:
    before = machine.json("status")["engine"]["pid"]
    assert machine.run("engine", "restart").returncode == 0
    assert machine.json("status")["engine"]["pid"] != before
    assert b"version" in machine.run("engine", "log", "-n", "100").stdout
    assert machine.json("search", "deploy")["chunks"] >= len(NOTES)


def test_ctrl_c_while_waiting_for_queries_is_status_130(machine: Machine) -> None:
    with machine.start("search", "--batch", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"id": 1, "query": "deploy"}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_a_reader_that_takes_one_line_ends_a_batch_in_silence(machine: Machine) -> None:
    queries = b'{"id": 1, "query": "deploy"}\n' * 200
    with machine.start("search", "--batch", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(queries)
        process.stdin.close()
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 141
    assert b"Traceback" not in err
    assert b"Exception" not in err


@pytest.mark.parametrize(("columns", "side_by_side"), [(120, True), (80, False)])
def test_on_a_terminal_rankings_stand_side_by_side_where_there_is_room(
    machine: Machine, columns: int, side_by_side: bool
) -> None:
    leader, follower = pty.openpty()
    machine.environment["COLUMNS"] = str(columns)
    try:
        with machine.start("search", "deploy", stdout=follower) as process:
            os.close(follower)
            text = STYLE.sub("", _everything(leader))
        assert process.returncode == 0
    finally:
        del machine.environment["COLUMNS"]
        os.close(leader)
    heads = [line for line in text.splitlines() if "KEYWORD" in line]
    assert ("RERANKED" in heads[0]) is side_by_side
    assert "runbooks/deploy.md:" in text


def _everything(descriptor: int, seconds: float = 60.0) -> str:
    """What is written to a terminal until its other end is closed."""
    data = b""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.1)[0]:
            try:
                piece = os.read(descriptor, 1 << 16)
            except OSError:
                break
            if not piece:
                break
            data += piece
    return data.decode()
