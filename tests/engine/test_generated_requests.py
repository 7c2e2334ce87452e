"""Generated requests, well-formed and not, to every endpoint: none is an internal error."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import inspect

from membrowse.wire.engine import StatesRequest, StopRequest
from membrowse.wire.recalls import FollowRecallsRequest
from membrowse.wire.requests import ENDPOINTS
from membrowse.wire.tuning import TUNABLE
from tests.engine.conftest import current, engine_here, serving, until
from tests.waiting import DEADLINE_SECONDS

REQUESTS = 400
ENDPOINTS_TRIED = [kind for kind in ENDPOINTS if kind is not StopRequest]

TEXTS = (
    "",
    " ",
    "which port?",
    "port ssh staging soup",
    '"staging ssh" -soup title:ports path:ports.md after:2020-01-01',
    "path: after:9999-99-99 before: tag:",
    '"',
    "-" * 300,
    "(" * 300,
    "\x00\x1b[31m\u202e",
    "\U0001f9ea" * 50,
    "端口 ท่าเรือ",
    "a" * 5000,
    "ports.md",
    "ports.md:3",
    "../../etc/passwd",
    "/etc/passwd",
    "food.md\x00",
    "g01",
    "literal",
    "operators",
    "reranked",
    "keyword",
    *TUNABLE,
)
NUMBERS = (0, 1, -1, 2, 5, 7, 10**6, -(10**9), 2**31, 2**53, 2**63 - 1, -(2**63), 10**30)
REALS = (0.0, -0.0, 0.5, 1.0, -1.0, 1e-300, 1e300, 3.7)
ODD: tuple[object, ...] = (None, True, "", [], {}, [[]], {"a": {}}, -1, 1.5, "\udcff")


def made(dice: random.Random, kind: inspect.Type) -> object:
    """A value of the type, now and then of another one."""
    if dice.random() < 0.04:
        return dice.choice(ODD)
    for known, make in _MAKERS.items():
        if isinstance(kind, known):
            return make(dice, kind)
    return dice.choice(ODD)


def _struct(dice: random.Random, kind: Any) -> object:
    return {
        field.encode_name: made(dice, field.type)
        for field in kind.fields
        if field.required or dice.random() < 0.6
    }


def _several(dice: random.Random, kind: Any) -> object:
    return [made(dice, kind.item_type) for _ in range(dice.choice((0, 1, 2, 40)))]


def _table(dice: random.Random, kind: Any) -> object:
    return {
        str(made(dice, kind.key_type)): made(dice, kind.value_type)
        for _ in range(dice.choice((0, 1, 3)))
    }


_MAKERS: dict[type[inspect.Type], Callable[[random.Random, Any], object]] = {
    inspect.StructType: _struct,
    inspect.StrType: lambda dice, _: dice.choice(TEXTS),
    inspect.IntType: lambda dice, _: dice.choice(NUMBERS),
    inspect.FloatType: lambda dice, _: dice.choice(REALS),
    inspect.BoolType: lambda dice, _: dice.random() < 0.5,
    inspect.VarTupleType: _several,
    inspect.ListType: _several,
    inspect.DictType: _table,
    inspect.LiteralType: lambda dice, kind: dice.choice(kind.values),
    inspect.EnumType: lambda dice, kind: dice.choice(list(kind.cls)).value,
    inspect.UnionType: lambda dice, kind: made(dice, dice.choice(kind.types)),
}


def body(dice: random.Random, kind: type[Any]) -> bytes:
    """The body of a request of this kind: usually JSON, sometimes with a few bytes changed."""
    content = json_bytes(made(dice, inspect.type_info(kind)))
    how = dice.random()
    if how < 0.75:
        return content
    if how < 0.8:
        return content[: dice.randrange(len(content) + 1)]
    if how < 0.85:
        return b"[" * dice.choice((100, 50_000)) + content
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def json_bytes(value: object) -> bytes:
    import json

    return json.dumps(value).encode("ascii")


async def answered(client: httpx.AsyncClient, kind: type[Any], content: bytes) -> int:
    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        client.stream("POST", ENDPOINTS[kind].path, content=content) as response,
    ):
        if kind not in (StatesRequest, FollowRecallsRequest):
            await response.aread()
        return response.status_code


async def refused_or_answered(socket: Path, seeds: range) -> None:
    """Fails for the first request that is answered with an internal error, or not at all."""
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://engine") as client:
        for seed in seeds:
            dice = random.Random(seed)
            kind = dice.choice(ENDPOINTS_TRIED)
            content = body(dice, kind)
            try:
                status = await answered(client, kind, content)
            except (httpx.HTTPError, TimeoutError) as error:
                pytest.fail(f"seed {seed}: {kind.__name__} {content[:500]!r}: {error!r}")
            assert status < 500, f"seed {seed}: {kind.__name__} {content[:500]!r}: {status}"


async def test_no_generated_request_is_an_internal_error(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
    async with engine_here(folder) as socket:
        await refused_or_answered(socket, range(REQUESTS))
