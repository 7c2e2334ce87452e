"""Recalls as lines: the log, and one recall with what became of its hits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, clip, clip_start, fit, joined, wrapped
from membrowse.text import shown
from membrowse.wire.notes import Freshness
from membrowse.wire.recalls import (
    GivenHit,
    Interval,
    Recall,
    RecallDay,
    RecallFlag,
    RecallPage,
    RecallSummary,
    RecallView,
    ReplayedHit,
    ReplayedRecall,
    ReplaySummary,
)
from membrowse.wire.search import RANKINGS

_BLOCKS = "▁▂▃▄▅▆▇█"
_AT, _AGENT, _GIVEN, _BEST = 14, 12, 4, 6
_STYLES = {
    RecallFlag.EMPTY: "bad",
    RecallFlag.CUT: "warn",
    RecallFlag.NEAR: "accent",
    RecallFlag.CHANGED: "warn",
    RecallFlag.STALE: "warn",
}
_NAMES = {"keyword": "k", "vector": "v", "fused": "f", "reranked": "r"}


def log_page(page: RecallPage, now: datetime, width: int) -> list[Line]:
    """Counts and a sparkline by day, then a line per recall."""
    lines = [summary_line(page, width)]
    if page.recalls:
        lines += [[], head_line(width)]
    return lines + [recall_line(recall, now, width) for recall in page.recalls]


def summary_line(page: RecallPage, width: int) -> Line:
    """`63 recalls · 11% empty · 24% cut · ▁▂▁▅▇`."""
    groups: list[Line] = [[Part(figures.counted(page.total, "recall"), "strong")]]
    if page.total:
        groups.append([Part(f"{figures.percent(page.empty / page.total)} empty")])
        groups.append([Part(f"{figures.percent(page.cut / page.total)} cut")])
        room = width - cells(joined(groups)) - 6
        groups.append([Part(day_spark(page.days, max(0, min(60, room))), "bar")])
    return fit([Part(" "), *joined(groups)], width)


def day_spark(days: Sequence[RecallDay], width: int) -> str:
    """A block per day, or per equal span of days if there are more than `width`; a day without
    recalls is a space."""
    if not days or width <= 0:
        return ""
    first, last = date.fromisoformat(days[0].day), date.fromisoformat(days[-1].day)
    count = (last - first).days + 1
    by_day = {day.day: day.recalls for day in days}
    numbers = [by_day.get((first + timedelta(n)).isoformat(), 0) for n in range(count)]
    span = -(-count // width)
    sums = [sum(numbers[start : start + span]) for start in range(0, count, span)]
    most = max(sums)
    return "".join(_BLOCKS[(n * len(_BLOCKS) - 1) // most] if n else " " for n in sums)


def head_line(width: int) -> Line:
    """The names of the columns."""
    names = ["at".ljust(_AT), "agent".ljust(_AGENT), "got".rjust(_GIVEN), "best".rjust(_BEST)]
    return fit([Part(f" {' '.join(names)}  query", "dim")], width)


def recall_line(recall: RecallSummary, now: datetime, width: int) -> Line:
    """`21 Nov 12:04  openclaw   3   .52  which port does …   cut stale`."""
    given = str(recall.given) + (f"-{recall.cut}" if recall.cut else "")
    line = [
        Part(f" {figures.local_time(recall.at, now):<{_AT}} ", "dim"),
        *fit([Part(clip(shown(recall.agent), _AGENT), "accent")], _AGENT),
        Part(f" {given:>{_GIVEN}} "),
        Part(f"{figures.score(recall.best):>{_BEST}}  ", "strong"),
    ]
    flags = flag_parts(recall.flags)
    room = width - cells(line) - cells(flags) - (2 if flags else 0)
    line += fit([Part(clip(shown(recall.query), room), "title")], max(0, room))
    return fit([*line, *([Part("  "), *flags] if flags else [])], width)


def flag_parts(flags: Sequence[RecallFlag]) -> Line:
    """The flags, as words."""
    return joined([[Part(flag.value, _STYLES[flag])] for flag in flags], " ")


# One recall


def recall_page(view: RecallView, now: datetime, width: int) -> list[Line]:
    """Who asked what and when, what was cut, and each hit with today's ranks."""
    recall = view.recall
    facts = [
        [Part(shown(recall.agent), "accent")],
        [Part(figures.local_time(recall.at, now))],
        *([[Part(f"session {shown(recall.session)}", "dim")]] if recall.session else []),
        [Part(cut_text(recall))],
        [
            Part(
                f"from a log of {shown(recall.source)}" if recall.source else "answered here", "dim"
            )
        ],
        [Part(recall.id, "dim")],
    ]
    lines = [
        *wrapped([Part(f" {shown(recall.query)}", "title")], width),
        *([*[Part(" "), *line]] for line in wrapped(joined(facts), width - 1)),
        *([[Part(" "), *flag_parts(view.flags)]] if view.flags else []),
        [],
    ]
    if not view.given:
        lines.append([Part(" the agent got nothing", "bad")])
    for number, given in enumerate(view.given, start=1):
        lines += given_lines(number, given, width)
    if beneath := beneath_text(recall):
        lines.append([Part(f" ── {beneath} ", "warn")])
    return lines


