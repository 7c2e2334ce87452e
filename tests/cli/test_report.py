"""`membrowse report`: whole, private, and without a word of a note when redacted."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from membrowse.cli.redaction import redacted
from membrowse.client.engine import EngineRefused
from membrowse.presentation.report import report_markdown
from membrowse.wire.diagnosis import DiagnosisRequest, SuggestionsRequest
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.notes import FileRecord, FilesRequest, NoteState
from membrowse.wire.report import Program, Report, ReportedIndex, ReportedNote, Setting
from membrowse.wire.request import Problem
from membrowse.wire.search import TargetMatch
from membrowse.wire.tuning import Configurations, ConfigurationsRequest
from tests.cli import conftest
from tests.cli.hostile import HOSTILE, acts, filled
from tests.standin import replies
from tests.standin.engine import StandIn
from tests.standin.replies import hit, ranking, response

WORD = "Zuckerhut"
"""Stands for every word of every note."""


@pytest.fixture
def answering(engine: StandIn) -> StandIn:
    engine.replies |= {
        ExplainRequest: replies.explanation(),
        DiagnosisRequest: replies.diagnosis(),
        SuggestionsRequest: replies.suggestions(),
        ConfigurationsRequest: Configurations(current={"fusion.weight": 0.62}),
    }
    return engine


def made(**changes: Any) -> Report:
    values: dict[str, Any] = {
        "made_at": "2026-11-22T15:04:05Z",
        "program": Program(
            membrowse="0.1.0",
            engine="0.1.0",
            python="3.11.2",
            platform="Linux-6.1-x86_64",
            libraries={"numpy": "2.3.0"},
        ),
        "query_sha256": "ab" * 32,
        "settings": {"fusion.weight": Setting(value=0.62, source="file")},
        "indexed": ReportedIndex(
            recipe={"chunker": "1"}, encoder="e", precision="float32", encoded=9
        ),
        "response": response(
            rankings={"keyword": ranking((hit(1), hit(2))), "reranked": ranking((hit(2), hit(1)))},
            tracked={"0123456789abcdef": hit(1)},
            target=TargetMatch(label="a.md", hit=hit(1), k=5, passes=True, state=NoteState.INDEXED),
        ),
        "explanation": replies.explanation(),
        "diagnosis": replies.why(),
        "notes": (
            ReportedNote(path="a.md", sha256="cd" * 32, size=7, state="indexed", indexed_at=""),
        ),
    }
    return Report(**(values | changes))


def test_a_report_is_self_contained(
    answering: StandIn, program: conftest.Program, folder: Path, tmp_path: Path
) -> None:
    note = folder / "runbooks/deploy-1.md"
    note.parent.mkdir()
    note.write_text("# Deploy\n")
    answering.replies[FilesRequest] = [
        FileRecord(path="runbooks/deploy-1.md", state=NoteState.INDEXED, size=9, indexed_at="then")
    ]
    file = tmp_path / "ssh.json"
    ran = program("report", "ssh port", "a.md:3", "-o", file, "--folder", folder)
    assert (ran.status, ran.out) == (0, "")
    report = json.loads(file.read_text())
    assert (report["schema"], report["kind"]) == (1, "membrowse report")
    assert report["recall"]["query"]["text"] == "ssh port"
    assert report["query_sha256"] == hashlib.sha256(b"ssh port").hexdigest()
    assert set(report["recall"]["rankings"]) == {"keyword", "vector", "fused", "reranked"}
    assert report["explanation"]["keyword"]["score"] == 3.0
    assert report["why"]["verdict"] == replies.why().verdict
    assert report["settings"]["fusion.weight"] == {"value": 0.62, "source": "engine"}
    assert report["settings"]["fusion.rrf_k"] == {"value": 60, "source": "default"}
    assert report["indexed"]["recipe"]["chunker"] == "1"
    assert report["program"]["libraries"]["msgspec"] == msgspec.__version__
    first = report["notes"][0]
    assert first["sha256"] == hashlib.sha256(b"# Deploy\n").hexdigest()
    assert (first["state"], first["size"]) == ("indexed", 9)
    assert answering.asked[0].limit == 20


def test_both_files_are_the_persons_own_and_never_overwritten_silently(
    answering: StandIn, program: conftest.Program, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ssh.json"
    assert program("report", "ssh", "-o", file, "--folder", folder).status == 0
    for path in (file, tmp_path / "ssh.md"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file.unlink()
    (tmp_path / "ssh.md").write_text("mine")
    ran = program("report", "ssh", "-o", file, "--folder", folder)
    assert ran.status == 2
    assert "ssh.md exists: --force overwrites it" in ran.err
    assert not file.exists()
    ran = program("report", "ssh", "-o", file, "--force", "--folder", folder)
    assert (ran.status, (tmp_path / "ssh.md").read_text()) == (2, "mine")
    assert "ssh.md exists and is not a report" in ran.err
    (tmp_path / "ssh.md").write_text("# membrowse report\n\nAn older one.\n")
    file.symlink_to(tmp_path / "elsewhere")
    assert program("report", "ssh", "-o", file, "--force", "--folder", folder).status == 0
    assert "An older one" not in (tmp_path / "ssh.md").read_text()
    assert not (tmp_path / "elsewhere").exists()
    assert [path.name for path in tmp_path.glob(".membrowse-*")] == []


@pytest.mark.parametrize("name", ["ssh.md", "nowhere/ssh.json"])
def test_a_file_that_cannot_be_is_a_usage_error(
    answering: StandIn, program: conftest.Program, folder: Path, tmp_path: Path, name: str
) -> None:
    assert program("report", "ssh", "-o", tmp_path / name, "--folder", folder).status == 2


def test_a_note_without_chunks_still_has_its_diagnosis(
    answering: StandIn, program: conftest.Program, folder: Path, tmp_path: Path
) -> None:
    def refuse(_: ExplainRequest) -> None:
        raise EngineRefused(Problem(message="a.md is ignored"), 404)

    answering.replies[ExplainRequest] = refuse
    file = tmp_path / "ssh.json"
    ran = program("report", "ssh", "a.md", "-o", file, "--folder", folder)
    report = json.loads(file.read_text())
    assert ran.status == 0
    assert "a.md is ignored" in ran.err
    assert report["explanation"] is None
    assert report["why"]["rungs"]


def test_a_redacted_report_keeps_the_figures() -> None:
    before = made()
    after = redacted(before)
    assert after.redacted
    places = [one.chunk for one in after.response.rankings["keyword"].hits]
    assert places == ["c1", "c2"]
    assert after.response.rankings["keyword"].hits[0].score == 12.3
    assert after.explanation is not None
    assert after.explanation.keyword.terms[0].contribution == 3.0
    assert after.explanation.keyword.terms[0].matches[0].field == "body"
    assert after.diagnosis is not None
    assert [step.outcome for step in after.diagnosis.steps] == [
        step.outcome for step in replies.why().steps
    ]
    assert after.diagnosis.suggestions[0].settings == {"fusion.weight": 0.62}
    assert after.diagnosis.suggestions[0].change == "fusion.weight 0.5 → 0.62"
    assert re.fullmatch(r"\[\d+\]", after.diagnosis.suggestions[1].change)
    assert after.settings == before.settings
    assert after.program == before.program


def test_a_path_has_one_pseudonym_throughout() -> None:
    after = redacted(made())
    keyword, reranked = (after.response.rankings[name].hits for name in ("keyword", "reranked"))
    assert [one.path for one in keyword] == [one.path for one in reversed(reranked)]
    assert len({one.path for one in keyword}) == 2
    assert all(re.fullmatch(r"note-\d+", one.path) for one in keyword)


@pytest.mark.parametrize("text", [WORD, f"{WORD} {WORD}", f"{WORD}/{WORD}.md"])
def test_no_text_of_a_record_is_in_a_redacted_report(text: str) -> None:
    whole = made()
    assert whole.explanation is not None
    assert whole.diagnosis is not None
    after = redacted(
        made(
            response=msgspec.structs.replace(
                filled(whole.response, text),
                tracked={text: hit(1)},
                rankings={text: ranking((filled(hit(1), text),), message=text)},
            ),
            explanation=filled(whole.explanation, text),
            diagnosis=filled(whole.diagnosis, text),
            settings={
                "notes.include": Setting(value=(text,), source="file"),
                "encoder.model": Setting(value=text, source="environment"),
                "collections": Setting(value={text: {"roots": {text: text}}}, source="file"),
                text: Setting(value=text, source="file"),
            },
            notes=(ReportedNote(path=text, sha256="", size=1, state="new", indexed_at=""),),
        )
    )
    assert WORD not in msgspec.json.encode(after).decode()
    assert WORD not in report_markdown(after)


def test_markdown_holds_the_same_and_no_note_leaves_its_fence() -> None:
    wicked = f"````\n# Not a heading\n```\n{HOSTILE}"
    whole = made(
        response=filled(made().response, wicked),
        explanation=filled(replies.explanation(), wicked),
        diagnosis=filled(replies.why(), wicked),
    )
    text = report_markdown(whole)
    assert not acts(text)
    headings = []
    fence = ""
    for line in text.splitlines():
        ticks = re.match("`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif ticks:
            fence = ticks[0]
        elif line:
            headings.append(line)
    assert fence == ""
    assert headings == [
        "# membrowse report",
        "## Settings that are not the default",
        "## Rankings",
        "## Explanation",
        "## Why",
        "## Notes",
    ]


def test_markdown_of_a_report_without_a_target_has_the_rankings() -> None:
    text = report_markdown(made(explanation=None, diagnosis=None, settings={}))
    assert "## Explanation" not in text
    assert "runbooks/deploy-1.md:3-18  A › B" in text
    assert "deploy (literal)" in text
