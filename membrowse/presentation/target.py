"""The target in a few words, and how it fared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from membrowse.presentation.lines import Line, Part, cells, clip, clip_start, fit, spread
from membrowse.presentation.ranks import short_rank
from membrowse.text import shown
from membrowse.wire.search import RERANKED, CutOrigin, Hit, Target, TargetMatch

SIGN = "◎"


def named(target: Target) -> str:
    """The target in a few words, before the engine has labelled it; safe to show."""
    if target.path:
        return shown(f"{target.path}:{target.line}" if target.line else target.path)
    return clip(f"“{shown(target.text)}”", 48) if target.text else "the chunk"


def target_line(
    target: Target,
    match: TargetMatch | None,
    letters: Mapping[str, str],
    width: int,
    *,
    asked: bool = True,
    complete: bool = True,
    right: Sequence[Part] = (),
) -> Line:
    """`◎ decisions/ssh.md:14   k9 v2 f4 r6   ✗ outside the top 5 (default)`, then `right`.

    `match` is None until the search has one; `asked`: there is a query, `complete`: all of its
    rankings are finished.
    """
    label = shown(match.label) if match else named(target)
    fared = _match_parts(match, letters, asked=asked, complete=complete)
    room = max(12, width - 3 - cells(fared) - cells([*right]) - 2)
    left = [Part(f" {SIGN} ", "accent"), Part(clip_start(label, room), "strong"), *fared]
    return spread(left, [*right], width) if width >= 60 else fit(left, width)


def _match_parts(
    match: TargetMatch | None, letters: Mapping[str, str], *, asked: bool, complete: bool
) -> Line:
    if match is None:
        return [Part("   …" if asked else "   type a query to see its ranks", "dim")]
    if match.hit is None:
        return [Part("   "), _absent_part(match)]
    line = [Part("   "), *_ranks(match.hit, letters), Part("   "), _passing_part(match, complete)]
    if match.provisional and complete:
        line.append(Part(f" so far; {shown(match.provisional)}", "warn"))
    if match.reason:
        line += [Part("   "), Part(f"! {shown(match.reason)}", "warn")]
    return line


def _ranks(hit: Hit, letters: Mapping[str, str]) -> Line:
    """`k9 v2 f4 r6`."""
    line: Line = []
    for name, letter in letters.items():
        style = "strong" if name == RERANKED else "ranks"
        line += [Part(f"{letter}{short_rank(hit, name)}", style), Part(" ")]
    return line[:-1]


def _absent_part(match: TargetMatch) -> Part:
    """That no chunk of the target is indexed (yet)."""
    if match.provisional:
        return Part(f"… not indexed so far; {shown(match.provisional)}", "warn")
    reason = shown(match.reason) or "no chunk of it is indexed"
    return Part(f"✗ in no ranking: {reason}", "bad")


def _passing_part(match: TargetMatch, complete: bool) -> Part:
    """Whether the target is within the cut; no colour of success or failure if that may change."""
    rank = match.hit.ranks.get(RERANKED) if match.hit else None
    if not match.passes and not complete and rank is None:
        return Part("… ranking", "dim")
    sign, style = ("✓", "good") if match.passes else ("✗", "bad")
    if match.provisional:
        sign, style = "…", "warn"
    if match.passes:
        return Part(f"{sign} within {cut_name(match.k, match.cut)}", style)
    if rank is not None and rank <= match.k:
        return Part(f"{sign} below the agent's minimum score", style)
    return Part(f"{sign} outside {cut_name(match.k, match.cut)}", style)


def cut_name(k: int, cut: CutOrigin) -> str:
    """`the agent's cut (k 5)`; until an agent's settings are set, `the top 5 (default)`."""
    if cut is CutOrigin.AGENT:
        return f"the agent's cut (k {k})"
    return f"the top {k}{' (default)' if cut is CutOrigin.DEFAULT else ''}"
