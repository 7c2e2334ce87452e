"""Recalls as lines: the log, and one recall with what became of its hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.hits import PLACE, RowStyle
from membrowse.presentation.lines import (
    Line,
    Part,
    bar_parts,
    cells,
    clip,
    clip_path,
    clip_start,
    fit,
    joined,
    wrapped,
)
from membrowse.text import shown
from membrowse.wire.notes import Freshness
from membrowse.wire.recalls import (
    HITS_KEPT,
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
    ReplayRequest,
    ReplaySummary,
)
from membrowse.wire.search import KEYWORD, RANKINGS, RERANKED, VECTOR, TargetMatch

_BLOCKS = "▁▂▃▄▅▆▇█"
_AT, _AGENT, _GIVEN, _CUT, _BEST = 14, 12, 3, 4, 5
_ID = 8
"""Characters of an id that are listed: `log show` takes a beginning."""
_STYLES = {
    RecallFlag.EMPTY: "bad",
    RecallFlag.CUT: "warn",
    RecallFlag.NEAR: "accent",
    RecallFlag.CHANGED: "warn",
    RecallFlag.STALE: "warn",
}
_MEANINGS = {
    RecallFlag.EMPTY: "the agent got nothing",
    RecallFlag.CUT: "got {recall.given}, its k or minimum score removed {recall.cut}",
    RecallFlag.NEAR: "a pinned note was just missed",
    RecallFlag.CHANGED: "today's answer differs",
    RecallFlag.STALE: "a hit's file has changed or is gone",
}
_BY = {KEYWORD: "by keyword", VECTOR: "by vector", RERANKED: "reranked"}
_NAMES = {"keyword": "k", "vector": "v", "fused": "f", "reranked": "r"}


def log_page(page: RecallPage, now: datetime, width: int) -> list[Line]:
    """Counts and a sparkline by day, then a line per recall with its id, and how to see more."""
    lines = [summary_line(page, width)]
    if page.recalls:
        lines += [[], head_line(width, ids=True)]
    lines += [recall_line(recall, now, width, ids=True) for recall in page.recalls]
    if page.next:
        lines.append([Part(" there are more: -n N lists N, --since and --text choose", "dim")])
    return lines


def summary_line(page: RecallPage, width: int) -> Line:
    """`63 recalls ▁▂▁▅▇ · 11% empty ▁ ▂▁ · 24% cut ▁▂▁`."""
    if not page.total:
        return fit([Part(f" {figures.counted(0, 'recall')}", "strong")], width)
    facts = (
        (figures.counted(page.total, "recall"), "strong"),
        (f"{figures.percent(page.empty / page.total)} empty", ""),
        (f"{figures.percent(page.cut / page.total)} cut", ""),
    )
    room = (width - sum(len(text) for text, _ in facts) - 12) // len(facts)
    spans = spans_of_days(page.days, max(0, min(40, room)))
    sparks = (
        spark([span.recalls or None for span in spans], max((s.recalls for s in spans), default=1)),
        spark([span.empty / span.recalls if span.recalls else None for span in spans], 1.0),
        spark([span.cut / span.recalls if span.recalls else None for span in spans], 1.0),
    )
    groups = [
        [Part(text, style), Part(f" {blocks}" if blocks else "", "bar")]
        for (text, style), blocks in zip(facts, sparks, strict=True)
    ]
    return fit([Part(" "), *joined(groups)], width)


def spans_of_days(days: Sequence[RecallDay], width: int) -> list[RecallDay]:
    """The counts of every day, or of equal spans of days if there are more than `width`; named for
    their first day."""
    if not days or width <= 0:
        return []
    first, last = date.fromisoformat(days[0].day), date.fromisoformat(days[-1].day)
    length = -(-((last - first).days + 1) // width)
    spans: dict[int, list[RecallDay]] = {
        at: [] for at in range(((last - first).days + length) // length)
    }
    for day in days:
        spans[(date.fromisoformat(day.day) - first).days // length].append(day)
    return [
        RecallDay(
            day=(first + timedelta(at * length)).isoformat(),
            recalls=sum(day.recalls for day in inside),
            empty=sum(day.empty for day in inside),
            cut=sum(day.cut for day in inside),
        )
        for at, inside in spans.items()
    ]


def spark(values: Sequence[float | None], most: float) -> str:
    """A block per value, the taller the nearer to `most`; None is a space."""
    return "".join(
        " " if value is None else _BLOCKS[min(7, int(value / most * len(_BLOCKS)))]
        for value in values
    )


def head_line(width: int, *, ids: bool = False) -> Line:
    """The names of the columns."""
    names = [
        *(["id".ljust(_ID)] if ids else []),
        "at".ljust(_AT),
        "agent".ljust(_AGENT),
        "got".rjust(_GIVEN),
        "cut".rjust(_CUT),
        "best".rjust(_BEST),
    ]
    return fit([Part(f" {' '.join(names)}  query", "dim")], width)


def recall_line(recall: RecallSummary, now: datetime, width: int, *, ids: bool = False) -> Line:
    """`21 Nov 12:04  openclaw   3   1   .52  which port does …   cut stale`: got 3, 1 cut off."""
    line = [
        *([Part(f" {shown(recall.id[:_ID]):<{_ID}}", "dim")] if ids else []),
        Part(f" {figures.local_time(recall.at, now):<{_AT}} ", "dim"),
        *fit([Part(clip(shown(recall.agent), _AGENT), "accent")], _AGENT),
        Part(f" {recall.given:>{_GIVEN}} "),
        Part(f"{recall.cut or '':>{_CUT}} ", "warn"),
        Part(f"{figures.score(recall.best):>{_BEST}}  ", "strong"),
    ]
    flags = flag_parts(recall.flags)
    room = width - cells(line) - cells(flags) - (2 if flags else 0)
    line += fit([Part(clip(shown(recall.query), room), "title")], max(0, room))
    return fit([*line, *([Part("  "), *flags] if flags else [])], width)


def about_lines(recall: RecallSummary, width: int) -> tuple[Line, Line]:
    """The query in full, then its session and what its flags mean."""
    facts: list[Line] = [[Part(_MEANINGS[flag].format(recall=recall))] for flag in recall.flags]
    if recall.session:
        facts.append([Part(f"session {shown(recall.session)}", "dim")])
    if recall.source:
        facts.append([Part(_imported_text(recall.source), "dim")])
    query = [Part(" / ", "key"), Part(clip(shown(recall.query), width - 4), "title")]
    return fit(query, width), fit([Part("   "), *joined(facts)], width)


def _imported_text(source: str) -> str:
    return f"imported ({shown(source)} format)"


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
        *([[Part(f"filters {shown(' '.join(recall.filters))}")]] if recall.filters else []),
        [Part(_imported_text(recall.source) if recall.source else "answered here", "dim")],
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
    if recall.withheld:
        withheld = figures.counted(recall.withheld, "hit")
        parts.append(f"nothing matched well, so {withheld} withheld")
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


def absent_lines(given: GivenHit, rank: int, style: RowStyle, width: int) -> list[Line]:
    """The row of a hit without a chunk today in an agent's ranking, and why there is none."""
    lead = [
        Part(f"{rank:>{style.rank_width}} ", "rank"),
        Part(f"{figures.score(given.hit.score):>5} ", "score"),
    ]
    why = [Part(given.note or "gone", "warn")]
    path = [Part(clip_path(hit_place(given), width - cells(lead), style.roots), "absent")]
    if style.lines < PLACE:
        return [fit([*lead, *why, Part("  "), *path], width)]
    indent = Part(" " * (style.rank_width + 1))
    lines = [fit([*lead, *path], width), fit([indent, *why], width), fit([], width)]
    return lines[: style.lines]


