"""Codex: `sessions/Y/M/D/rollout-*.jsonl`, function calls and their outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from membrowse.recall_log.formats.pending_calls import PendingCalls
from membrowse.recall_log.formats.tool_calls import call_of
from membrowse.recall_log.formats.values import Record, first_text, from_json, table, text
from membrowse.wire.recalls import Recall

_HEAD = re.compile(r"\A(?:Chunk ID|Wall time): [^\n]*\n(?:[^\n]*\n){0,6}?Output:\n")
"""What Codex puts before the output of a tool."""
_UNSUPPORTED = "unsupported call: "


class Codex:
    """Reads rollouts; a call becomes a recall when its output comes."""

    name = "codex"

    def __init__(self, agent: str, folders: tuple[str, ...]) -> None:
        self._calls = PendingCalls(self.name, agent or self.name, folders)
        self._session = ""
        self._directory = "/"

    @staticmethod
    def matches(record: Record) -> bool:
        return isinstance(record.get("payload"), Mapping) and record.get("type") in (
            "session_meta",
            "response_item",
            "turn_context",
            "event_msg",
        )

    def recalls(self, record: Record) -> Iterator[Recall]:
        payload = table(record.get("payload"))
        if record.get("type") in ("session_meta", "turn_context"):
            self._session = first_text(payload, "id") or self._session
            self._directory = first_text(payload, "cwd", limit=4096) or self._directory
            return
        if record.get("type") != "response_item":
            return
        event = first_text(payload, "call_id", "id")
        match payload.get("type"):
            case "function_call":
                given = table(from_json(payload.get("arguments")))
                self._made(record, _tool_name(payload), given, event)
            case "local_shell_call":
                self._made(record, "shell", table(payload.get("action")), event)
            case "function_call_output" | "local_shell_call_output":
                output = payload.get("output")
                plain = _HEAD.sub("", output, count=1) if isinstance(output, str) else output
                unwrapped = from_json(plain)
                result = unwrapped if isinstance(unwrapped, dict) else plain
                failed = isinstance(output, str) and output.startswith(_UNSUPPORTED)
                yield from self._calls.done(event, result, self._session, failed=failed)

    def _made(self, record: Record, name: str, given: Record, event: str) -> None:
        call = call_of(
            name, given, at=record.get("timestamp"), event=event, directory=self._directory
        )
        self._calls.made(event, call)


def _tool_name(payload: Record) -> str:
    """`mcp__memory__search`, whether the server is a part of the name or beside it."""
    name, namespace = text(payload.get("name")), text(payload.get("namespace")).rstrip("_")
    return f"{namespace}__{name}" if namespace else name
