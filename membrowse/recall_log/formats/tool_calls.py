"""Tool calls in transcripts: which ones search or read the memory, and what they gave."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from membrowse.recall_log.formats.values import (
    Record,
    count,
    first_text,
    from_json,
    hit,
    places_in,
    records,
    table,
    text,
)
from membrowse.wire.recalls import QUERY_CHARACTERS, RecallHit

_MEMORY_TOOL = re.compile(r"mem|recall|note|qmd|brain|knowledge", re.IGNORECASE)
_QUERY_KEYS = ("query", "q", "question", "search_query", "text")
_RESULT_KEYS = ("results", "hits", "matches", "documents", "chunks", "result", "memories")
_PATH_KEYS = ("path", "file_path", "file", "source", "permalink", "docid", "id")
_SEARCH_PROGRAMS = frozenset({"rg", "grep", "egrep", "fgrep", "ag", "ack", "qmd", "memsearch"})
_READ_PROGRAMS = frozenset({"cat", "head", "tail", "less", "more", "bat", "nl", "sed"})
_WITH_VALUE = frozenset({"-A", "-B", "-C", "-m", "-g", "-t", "-n", "--glob", "--type", "-f"})
_ABOUT_NOTE = frozenset({"why", "explain", "pin"})
"""Tools of our own server with a query that they do not answer."""
_SUBCOMMANDS = frozenset({"search", "query", "vsearch", "vector-search"})
_WRAPPERS = ("text", "output", "content", "stdout")
_ENDINGS = (".md", ".markdown", ".txt")
_COMMAND_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that looks something up."""

    query: str
    at: object
    event: str
    directory: str
    """Relative paths start here."""
    scope: str = ""
    """Where it looks; empty: not known."""
    reads: str = ""
    """The file that it reads, instead of searching."""
    k: int | None = None
    any_place: bool = False
    """It asks a memory by itself: its hits count wherever they are."""
    first_line: int = 0
    last_line: int = 0


def call_of(name: str, given: Record, *, at: object, event: str, directory: str) -> Call | None:
    """The call of the tool `name`, if it looks something up."""
    query = first_text(given, *_QUERY_KEYS, limit=QUERY_CHARACTERS)
    if "__" in name and name.rpartition("__")[2] in _ABOUT_NOTE:
        return None
    if "__" in name and _MEMORY_TOOL.search(name) and query:
        k = next(
            (
                found
                for key in ("k", "limit", "max_results", "maxResults", "top_k")
                if (found := count(given.get(key)))
            ),
            None,
        )
        return Call(query, at, event, directory, k=k, any_place=True)
    match name.casefold():
        case "grep" | "search":
            pattern = first_text(given, "pattern", *_QUERY_KEYS, limit=QUERY_CHARACTERS)
            scope = first_text(given, "path", limit=4096) or directory
            return Call(pattern, at, event, directory, scope=scope) if pattern else None
        case "read" | "view":
            file = first_text(given, "file_path", "path", limit=4096)
            start, length = count(given.get("offset")) or 0, count(given.get("limit")) or 0
            last = start + length - 1 if start and length else 0
            known = file.endswith(_ENDINGS)
            return _reading(file, at, event, directory, start, last) if known else None
        case "bash" | "shell" | "exec_command" | "shell_command" | "local_shell":
            return _shell(given, at, event, directory)
    return None


def _reading(
    file: str, at: object, event: str, directory: str, first: int = 0, last: int = 0
) -> Call:
    return Call(
        file, at, event, directory, scope=file, reads=file, first_line=first, last_line=last
    )