def hit_place(given: GivenHit) -> str:
    """`path:first-last` as the agent got it, safe to show."""
    hit = given.hit
    lines = f":{hit.start_line}-{hit.end_line}" if hit.start_line else ""
    return (shown(hit.path) or "?") + lines


def absent_text(given: GivenHit, now: datetime) -> str:
    """Why a hit has no chunk today, in full."""
    since = f", {figures.local_time(given.gone_at, now)}" if given.gone_at else ""
    return f"{hit_place(given)}\n{given.note or 'gone'}{since}"


def asked_line(
    recall: Recall,
    flags: Sequence[RecallFlag],
    now: datetime,
    in_force: Sequence[str] | None = None,
    put_off: Sequence[str] = (),
) -> list[Line]:
    """`openclaw asked 21 Nov 12:04`, `got 2 hits`, `stale`, `k 6, minimum score .35` …: the most
    important first.

    `in_force` are the filters of the rankings beside it, None if these are not known yet;
    `put_off` are those that do not hold while it is shown.
    """
    session = [Part(f"session {shown(recall.session)}", "dim")] if recall.session else []
    both, differences = _filters(recall.filters, recall.filters if in_force is None else in_force)
    if put_off:
        differences.append([Part(f"without your {shown(' '.join(put_off))}", "warn")])
    return [
        [
            Part(clip(shown(recall.agent), 24), "accent"),
            Part(f" {'asked' if recall.id else 'was asked'} {figures.local_time(recall.at, now)}"),
        ],
        *differences,
        [Part(f"got {figures.counted(len(recall.given), 'hit')}")],
        flag_parts(flags),
        [Part(cut_text(recall), "dim")],
        both,
        session,
    ]