def cut_text(recall: Recall) -> str:
    """`k 6, minimum score .35`, as far as known."""
    parts = [f"k {figures.number(recall.k)}"] if recall.k is not None else []
    if recall.min_score is not None:
        parts.append(f"minimum score {figures.score(recall.min_score)}")
    return ", ".join(parts) or "k and minimum score not known"


def beneath_text(recall: Recall) -> str:
    """What the agent's cut removed; empty if nothing, or if it is not known."""
    parts = []
    if recall.cut_by_score:
        parts.append(f"minimum score cut {figures.counted(recall.cut_by_score, 'hit')}")
    if recall.cut_by_k:
        parts.append(f"k cut {figures.counted(recall.cut_by_k, 'hit')}")
    return ", ".join(parts)


def given_lines(number: int, given: GivenHit, width: int) -> list[Line]:
    """Two lines: rank, score, heading and place; then today's ranks, or why there are none."""
    hit = given.hit
    place = shown(hit.path) or "?"
    first = given.start_line or hit.start_line
    if first:
        place += f":{first}"
    title = shown(given.heading or given.title)
    line = [
        Part(f" {number:>3} ", "rank"),
        Part(f"{figures.score(hit.score):>5} ", "score"),
    ]
    room = width - cells(line)
    shown_place = clip_start(place, max(16, room - cell_len(title) - 2))
    line += [Part(shown_place, "path"), Part(f"  {title}", "heading")]
    return [fit(line, width), fit([Part(" " * 11), *today_parts(given)], width)]


def today_parts(given: GivenHit) -> Line:
    """`today r3 k1 v12 f4 · edited since`."""
    groups: list[Line] = []
    if given.chunk:
        ranks = [
            f"{_NAMES[name]}{given.ranks[name]}"
            for name in reversed(RANKINGS)
            if given.ranks.get(name)
        ]
        groups.append([Part(f"today {' '.join(ranks) or 'no rank'}", "ranks")])
    if given.note:
        groups.append([Part(given.note, "warn")])
    if given.freshness is not Freshness.CURRENT and given.chunk:
        groups.append([Part(f"file {given.freshness.value}", "warn")])
    return joined(groups)


# Replay


def replay_line(recall: ReplayedRecall, width: int) -> Line:
    """`=  .67 .71  lost 1 gained 1   which port does …   − ports.md:3 (#9)`."""
    line = [
        Part(" = " if recall.same_top else " ≠ ", "good" if recall.same_top else "warn"),
        Part(
            f"{figures.score(recall.overlap):>5} {figures.score(recall.rank_biased_overlap):>5}  "
        ),
    ]
    moved = moved_parts(recall)
    room = width - cells(line)
    query = clip(shown(recall.query), max(16, room - min(cells(moved) + 2, room // 2)))
    return fit([*line, Part(query, "title"), *([Part("  "), *moved] if moved else [])], width)


def moved_parts(recall: ReplayedRecall) -> Line:
    """`− ports.md:3 (#9) + web.md:1`."""
    groups = [[Part(f"− {_place(hit)} ({_now(hit)})", "bad")] for hit in recall.lost]
    groups += [[Part(f"+ {_place(hit)}", "good")] for hit in recall.gained]
    return joined(groups, " ")


def _place(hit: ReplayedHit) -> str:
    place = shown(hit.path) or "?"
    return f"{place}:{hit.start_line}" if hit.start_line else place


def _now(hit: ReplayedHit) -> str:
    return figures.rank(hit.rank) if hit.rank is not None else "gone"


def replay_head(width: int) -> Line:
    """The names of the columns."""
    return fit([Part(" 1st  over   RBO  query", "dim")], width)


def replay_summary(summary: ReplaySummary) -> list[Line]:
    """The means with their intervals, and what was lost and gained."""
    against = f"the configuration {shown(summary.against)}" if summary.against else "the log"
    questions = figures.counted(summary.recalls, "question")
    rows = [
        ("same first hit", summary.same_top),
        ("overlap at k", summary.overlap),
        ("rank-biased overlap", summary.rank_biased_overlap),
    ]
    lines: list[Line] = [[Part(f" {questions} against {against}", "strong")]]
    lines += [[Part(f" {name:<20}"), *_interval(each)] for name, each in rows]
    facts = [
        f"lost {figures.counted(summary.lost, 'hit')}, gained {figures.number(summary.gained)}",
        f"{figures.milliseconds(summary.took_ms)} a question",
        f"{figures.duration(summary.seconds)} in all",
    ]
    if summary.left_out:
        facts.append(f"{figures.number(summary.left_out)} not comparable")
    return [*lines, [Part(f" {' · '.join(facts)}", "dim")]]


def _interval(interval: Interval) -> Line:
    low, high = figures.percent(interval.low), figures.percent(interval.high)
    return [
        Part(f"{figures.percent(interval.mean):>4}", "strong"),
        Part(f"  {low} to {high}", "dim"),
    ]
