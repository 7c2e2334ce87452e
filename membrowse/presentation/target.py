"""What is said of the target: the line under the query, and the target in a few words."""

from __future__ import annotations

from collections.abc import Mapping

from membrowse.presentation.lines import Line, Part, cells, clip, clip_start, fit, spread
from membrowse.text import shown
from membrowse.wire.search import RERANKED, Hit, Target, TargetMatch

SIGN = "◎"


def named(target: Target) -> str:
    """The target in a few words, before the engine has labelled it; safe to show."""
    if target.path:
        return shown(f"{target.path}:{target.line}" if target.line else target.path)
    return clip(f"“{shown(target.text)}”", 48) if target.text else "the chunk"


def ranks(hit: Hit, letters: Mapping[str, str]) -> Line:
    """`k9 v2 f4 r6`; a dash where the chunk has no rank."""
    line: Line = []
    for name, letter in letters.items():
        rank = hit.ranks.get(name)
        style = "strong" if name == RERANKED else "ranks"
        line += [Part(f"{letter}{'–' if rank is None else rank}", style), Part(" ")]
    return line[:-1]


def passing(expected: TargetMatch, *, complete: bool) -> Part:
    """Whether the target passes the agent's cut, in words."""
    rank = expected.hit.ranks.get(RERANKED) if expected.hit else None
    if expected.passes:
        return Part(f"✓ within the agent's cut (k {expected.k})", "good")
    if not complete and rank is None:
        return Part("… ranking", "dim")
    if rank is not None and rank <= expected.k:
        return Part("✗ below the agent's minimum score", "bad")
    return Part(f"✗ outside the agent's cut (k {expected.k})", "bad")


def target_line(
    target: Target,
    expected: TargetMatch | None,
    letters: Mapping[str, str],
    width: int,
    *,
    asked: bool,
    complete: bool,
    key: tuple[str, str, str] = ("w", "why", "screen.why"),
) -> Line:
    """`◎ decisions/ssh.md:14   k9 v2 f4 r6   ✗ outside the agent's cut (k 5)      w why`."""
    letter, what, action = key
    right = [Part(letter, "key", action), Part(f" {what} ", "dim", action)]
    label = shown(expected.label) if expected else named(target)
    told = _told(expected, letters, asked=asked, complete=complete)
    room = max(12, width - 3 - cells(told) - cells(right) - 2)
    left = [Part(f" {SIGN} ", "accent"), Part(clip_start(label, room), "strong")]
    return spread([*left, *told], right, width) if width >= 60 else fit([*left, *told], width)


def _told(
    expected: TargetMatch | None, letters: Mapping[str, str], *, asked: bool, complete: bool
) -> Line:
    if expected is None:
        return [Part("   type a query to see where it stands" if not asked else "   …", "dim")]
    line: Line = [Part("   ")]
    if expected.hit is None:
        reason = shown(expected.reason) or "no chunk of it is indexed"
        return [*line, Part(f"✗ in no ranking: {reason}", "bad")]
    line += [*ranks(expected.hit, letters), Part("   "), passing(expected, complete=complete)]
    if expected.reason:
        line += [Part("   "), Part(f"! {shown(expected.reason)}", "warn")]
    return line
