"""Background work waits for queries, but not for ever."""

from __future__ import annotations

import threading
import time

from membrowse.engine.priority import QueryTraffic


def test_work_waits_until_it_has_been_quiet() -> None:
    traffic, waited = QueryTraffic(), threading.Event()

    def work() -> None:
        traffic.give_way(quiet=0.2, longest=60)
        waited.set()

    with traffic.query():
        threading.Thread(target=work).start()
        assert not waited.wait(0.5)
        ended = time.monotonic()  # before the query ends: the work's quiet begins no earlier
    assert waited.wait(30)
    assert time.monotonic() - ended >= 0.2


def test_work_goes_on_in_spite_of_queries() -> None:
    traffic = QueryTraffic()
    with traffic.query():
        traffic.give_way(quiet=60, longest=0.05)


def test_work_does_not_wait_for_nothing() -> None:
    started = time.monotonic()
    QueryTraffic().give_way(quiet=30, longest=60)
    assert time.monotonic() - started < 30
