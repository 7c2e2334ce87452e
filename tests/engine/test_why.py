"""Why not this note: every rung of the ladder, on one engine over notes prepared for it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from membrowse.client import discovery
from membrowse.client.diagnosis import diagnose
from membrowse.client.engine import EngineClient
from membrowse.wire.diagnosis import (
    DiagnosisReport,
    DiagnosisRequest,
    Outcome,
    Step,
    StepName,
    SuggestionKind,
)
from membrowse.wire.engine import ReindexRequest, WatchRequest
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.notes import NoteState
from membrowse.wire.overrides import Overrides
from membrowse.wire.pins import AddPinRequest, RemovePinRequest
from membrowse.wire.rank_flow import RankFlowRequest
from membrowse.wire.search import Filters, Target
from membrowse.wire.tuning import SaveConfigurationRequest, TuneRequest, UseConfigurationRequest
from tests.conftest import ExportedEncoder
from tests.engine.conftest import ask, current, until
from tests.engine.standing import at_home, client_of
from tests.engine.why_notes import FOOD, KETTLE, LEDGER, OLD_PORTS, PORTS, RELEASE, SPLIT_TEXT, TEA


@pytest.fixture(scope="module", autouse=True)
def home(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    """One home for all tests of this module, and so one engine."""
    base = tmp_path_factory.mktemp("why")
    with at_home(base, exported_encoder, MEMBROWSE_NOTES_MAX_BYTES="20000") as path:
        yield path


@pytest.fixture(scope="module")
def folder(home: Path) -> Iterator[Path]:
    path = home.parent / "notes"
    (path / "drafts").mkdir(parents=True)
    (path / "decisions").mkdir()
    (path / ".membrowseignore").write_text("# not yet\ndrafts/\n*.private.md\n")
    (path / "drafts" / "plan.md").write_text("# Plan\n\nA plan.\n")
    (path / "diary.private.md").write_text("# Diary\n")
    (path / "image.md").write_bytes(b"# Image\n\0\1\2")
    (path / "large.md").write_text("word " * 5000)
    os.mkfifo(path / "pipe.md")
    (path / "ports.md").write_text(PORTS)
    (path / "decisions" / "2025-01-09-ports.md").write_text(OLD_PORTS)
    (path / "food.md").write_text(FOOD)
    (path / "release.md").write_text(RELEASE)
    (path / "ledger.md").write_text(LEDGER)
    (path / "tea.md").write_text(TEA)
    (path / "kettle.md").write_text(KETTLE)
    (path / "zanzibar").mkdir()
    (path / "zanzibar" / "trip.md").write_text("Plain words about travelling, by boat mostly.\n")
    yield path
    asyncio.run(discovery.stop(path))


async def why(
    client: EngineClient,
    query: str,
    /,
    *,
    k: int | None = None,
    changes: bool = False,
    **target: object,
) -> DiagnosisReport:
    wanted = Target(**target)  # type: ignore[arg-type]
    request = DiagnosisRequest(text=query, target=wanted, k=k)
    return await diagnose(client, request, suggest=changes)


def rung(told: DiagnosisReport, step: StepName) -> Step:
    return next(rung for rung in told.steps if rung.name is step)


def failing(told: DiagnosisReport) -> StepName | None:
    """The first rung that fails; its sentence is in the verdict."""
    optional = {StepName.FILTERS}
    assert [rung.name for rung in told.steps if rung.name not in optional] == [
        name for name in StepName if name not in optional
    ]
    assert all(rung.finding.endswith(".") for rung in told.steps)
    for each in told.steps:
        if each.outcome is Outcome.FAILS:
            assert each.finding[1:] in told.verdict
            return each.name
    return None


@asynccontextmanager
async def tuned(client: EngineClient, overrides: Overrides) -> AsyncIterator[None]:
    await client.ask(SaveConfigurationRequest(name="test", overrides=overrides))
    try:
        yield
    finally:
        await client.ask(UseConfigurationRequest(name=""))


@asynccontextmanager
async def paused(client: EngineClient) -> AsyncIterator[None]:
    await client.ask(WatchRequest(paused=True))
    try:
        yield
    finally:
        await client.ask(WatchRequest(paused=False))
        await reindexed(client)


async def reindexed(client: EngineClient) -> int:
    asked = (await client.ask(ReindexRequest())).requested
    return (await until(client, lambda s: current(s) and s.started >= asked)).generation


async def test_1_a_file_that_is_not_there(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "ssh port", path="decision/2025-01-09-ports.md")
        assert told.steps[0].evidence == ("there is decisions/2025-01-09-ports.md",)
        told = await why(client, "ssh port", path="2025-01-09-ports.md")
        assert failing(told) is StepName.FOLDER
        assert told.match.hit is None and not told.in_top_k
        assert told.verdict == (
            "2025-01-09-ports.md is not in the top 5: the folder has no file 2025-01-09-ports.md."
        )
        assert told.steps[0].evidence == ("there is decisions/2025-01-09-ports.md",)
        assert {rung.outcome for rung in told.steps[1:]} == {Outcome.SKIPPED}


@pytest.mark.parametrize(
    ("path", "state", "finding"),
    [
        (
            "drafts/plan.md",
            NoteState.IGNORED,
            "It is left out of the index: its folder drafts/ is excluded: "
            "ignored by line 2 of .membrowseignore: drafts/.",
        ),
        (
            "diary.private.md",
            NoteState.IGNORED,
            "It is left out of the index: ignored by line 3 of .membrowseignore: *.private.md.",
        ),
        ("image.md", NoteState.SKIPPED, "It is skipped: binary: it contains NUL bytes."),
        ("pipe.md", NoteState.SKIPPED, "It is skipped: not a regular file: FIFO."),
        (
            "large.md",
            NoteState.SKIPPED,
            "It is skipped: too large: 25,000 bytes, notes.max_bytes is 20,000.",
        ),
    ],
)
async def test_1_a_file_that_is_left_out(
    folder: Path, path: str, state: NoteState, finding: str
) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "a plan", path=path)
        assert failing(told) is StepName.FOLDER
        assert told.steps[0].finding == finding
        assert ("notes.max_bytes" in finding) == bool(told.steps[0].evidence)
        assert told.match.state is state
        assert told.suggestions == () and told.tried == 0


async def test_1_a_file_that_is_no_note_comes_with_the_setting_that_includes_it(
    folder: Path,
) -> None:
    (folder / "transcript.jsonl").write_text("{}\n")
    async with client_of(folder, when=current) as client:
        await reindexed(client)
        told = await why(client, "a plan", path="transcript.jsonl")
        assert failing(told) is StepName.FOLDER
        assert told.steps[0].evidence == (
            'to index it, add "*.jsonl" to notes.include in the settings file',
            "`membrowse config path` says where it is, `membrowse config init` writes it",
        )
    (folder / "transcript.jsonl").unlink()


async def test_suggestions_are_edits_of_the_note_first_and_queries_without_the_answer_last(
    folder: Path,
) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(
            client,
            "through which door do I get in?",
            path="ports.md",
            text="listens on port 2222 behind the bastion",
            k=1,
            changes=True,
        )
        kinds = [each.kind for each in told.suggestions]
        order = [SuggestionKind.NOTE, SuggestionKind.SETTING, SuggestionKind.QUERY]
        assert kinds == sorted(kinds, key=order.index)
        edits = [each.edit for each in told.suggestions if each.edit]
        assert edits and told.suggestions[0].edit == edits[0]
        assert edits[0].line == 5 and edits[0].before in PORTS
        assert edits[0].after.startswith(f"{edits[0].before} … ")
        assert edits[0].after.endswith(" …")
        first = told.suggestions[0].change
        assert first.startswith("write the answer's sentence at ports.md:5 with the word")
        asked = {word for each in told.suggestions for word in each.query.casefold().split()}
        assert not asked & {"listens", "2222", "behind", "bastion"}


async def test_2_a_file_that_is_not_indexed_yet(folder: Path) -> None:
    async with client_of(folder, when=current) as client, paused(client):
        (folder / "late.md").write_text("# Late\n\nThe tide tables are in the shed.\n")
        told = await why(client, "tide tables", path="late.md")
        assert failing(told) is StepName.INDEXED
        assert "paused" in rung(told, StepName.INDEXED).evidence[0]
        (folder / "late.md").unlink()


async def test_2_an_index_that_holds_an_older_text(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        async with paused(client):
            file = folder / "release.md"
            file.write_text(RELEASE.replace("green", "the tests"))
            told = await why(client, "when do I pay my taxes?", path="release.md", k=1)
            assert failing(told) is StepName.INDEXED
            assert "-Tag the commit, wait for green, then press the button." in (
                rung(told, StepName.INDEXED).evidence
            )
            file.write_text(f"{RELEASE}\n## Later\n\nMore.\n")
            told = await why(client, "when do I pay my taxes?", path="release.md", line=3, k=1)
            assert rung(told, StepName.INDEXED).outcome is Outcome.WEAK
            assert failing(told) is not StepName.INDEXED
            file.write_text(RELEASE)


async def test_2_a_file_that_is_no_note_any_more(folder: Path) -> None:
    async with client_of(folder, when=current) as client, paused(client):
        (folder / "release.md").write_bytes(b"# Release\n\0\1\2")
        told = await why(client, "when do I pay my taxes?", path="release.md", k=1)
        assert failing(told) is StepName.INDEXED
        assert "the file is not a note any more: binary: it contains NUL bytes" in told.verdict
        (folder / "release.md").write_text(RELEASE)


async def test_2_a_file_that_only_the_index_still_holds(folder: Path) -> None:
    async with client_of(folder, when=current) as client, paused(client):
        (folder / "food.md").unlink()
        told = await why(client, "ledger", path="food.md", k=1)
        assert failing(told) is StepName.FOLDER
        assert "only the index still has it" in told.verdict
        told = await why(client, "soup on rainy days", path="food.md", k=1)
        assert told.in_top_k and failing(told) is StepName.FOLDER
        assert told.verdict.startswith(
            "food.md is #1, within the top 1, but the file is gone from "
        )
        (folder / "food.md").write_text(FOOD)


async def test_2_a_text_may_be_in_what_waits_to_be_indexed(folder: Path) -> None:
    async with client_of(folder, when=current) as client, paused(client):
        (folder / "late.md").write_text("# Late\n\nThe tide tables are in the shed.\n")
        await until(client, lambda state: state.pending.new == 1)
        told = await why(client, "tide tables", text="tables are in the shed")
        assert failing(told) is StepName.TEXT
        indexed = rung(told, StepName.INDEXED)
        assert indexed.outcome is Outcome.WEAK and "but one file differs" in indexed.finding
        assert "paused" in indexed.evidence[0]
        (folder / "late.md").unlink()


async def test_3_a_text_that_is_in_no_chunk_or_split(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "ssh port", path="ports.md", text="telnet on port 23")
        assert failing(told) is StepName.TEXT
        assert "no chunk of ports.md contains this text" in told.verdict
        split = None
        for word in "three four five six seven eight nine ten eleven".split():
            text = SPLIT_TEXT.format(word)
            told = await why(client, "ssh port", path="ledger.md", text=text)
            split = split or (told if failing(told) is StepName.TEXT else None)
        assert split is not None
        finding = rung(split, StepName.TEXT)
        assert "the text is split across two chunks, ledger.md:" in split.verdict
        assert all(re.match(r"\d+% of it in ", line) for line in finding.evidence)
        assert len(finding.evidence) == 2
        assert split.match.hit is not None  # the chunk with most of it goes on through the ladder


async def test_3_a_text_that_was_there_until_an_edit(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        file = folder / "food.md"
        file.write_text(FOOD.replace("soup", "stew"))
        generation = await reindexed(client)
        told = await why(client, "what does the maintainer like?", text="likes soup on rainy days")
        assert failing(told) is StepName.TEXT
        assert f"it was in food.md:1–3; an edit after generation {generation - 1} removed it" in (
            told.verdict
        )
        assert "likes soup" in rung(told, StepName.TEXT).evidence[1]
        file.write_text(FOOD)
        await reindexed(client)


async def test_3_tags_are_no_text(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        file = folder / "headed.md"
        file.write_text("---\ntags: [the harbour office]\n---\n\nBoats are moored by length.\n")
        await reindexed(client)
        told = await why(client, "boats", path="headed.md", text="the harbour office")
        assert failing(told) is StepName.TEXT
        assert "the text is in a part of the front matter that is not searched" in told.verdict
        file.unlink()
        await reindexed(client)


async def test_4_no_word_of_the_query_is_in_it(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "which day is laundry day?", path="ports.md", line=5, k=1)
        assert failing(told) is StepName.KEYWORD
        finding = rung(told, StepName.KEYWORD)
        assert "“day” and “laundry”" in finding.finding and finding.rank is None
        assert "laundry (laundri): in no chunk" in finding.evidence
        assert rung(told, StepName.VECTOR).rank is not None
        near = await why(client, "which day is laundry day?", path="ports.md", line=5, k=50)
        assert near.in_top_k and failing(near) is None, "it did without its keyword rank"
        assert rung(near, StepName.KEYWORD).outcome is Outcome.WEAK


async def test_4_a_query_without_words(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "", path="tea.md", changes=True)
        assert failing(told) is StepName.KEYWORD
        assert told.verdict == "tea.md is not in the top 5: the query has no words to search for."
        queries = [
            change.query for change in told.suggestions if change.kind is SuggestionKind.QUERY
        ]
        assert queries and all(query == query.strip() for query in queries)


async def test_4_some_words_are_missing_or_match_only_where_it_counts_little(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "soup on port fridays", path="ports.md", line=5, k=1)
        words = rung(told, StepName.KEYWORD)
        assert words.outcome is Outcome.WEAK
        assert "“soup” and “fridays” are not in it" in words.finding
        told = await why(client, "zanzibar of ledgers", path="zanzibar/trip.md", k=1)
        words = rung(told, StepName.KEYWORD)
        assert words.outcome is Outcome.WEAK
        assert words.evidence[0].startswith("zanzibar: path 1×, adds ")
        (folder / "food.md").write_text(f"{FOOD}\nZanzibar is far.\n")
        await reindexed(client)
        told = await why(client, "zanzibar", path="zanzibar/trip.md", k=1)
        assert "its words match only in path (weight 0.25), which count little" in (
            rung(told, StepName.KEYWORD).finding
        )
        async with tuned(client, {"keyword.weights.path": 0.0}):
            told = await why(client, "zanzibar", path="zanzibar/trip.md", k=1)
        assert failing(told) is StepName.KEYWORD
        assert "only in fields without weight" in told.verdict
        (folder / "food.md").write_text(FOOD)
        await reindexed(client)


async def test_4_a_filter_leaves_it_out_of_every_ranking(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        request = DiagnosisRequest(
            text="ssh port path:decisions", syntax="operators", target=Target(path="ports.md")
        )
        told = await diagnose(client, request)
        assert failing(told) is StepName.FILTERS
        assert "the filter “path:decisions” excludes this note" in told.verdict
        assert rung(told, StepName.FILTERS).evidence == (
            "path:decisions: the path is ports.md",
            "without filters, this chunk is #1 reranked",
        )
        assert rung(told, StepName.VECTOR).outcome is Outcome.SKIPPED
        dropped = [change for change in told.suggestions if change.kind is SuggestionKind.QUERY]
        assert dropped and dropped[0].query == "ssh port"


async def test_4_the_filters_of_a_request_narrow_explanations_diagnoses_pins_and_previews(
    folder: Path,
) -> None:
    asked: dict[str, Any] = {
        "text": "ssh port",
        "filters": Filters(path="ports.md", before="2025-06"),
    }
    old = "decisions/2025-01-09-ports.md"
    async with client_of(folder, when=current) as client:
        told = await diagnose(client, DiagnosisRequest(target=Target(path="ports.md"), **asked))
        assert (
            rung(told, StepName.FILTERS).finding
            == "The filter “before:2025-06” excludes this note."
        )
        assert not told.suggestions and told.unfinished.startswith("no change was tried: a filter")
        told = await diagnose(client, DiagnosisRequest(target=Target(path=old), **asked))
        assert rung(told, StepName.FILTERS).outcome is Outcome.PASSES and told.in_top_k
        explained = await client.ask(ExplainRequest(target=Target(path=old), **asked))
        only = explained.keyword.total
        assert (explained.reranked.rank, only) == (1, explained.vector.total) and only < 4
        flow = await client.ask(RankFlowRequest(**asked))
        assert {each.path for each in flow.flows} == {old}
        for key in ("fusion.weight", "keyword.k1"):
            tried = await client.ask(TuneRequest(overrides={key: 0.9}, **asked))
            assert tried.a.response.rankings["reranked"].total == only
        run = await client.ask(AddPinRequest(target=Target(path="ports.md"), k=9, **asked))
        assert (run.results[-1].pin.filters, run.results[-1].passes) == (asked["filters"], False)
        run = await client.ask(AddPinRequest(target=Target(path="ports.md"), k=9, text="ssh port"))
        assert [each.passes for each in run.results] == [False, True]
        for each in run.results:
            await client.ask(RemovePinRequest(id=each.pin.id))


async def test_5_what_the_encoder_does_not_know(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "预发布服务器的端口是哪个", path="ports.md", line=5, k=1)
        nearness = rung(told, StepName.VECTOR)
        assert nearness.outcome in (Outcome.FAILS, Outcome.WEAK)
        assert "encoder" in nearness.finding


async def test_5_another_chunk_of_the_note_is_nearer(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "who serves the shop on https?", path="ports.md", line=5, k=1)
        nearness = rung(told, StepName.VECTOR)
        assert nearness.rank is not None and nearness.rank > 1
        assert "lines 7–9 of the same note are nearer (#1)" in nearness.finding
        assert nearness.evidence[0].startswith("nearest passage: line 1, cosine 0.")


async def test_6_pushed_out_of_the_pool(folder: Path) -> None:
    async with client_of(folder, when=current) as client, tuned(client, {"rerank.pool": 1}):
        query = "who serves the shop on the web, and what about staging?"
        told = await why(client, query, path="ports.md", line=5, k=1, changes=True)
        finding = rung(told, StepName.FUSED)
        assert failing(told) is StepName.FUSED and finding.rank is not None
        places = "one place" if finding.rank == 2 else f"{finding.rank - 1} places"
        assert f"pushed out of the pool of 1 candidate by {places}" in told.verdict
        assert len(finding.evidence) == 2
        assert rung(told, StepName.RERANKED).outcome is Outcome.SKIPPED


async def test_7_demoted_by_the_reranker(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        told = await why(client, "how long must tea draw?", path="tea.md", k=1)
        assert failing(told) is StepName.RERANKED
        assert "demoted by one place, from #1 to #2, through “draw”, “long”" in told.verdict
        evidence = rung(told, StepName.RERANKED).evidence
        assert evidence[0].startswith("late-interaction: ")
        assert evidence[1].startswith("“draw” (weight 0.")


async def test_7_beyond_the_limit_of_its_root(folder: Path) -> None:
    """A top-level note is a root of its own."""
    key, query = "rerank.per_root_limit", "which port does staging ssh listen on, and the web shop?"
    async with client_of(folder, when=current) as client:
        chunks = (await ask(client, query)).rankings["reranked"].hits
        second = [hit for hit in chunks if hit.path == "ports.md"][1]
        line, k = second.start_line, second.rank
        async with tuned(client, {key: 1}):
            told = await why(client, query, path="ports.md", line=line, k=k, changes=True)
        assert failing(told) is StepName.RERANKED
        assert f"but {key} = 1 moves it" in told.verdict
        (change,) = (each for each in told.suggestions if key in each.settings)
        assert (change.change, change.rank) == (f"{key} 1 → 2", k)


async def test_8_behind_an_older_note_that_says_nearly_the_same(folder: Path) -> None:
    async with client_of(folder, when=current) as client:
        query = "which port does staging ssh listen on?"
        both = [
            await why(client, query, path=path, k=1, changes=True)
            for path in ("ports.md", "decisions/2025-01-09-ports.md")
        ]
        first, second = sorted(both, key=lambda told: not told.in_top_k)
        assert first.in_top_k and not second.in_top_k
        assert first.verdict.endswith("is #1, within the top 1.") and not first.suggestions
        age = "an older" if second.match.label == "ports.md" else "a newer"
        cut = rung(second, StepName.CUT)
        assert cut.outcome is Outcome.FAILS
        assert f"#2, one place below the cut of 1, behind {age} chunk that says" in cut.finding
        assert "chunk that says nearly the same" in cut.finding
        assert cut.evidence[0].startswith("#1 ")
        assert second.suggestions and all(change.rank == 1 for change in second.suggestions)


async def test_8_the_agents_minimum_score_is_said_beside_the_rank(folder: Path) -> None:
    async with client_of(folder, when=current) as client, tuned(client, {"agent.min_score": 5.0}):
        told = await why(client, "maintainer likes soup", path="food.md")
        assert told.in_top_k and not told.match.passes
        assert told.verdict.endswith("is below the agent's 5.")