def _shell(given: Record, at: object, event: str, directory: str) -> Call | None:
    directory = first_text(given, "workdir", "working_directory", "cwd", limit=4096) or directory
    command = given.get("command", given.get("cmd"))
    if isinstance(command, list):
        words = [each for each in command if isinstance(each, str)]
        shell = len(words) == 3 and words[1] in ("-lc", "-c")
        command = words[2] if shell else shlex.join(words)
    for words in _commands(text(command, _COMMAND_CHARACTERS)):
        program, arguments = posixpath.basename(words[0]), words[1:]
        if program in _SEARCH_PROGRAMS and (plain := _plain(arguments)):
            return _searching(program, plain, at, event, directory)
        if program in _READ_PROGRAMS:
            files = [word for word in _plain(arguments) if word.endswith(_ENDINGS)]
            if files:
                return _reading(files[0], at, event, directory)
    return None


def _searching(
    program: str, plain: list[str], at: object, event: str, directory: str
) -> Call | None:
    if program in ("qmd", "memsearch"):
        words = plain[1:] if plain[0] in _SUBCOMMANDS else []
        return Call(" ".join(words), at, event, directory, any_place=True) if words else None
    scope = plain[1] if len(plain) > 1 else directory
    return Call(plain[0][:QUERY_CHARACTERS], at, event, directory, scope=scope)


def _commands(line: str) -> Iterator[list[str]]:
    """The simple commands of a shell line, as words."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = list(lexer)
    except ValueError:
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word and set(word) <= set("();<>|&"):
            if command:
                yield command
            command = []
        else:
            command.append(word)


def _plain(arguments: list[str]) -> list[str]:
    """Arguments that are neither options nor values of options; `-e PATTERN` counts."""
    plain: list[str] = []
    skip = False
    for word in arguments:
        if skip or word.startswith("-"):
            skip = not skip and word in _WITH_VALUE and word != "-n"
        elif word:
            plain.append(word)
    return plain


def hits_of(call: Call, output: object, folders: tuple[str, ...]) -> tuple[RecallHit, ...] | None:
    """What `call` gave of the memory in `folders`; None if it did not look there."""
    if call.reads:
        path = _absolute(call.reads, call.directory)
        found = hit(path, call.first_line, call.last_line)
        return (found,) if _is_inside(path, folders) else None
    given = list(_structured(output)) or [
        _resolved(each, call.directory) for each in places_in(output_text(output))
    ]
    if call.any_place:
        return tuple(given)
    inside = tuple(each for each in given if _is_inside(each.path, folders))
    scope = _absolute(call.scope, call.directory)
    return inside if inside or _is_inside(scope, folders) else None


def unwrapped(output: object) -> object:
    """A tool's result as it is if that is an object with hits, else its text."""
    is_answer = isinstance(output, dict) and output.keys() & set(_RESULT_KEYS)
    return output if is_answer else output_text(output)


def output_text(output: object, depth: int = 8) -> str:
    """The text of a tool's result, whatever wraps it."""
    if isinstance(output, str) or not depth:
        return output if isinstance(output, str) else ""
    if isinstance(output, list):
        return "\n".join(output_text(each, depth - 1) for each in output[:200])
    wrapped = table(output)
    inner = next((wrapped[key] for key in _WRAPPERS if key in wrapped), "")
    return output_text(inner, depth - 1)


def _structured(output: object) -> Iterator[RecallHit]:
    """The hits of a result that is JSON with a list of them."""
    found = from_json(unwrapped(output))
    if isinstance(found, dict):
        found = next((found[key] for key in _RESULT_KEYS if key in found), None)
    for each in records(found):
        path = first_text(each, *_PATH_KEYS, limit=4096)
        content = first_text(each, "text", "content", "snippet", limit=2000)
        if path or content:
            yield hit(
                path,
                each.get("start_line", each.get("startLine", each.get("line"))),
                each.get("end_line", each.get("endLine")),
                each.get("score"),
                content,
            )


def _resolved(found: RecallHit, directory: str) -> RecallHit:
    return msgspec.structs.replace(found, path=_absolute(found.path, directory))


def _absolute(path: str, directory: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path)) if path else path


def _is_inside(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
