"""The query of a report, then and now: what differs, and how the hits moved."""

from __future__ import annotations

from membrowse.presentation import figures
from membrowse.presentation.figures import exact
from membrowse.presentation.lines import Line, Part, fit, hanging
from membrowse.presentation.query import asked_lines
from membrowse.presentation.ranks import movement_part
from membrowse.text import shown
from membrowse.wire.rerun import COMPARED_DEPTH, Difference, Rerun, RerunHit, RerunRanking
from membrowse.wire.search import RERANKED, Hit, RankingState

_ORDER = {
    True: Part("the same order", "good"),
    False: Part("another order", "warn"),
}
_RANK, _SCORE, _NOTE = 4, 7, 8


def rerun_page(rerun: Rerun, width: int) -> list[Line]:
    """Whether the order is the same, what the search depends on, and each ranking."""
    lines = [
        [
            Part(f" the first {COMPARED_DEPTH} reranked hits: ", "strong"),
            _ORDER[rerun.same_order],
        ],
        *asked_lines(rerun.query, width),
        fit([Part(f"   made {shown(rerun.made_at)} · now {shown(rerun.asked_at)}", "dim")], width),
        [],
        [Part(" DIFFERENCES", "strong"), Part("" if rerun.differences else "   none", "dim")],
    ]
    for difference in rerun.differences:
        lines += hanging([Part("   ")], _difference(difference), width)
    for name, ranking in rerun.rankings.items():
        lines += [[], *_ranking(name, ranking, width)]
    return lines


def _difference(difference: Difference) -> Line:
    then, now = shown(str(difference.then)), shown(str(difference.now))
    return [Part(f"{shown(difference.what)} ", "title"), Part(f"{then} → {now}")]


def _ranking(name: str, ranking: RerunRanking, width: int) -> list[Line]:
    """The order of the first hits; of the reranked ranking all of them, else those that moved."""
    order = _ORDER[ranking.same_order]
    lines = [[Part(f" {shown(name).upper()}", "strong"), Part("   "), order]]
    if ranking.state is not RankingState.READY:
        message = [Part(f"{ranking.state.value}: {shown(ranking.message)}", "warn")]
        lines += hanging([Part(" ! ", "warn")], message, width)
    for hit in ranking.hits[:COMPARED_DEPTH]:
        if name == RERANKED or hit.gone or hit.edited or hit.now != hit.then:
            lines.append(fit(_rerun_hit_line(hit), width))
    return [*lines, *(fit(_new_hit_line(hit), width) for hit in ranking.new)]


def _rerun_hit_line(hit: RerunHit) -> Line:
    """`1 → 2   ▼1      1.000 → .500   edited  runbooks/deploy.md:3  A › B`."""
    if hit.now is None:
        moved = Part("✗", "bad")
    else:
        moved = movement_part(hit.then - hit.now)
    note = "gone" if hit.gone else "edited" if hit.edited else ""
    place = f"{hit.path}:{hit.start_line}"
    return _hit_row(
        (str(hit.then), _number(hit.now)),
        moved,
        (exact(hit.score_then), exact(hit.score_now)),
        Part(note, "warn"),
        place,
        hit.heading,
    )


def _new_hit_line(hit: Hit) -> Line:
    """A hit that the report does not have."""
    return _hit_row(
        (figures.NONE, str(hit.rank)),
        Part("new", "good"),
        (figures.NONE, exact(hit.score)),
        Part(""),
        f"{hit.path}:{hit.start_line}",
        hit.heading or hit.title,
    )


def _hit_row(
    ranks: tuple[str, str],
    moved: Part,
    scores: tuple[str, str],
    note: Part,
    place: str,
    heading: str,
) -> Line:
    return [
        Part(f"{ranks[0]:>{_RANK}} → {ranks[1]:<{_RANK}}", "rank"),
        moved._replace(text=moved.text.ljust(_RANK + 1)),
        Part(f"{scores[0]:>{_SCORE}} → {scores[1]:<{_SCORE}} "),
        note._replace(text=note.text.ljust(_NOTE)),
        Part(shown(place), "path"),
        Part(f"  {shown(heading)}", "heading"),
    ]


def _number(rank: int | None) -> str:
    return figures.NONE if rank is None else str(rank)
