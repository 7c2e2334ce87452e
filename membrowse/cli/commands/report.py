"""`membrowse report`: a search with everything that explains it, in two files."""

from __future__ import annotations

import datetime
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from membrowse import paths
from membrowse.agents.collections import roots_now
from membrowse.cli import folders, output, report_context
from membrowse.cli.connection import (
    asynchronous,
    encoder_loaded,
    engine_of,
    explain_target,
)
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import (
    AfterFilter,
    BeforeFilter,
    ExpectedPlace,
    FolderOption,
    Operators,
    PathFilter,
    Query,
    RootFilter,
    TagFilter,
    syntax_of,
)
from membrowse.cli.targets import parse_target
from membrowse.client.diagnosis import diagnose
from membrowse.client.engine import Engine
from membrowse.client.search import search_response
from membrowse.presentation.report import TITLE, report_markdown
from membrowse.roots import Roots
from membrowse.wire.diagnosis import DiagnosisRequest
from membrowse.wire.engine import StatusRequest
from membrowse.wire.explanation import Explanation
from membrowse.wire.notes import FileRecord, FilesRequest
from membrowse.wire.report import DEPTH, Report, ReportedNote
from membrowse.wire.search import Filters, SearchRequest, SearchResponse, Target

_LARGEST_NOTE = 50_000_000
"""Bytes; larger files are not hashed."""


@asynchronous
async def report(
    query: Query,
    file: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The JSON file; the Markdown file is beside it, as .md.",
            show_default=False,
        ),
    ],
    place: ExpectedPlace = None,
    redact: Annotated[
        bool,
        typer.Option(
            "--redact", help="Leave out the query and all text, titles and paths of notes."
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the files.")] = False,
    folder: FolderOption = None,
    syntax: Operators = False,
    root: RootFilter = "",
    path: PathFilter = "",
    tag: TagFilter = "",
    after: AfterFilter = "",
    before: BeforeFilter = "",
) -> Exit:
    """Write a search with everything that explains it to a file.

    \b
      membrowse report "which port does staging use?" decisions/ssh.md -o ssh.json
    """
    markdown = _markdown_beside(file, force=force)
    chosen = folders.chosen(folder)
    request = SearchRequest(
        text=query,
        syntax=syntax_of(syntax),
        limit=DEPTH,
        client="cli",
        target=None if place is None else parse_target(chosen, place),
        filters=Filters(root=root, path=path, tag=tag, after=after, before=before),
    )
    async with engine_of(chosen) as engine:
        await encoder_loaded(engine)
        made = await _query_report(engine, chosen, request)
    if redact:
        from membrowse.cli.redaction import redacted

        made = redacted(made)
    content = msgspec.json.format(output.json_line(made).encode(), indent=2)
    _write_report(file, content + b"\n", force=force)
    _write_report(markdown, report_markdown(made).encode(), force=force)
    output.say(f"wrote {file} and {markdown}")
    if not redact:
        output.say("they contain text of your notes; --redact leaves it out")
    return Exit.DONE


def query_hash(text: str) -> str:
    """Identifies a query without telling it."""
    return hashlib.sha256(text.encode()).hexdigest()


# Gathering


async def _query_report(engine: Engine, folder: Path, request: SearchRequest) -> Report:
    """The report of one query; with a target, also its explanation and diagnosis."""
    response = await search_response(engine, request)
    status = await engine.ask(StatusRequest())
    explanation = diagnosis = None
    if request.target is not None:
        explanation = await _target_explanation(folder, engine, request, request.target)
        wanted = DiagnosisRequest(
            text=request.text,
            syntax=request.syntax,
            target=request.target,
            filters=request.filters,
        )
        diagnosis = await diagnose(engine, wanted)
    in_force = await report_context.settings_in_force(engine)
    files = {file.path: file for file in await engine.ask(FilesRequest())}
    roots = roots_now(folder)
    return Report(
        made_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        program=report_context.running_program(status),
        query_sha256=query_hash(request.text),
        settings=in_force,
        indexed=report_context.reported_index(status),
        response=response,
        filters=request.filters,
        explanation=explanation,
        diagnosis=diagnosis,
        notes=tuple(
            _reported_note(roots, path, files.get(path))
            for path in _hit_paths(response, explanation)
        ),
    )


async def _target_explanation(
    folder: Path, engine: Engine, request: SearchRequest, target: Target
) -> Explanation | None:
    try:
        return await explain_target(
            folder, engine, request.text, request.syntax, target, request.filters
        )
    except Stop as reason:
        output.say(str(reason))
        return None


def _hit_paths(response: SearchResponse, explanation: Explanation | None) -> list[str]:
    """The notes that have a hit, each once, the best reranked first."""
    hits = [hit for ranking in reversed(response.rankings.values()) for hit in ranking.hits]
    target = response.target.hit if response.target else None
    hits += [hit for hit in (target, explanation and explanation.hit) if hit]
    return list(dict.fromkeys(hit.path for hit in hits))


def _reported_note(roots: Roots, path: str, record: FileRecord | None) -> ReportedNote:
    return ReportedNote(
        path=path,
        sha256=_hash_of_reported_note(roots, path),
        size=record.size if record else 0,
        state=record.state.value if record else "",
        indexed_at=record.indexed_at if record else "",
    )


def _hash_of_reported_note(roots: Roots, path: str) -> str:
    """Hash of the bytes of a note; empty if it is no readable file of a sensible size."""
    try:
        descriptor = os.open(roots.resolve(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
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


# Writing


def _markdown_beside(file: Path, *, force: bool) -> Path:
    """The Markdown file beside `file`; raises `Stop` if one of them cannot be written."""
    markdown = file.with_suffix(".md")
    if markdown == file:
        raise Stop(Exit.USAGE, f"-o names the JSON file, not {file}: the .md goes beside it")
    if not file.parent.is_dir():
        raise Stop(Exit.USAGE, f"no such folder: {file.parent}")
    existing = [path for path in (file, markdown) if os.path.lexists(path)]
    if existing and not force:
        raise Stop(Exit.USAGE, f"{existing[0]} exists: --force overwrites it")
    if markdown in existing and not _is_report(markdown):
        raise Stop(Exit.USAGE, f"{markdown} exists and is not a report: name another file")
    return markdown


def _is_report(markdown: Path) -> bool:
    """Whether a report may replace `markdown`: it was one, and is no link."""
    try:
        with os.fdopen(paths.open_file(markdown, os.O_RDONLY), "rb") as stream:
            return stream.read(len(TITLE)) == TITLE.encode()
    except OSError:
        return False


def _write_report(file: Path, content: bytes, *, force: bool) -> None:
    """Write `file` whole or not at all, readable by its owner only; without `force`, it must not
    exist. Raises `Stop`."""
    try:
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
    except OSError as error:
        reason = error.strerror or str(error)
        raise Stop(Exit.USAGE, f"{file} cannot be written: {reason}") from error