def _filters(agents: Sequence[str], ours: Sequence[str]) -> tuple[Line, list[Line]]:
    """The filters of both searches, and those that only one of them has."""
    both = [each for each in agents if each in ours]
    only = {
        "only ours has": [each for each in ours if each not in agents],
        "only the agent's has": [each for each in agents if each not in ours],
    }
    return (
        [Part(f"filters {shown(' '.join(both))}")] if both else [],
        [[Part(f"{who} {shown(' '.join(has))}", "warn")] for who, has in only.items() if has],
    )


# The agent's side of a diagnosis


def agent_side(view: RecallView, match: TargetMatch, path: str, saved_at: str) -> str:
    """What the agent got for its question, and what that says about a note: a sentence or two.

    `saved_at` is when the note's file was saved last, if that is known.
    """
    recall = view.recall
    clauses = [
        _got_clause(recall),
        beneath_text(recall),
        _place_clause(view, match, path),
        _then_clause(recall, match, path),
        _today_clause(match),
        _saved_clause(recall, saved_at),
    ]
    return f"{'; '.join(filter(None, clauses))}."


def _got_clause(recall: Recall) -> str:
    """`openclaw's own search returned 2 hits, both above .35`."""
    who = shown(recall.agent)
    searched = f"{who}'s own search" if recall.source else f"membrowse's search for {who}"
    if not recall.given:
        return f"{searched} returned nothing"
    clause = f"{searched} returned {figures.counted(len(recall.given), 'hit')}"
    scores = [hit.score for hit in recall.given]
    if recall.k == len(recall.given):
        return f"{clause}, its k"
    if recall.min_score is None or any(s is None or s < recall.min_score for s in scores):
        return clause
    each = {1: "", 2: "both "}.get(len(scores), "all ")
    return f"{clause}, {each}above {figures.score(recall.min_score)}"


def _place_clause(view: RecallView, match: TargetMatch, path: str) -> str:
    """Whether the chunk, or another one of its note, was among the hits."""
    chunk = match.hit.chunk if match.hit else ""
    for rank, given in enumerate(view.given, start=1):
        if chunk and given.chunk == chunk:
            score = f" with {figures.score(given.hit.score)}" if given.hit.score else ""
            return f"this was its {figures.rank(rank)}{score}"
    for rank, given in enumerate(view.given, start=1):
        if given.hit.path == path:
            note = "another part of this note" if chunk and given.chunk else "this note"
            return f"{note} was its {figures.rank(rank)}"
    return "this note was not among them" if view.given else ""


def _then_clause(recall: Recall, match: TargetMatch, path: str) -> str:
    """Its rank at that time, if membrowse answered."""
    chunk = match.hit.chunk if match.hit else ""
    found = {
        name: rank
        for name, hits in recall.rankings.items()
        for rank, hit in reversed(list(enumerate(hits, start=1)))
        if hit.chunk == chunk or (not chunk and hit.path == path)
    }
    if ranks := _ranks_clause(found):
        return f"then it stood {ranks}"
    return f"then it was not in the first {HITS_KEPT} of any ranking" if recall.rankings else ""


