"""Which query words does the chunk contain, and where?"""

from __future__ import annotations

from membrowse.counts import counted
from membrowse.engine.handlers.why.steps.context import ChunkContext
from membrowse.engine.handlers.why.steps.filters import LEFT_OUT
from membrowse.engine.handlers.why.steps.finding import Finding, finding, quoted_list
from membrowse.ranking.explanation import keyword
from membrowse.ranking.ranked_query import NO_WORDS
from membrowse.wire.diagnosis import Outcome, StepName
from membrowse.wire.explanation import KeywordExplanation, TermExplanation
from membrowse.wire.search import KEYWORD, RankingState


def check_keyword(context: ChunkContext) -> Finding:
    ranking = context.ranked_query.ranking(KEYWORD)
    if ranking.state is RankingState.FAILED:
        return finding(
            StepName.KEYWORD, Outcome.FAILS, f"the keyword ranking failed: {ranking.message}"
        )
    explained = keyword.explain_keyword(
        context.ranked_query, context.row, context.sources.settings.keyword
    )
    outcome, clause = _keyword_outcome(context, explained)
    evidence = map(_term_line, explained.terms)
    unsure = context.is_lower_bound(KEYWORD)
    return finding(StepName.KEYWORD, outcome, clause, evidence, explained.rank, at_least=unsure)


def _keyword_outcome(context: ChunkContext, explained: KeywordExplanation) -> tuple[Outcome, str]:
    held = [term for term in explained.terms if term.matches]
    of_held = {term.typed for term in held}
    typed = dict.fromkeys(term.typed for term in explained.terms if not term.matches)
    missing = [word for word in typed if word not in of_held]
    if not context.ranked_query.scope[context.row]:
        return Outcome.SKIPPED, LEFT_OUT
    if not explained.terms:
        # Without words for the encoder either, no ranking goes by what a chunk says.
        outcome = Outcome.SKIPPED if context.ranked_query.parsed.words else Outcome.FAILS
        return outcome, NO_WORDS
    if not held:
        what = "the word" if len(missing) == 1 else "none of the words"
        verb = "is not in it" if len(missing) == 1 else "is in it"
        return Outcome.FAILS, f"{what} {quoted_list(missing)} {verb}, as the analyser reads both"
    if explained.rank is None:
        return Outcome.FAILS, f"{explained.excluded}, so the keyword ranking leaves it out"
    place = f"it is {context.place_of(KEYWORD)} by keyword"
    if explained.rank <= context.k:
        return Outcome.PASSES, place
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        return Outcome.WEAK, f"{place}: {quoted_list(missing)} {verb} not in it"
    light = _light_fields(context, held)
    if light:
        return Outcome.WEAK, f"{place}: its words match only in {light}, which count little"
    return Outcome.WEAK, f"{place}: it contains all words, but others match them better"


def _light_fields(context: ChunkContext, held: list[TermExplanation]) -> str:
    """The matching fields with their weights, if all weigh less than the body."""
    matches = {match.field: match.weight for term in held for match in term.matches}
    heavy = context.sources.settings.keyword.weights.body
    if any(weight >= heavy for weight in matches.values()):
        return ""
    return ", ".join(f"{field} (weight {weight:g})" for field, weight in matches.items())


def _term_line(term: TermExplanation) -> str:
    name = term.typed if term.typed == term.term else f"{term.typed} ({term.term})"
    if term.matches:
        fields = ", ".join(f"{match.field} {match.frequency}×" for match in term.matches)
        return f"{name}: {fields}, adds {term.contribution:.2f}"
    if not term.df:
        return f"{name}: in no chunk"
    return f"{name}: not here, but in {counted(term.df, 'chunk')}"
