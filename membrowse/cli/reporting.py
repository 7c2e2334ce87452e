"""`membrowse report`: gathers a recall and what explains it, and writes both files."""

from __future__ import annotations

import datetime
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from membrowse.cli import environment, output
from membrowse.cli.connection import engine_of, recalled, until_loaded
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.inspecting import explained
from membrowse.cli.searching import syntax_of, valid
from membrowse.cli.targets import parse_target
from membrowse.client.diagnosis import diagnose
from membrowse.client.engine import Engine
from membrowse.wire.diagnosis import DiagnosisRequest
from membrowse.wire.engine import StatusRequest
from membrowse.wire.explanation import Explanation
from membrowse.wire.notes import FileRecord, FilesRequest
from membrowse.wire.report import DEPTH, Report, ReportedNote
from membrowse.wire.search import SearchRequest, SearchResponse, Target

_LARGEST_NOTE = 50_000_000
"""Bytes; the hash of a larger file is left out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the report is about."""

    query: str
    place: str | None
    operators: bool


@dataclass(frozen=True, slots=True)
class Files:
    """Where a report goes."""

    json: Path
    markdown: Path
    force: bool
    """Whether files that are there are overwritten."""

    @classmethod
    def of(cls, file: Path, *, force: bool) -> Files:
        """`file`, and the markdown beside it; raises `Stop` where they cannot be written."""
        markdown = file.with_suffix(".md")
        if markdown == file:
            raise Stop(Exit.USAGE, f"-o names the JSON file, not {file}: the .md goes beside it")
        if not file.parent.is_dir():
            raise Stop(Exit.USAGE, f"no such folder: {file.parent}")
        there = [path for path in (file, markdown) if os.path.lexists(path)]
        if there and not force:
            raise Stop(Exit.USAGE, f"{there[0]} exists: --force overwrites it")
        return cls(file, markdown, force)

    def write(self, report: bytes, markdown: str) -> None:
        """Write both, for the owner only, each whole or not at all."""
        for file, content in ((self.json, report), (self.markdown, markdown.encode())):
            try:
                _written(file, content, force=self.force)
            except OSError as error:
                reason = error.strerror or str(error)
                raise Stop(Exit.USAGE, f"{file} cannot be written: {reason}") from error


async def report(folder: Path, asked: Asked, files: Files, *, redact: bool) -> Exit:
    """Write a report of one query, with explanation and ladder of one target if there is one."""
    made = await _made(folder, asked)
    if redact:
        from membrowse.cli.redaction import redacted

        made = redacted(made)
    from membrowse.cli import report_markdown

    content = msgspec.json.format(output.json_line(made).encode(), indent=2)
    files.write(content + b"\n", report_markdown.text(made))
    output.say(f"wrote {files.json} and {files.markdown}")
    if not redact:
        output.say("they hold text of your notes; --redact leaves it out")
    return Exit.DONE


async def _made(folder: Path, asked: Asked) -> Report:
    text, syntax = valid(asked.query), syntax_of(asked.operators)
    target = None if asked.place is None else parse_target(folder, asked.place)
    request = SearchRequest(text=text, syntax=syntax, limit=DEPTH, client="cli", target=target)
    async with engine_of(folder) as engine:
        await until_loaded(engine)
        recall = await recalled(engine, request)
        told = await engine.ask(StatusRequest())
        explanation = why = None
        if target is not None:
            explanation = await _explanation(engine, text, syntax, target)
            question = DiagnosisRequest(text=text, syntax=syntax, target=target)
            why = await diagnose(engine, question)
        in_force = await environment.settings_in_force(engine)
        records = {record.path: record for record in await engine.ask(FilesRequest())}
    return Report(
        made_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        program=environment.program(told),
        query_sha256=query_hash(text),
        settings=in_force,
        indexed=environment.indexed(told),
        response=recall,
        explanation=explanation,
        diagnosis=why,
        notes=tuple(
            _involved(folder, path, records.get(path)) for path in _paths(recall, explanation)
        ),
    )


def query_hash(text: str) -> str:
    """What tells whether two queries are the same one."""
    return hashlib.sha256(text.encode()).hexdigest()


async def _explanation(
    engine: Engine, text: str, syntax: str, target: Target
) -> Explanation | None:
    try:
        return await explained(engine, text, syntax, target)
    except Stop as reason:
        output.say(str(reason))
        return None


def _paths(recall: SearchResponse, explanation: Explanation | None) -> list[str]:
    """Of the notes that have a hit, each once, the best reranked first."""
    rankings = reversed(recall.rankings.values())
    hits = [hit for ranking in rankings for hit in ranking.hits]
    target = recall.target.hit if recall.target else None
    hits += [hit for hit in (target, explanation and explanation.hit) if hit]
    return list(dict.fromkeys(hit.path for hit in hits))


def _involved(folder: Path, path: str, record: FileRecord | None) -> ReportedNote:
    return ReportedNote(
        path=path,
        sha256=_file_hash(folder / path),
        size=record.size if record else 0,
        state=record.state.value if record else "",
        indexed_at=record.indexed_at if record else "",
    )


def _file_hash(file: Path) -> str:
    """Of the bytes of `file`; empty where it is no readable file of a sensible size."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return ""
    with os.fdopen(descriptor, "rb") as stream:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST_NOTE:
            return ""
        try:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            return ""


def _written(file: Path, content: bytes, *, force: bool) -> None:
    """`file` made with `content`, mode 0600; raises `OSError`, `FileExistsError` without force."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".membrowse-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        if force:
            Path(temporary).replace(file)
        else:
            os.link(temporary, file, follow_symlinks=False)
    finally:
        Path(temporary).unlink(missing_ok=True)