def _today_clause(match: TargetMatch) -> str:
    """`this note stands #3 by keyword and #1 reranked here`."""
    if match.hit is None:
        return f"here, {match.reason[:1].lower()}{match.reason[1:]}".rstrip(". ,")
    ranks = _ranks_clause(match.hit.ranks)
    return f"today it stands {ranks} here" if ranks else "today no ranking has it"


def _ranks_clause(ranks: Mapping[str, int | None]) -> str:
    """`#3 by keyword and #1 reranked`; empty if it has no rank."""
    found = [f"{figures.rank(rank)} {_BY[name]}" for name in _BY if (rank := ranks.get(name))]
    *first, last = found or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _saved_clause(recall: Recall, saved_at: str) -> str:
    """`its file was saved 40 minutes after the question`."""
    try:
        seconds = (
            datetime.fromisoformat(saved_at) - datetime.fromisoformat(recall.at)
        ).total_seconds()
    except (ValueError, TypeError):
        return ""
    if seconds <= 0:
        return ""
    return f"its file was saved {_long_duration(seconds)} after the question"


def _long_duration(seconds: float) -> str:
    for length, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * length or unit == "minute":
            return figures.counted(max(1, round(seconds / length)), unit)
    return ""


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


_SAME, _OVERLAP, _RBO = 5, 5, 6
_REPLAY_LEAD = _SAME + _OVERLAP + _RBO + 2


def _replayed_query_cells(width: int) -> int:
    """Cells of the query, so that what was lost and gained stands in a column, too."""
    return max(16, min(64, (width - _REPLAY_LEAD) // 2))


def replay_head(width: int) -> Line:
    """The names of the columns."""
    names = f"{' 1st':<{_SAME}}{'over':>{_OVERLAP}}{'RBO':>{_RBO}}  "
    query = "query".ljust(_replayed_query_cells(width))
    return fit([Part(f"{names}{query}  − lost + gained", "dim")], width)


def replay_line(recall: ReplayedRecall, width: int) -> Line:
    """` =     .67   .71  which port does …   − ports.md:3 (#9)`."""
    sign = Part(
        (" = " if recall.same_top else " ≠ ").ljust(_SAME), "good" if recall.same_top else "warn"
    )
    overlap = figures.score(recall.overlap).rjust(_OVERLAP)
    biased = figures.score(recall.rank_biased_overlap).rjust(_RBO)
    moved = moved_parts(recall)
    room = _replayed_query_cells(width) if moved else width - _REPLAY_LEAD
    query = fit([Part(clip(shown(recall.query), room), "title")], room)
    return fit([sign, Part(f"{overlap}{biased}  "), *query, Part("  "), *moved], width)


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


def replay_about(recall: ReplayedRecall, width: int) -> list[Line]:
    """The whole query, and what its answer lost and gained."""
    query = [Part(" / ", "key"), Part(shown(recall.query))]
    moved = moved_parts(recall) or [Part("the same hits", "good")]
    return [fit(query, width), fit([Part("   "), *moved], width)]


def replay_title(request: ReplayRequest, width: int) -> Line:
    """`REPLAY  openclaw since 19 Nov · today's answers against what the agents got`."""
    of_agent = shown(request.agent) if request.agent else "every agent"
    since = f" since {shown(request.since[:10])}" if request.since else ""
    against = f"the configuration {shown(request.against)}" if request.against else ""
    text = f"  {of_agent}{since} · today's answers against {against or 'what the agents got'}"
    return fit([Part(" "), Part("REPLAY", "strong"), Part(text)], width)


def replay_progress(done: int, total: int, width: int) -> Line:
    """`◌ 120 of 600 questions ━━━───`."""
    if not total:
        return fit([Part(" ◌ ", "accent"), Part("reading the log…", "dim")], width)
    count = f"{figures.number(done)} of {figures.counted(total, 'question')} "
    return fit([Part(" ◌ ", "accent"), Part(count), *bar_parts(done / total, 12)], width)


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
        Part(f"  {low} to {high} (95% interval)", "dim"),
    ]
