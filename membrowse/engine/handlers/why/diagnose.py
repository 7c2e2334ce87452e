"""The answer to "why not this note?": step by step, from the file on disk to the cut."""

from __future__ import annotations

import time
from dataclasses import replace

from membrowse.engine.components import Components
from membrowse.engine.handlers.explain import located, rank_query, sources
from membrowse.engine.handlers.why.steps.context import ChunkContext, FileContext
from membrowse.engine.handlers.why.steps.cut import check_cut
from membrowse.engine.handlers.why.steps.filters import check_filters
from membrowse.engine.handlers.why.steps.finding import Finding
from membrowse.engine.handlers.why.steps.folder import check_folder
from membrowse.engine.handlers.why.steps.fused import check_fused
from membrowse.engine.handlers.why.steps.indexed import check_indexed
from membrowse.engine.handlers.why.steps.keyword import check_keyword
from membrowse.engine.handlers.why.steps.reranked import check_reranked
from membrowse.engine.handlers.why.steps.text import check_text
from membrowse.engine.handlers.why.steps.vector import check_vector
from membrowse.engine.priority import Pause
from membrowse.engine.querying.freshness import FreshnessOf
from membrowse.engine.querying.provisional import provisional
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.ranking.targets import LocatedTarget, best_row, match_target, passes
from membrowse.wire.diagnosis import Diagnosis, DiagnosisRequest, Outcome, StepName

_FILE_STEPS = (check_folder, check_indexed, check_text)
_RANKINGS = (StepName.KEYWORD, StepName.VECTOR, StepName.FUSED, StepName.RERANKED)
_RANKING_STEPS = (check_keyword, check_vector, check_fused, check_reranked)


def diagnose(components: Components, request: DiagnosisRequest, pause: Pause) -> Diagnosis:
    """Where the target is lost on its way from the folder to the first k."""
    started = time.perf_counter()
    ranked_query, settings = rank_query(components, request)
    target = components.targets.locate(
        ranked_query.generation, request.target, settings.agent, request.k
    )
    ranked_query = located(components, ranked_query, target.chunks.rows, settings)
    row = best_row(ranked_query, target.chunks.rows)
    files = FileContext(
        components, ranked_query.generation, request.target, target, row, settings.notes, pause
    )
    findings = _file_findings(files)
    if row is not None:
        chunk = ChunkContext(
            ranked_query, row, target.k, sources(components, ranked_query, settings)
        )
        if ranked_query.parsed.filters:
            findings.append(check_filters(components, chunk))
            pause()
        for check in _RANKING_STEPS:
            findings.append(check(chunk))
            pause()
        findings.append(check_cut(chunk, settings.agent.min_score))
    in_top_k = row is not None and passes(ranked_query, row, target.k)
    if in_top_k:
        findings = [_not_decisive(each) for each in findings]
    freshness = FreshnessOf(components.roots, ranked_query.notes)
    doubt = provisional(
        components.indexer.state,
        ranked_query.generation,
        components.models.state,
        components.index.unstored,
    )
    return Diagnosis(
        query=request.text,
        target=request.target,
        match=match_target(ranked_query, target, freshness, doubt),
        k=target.k,
        in_top_k=in_top_k,
        verdict=_verdict(target, findings, doubt, in_top_k=in_top_k),
        steps=tuple(finding.step() for finding in findings),
        generation=ranked_query.generation_number,
        took_ms=elapsed_ms(started),
    )


def _not_decisive(finding: Finding) -> Finding:
    """The finding of a target that is in the top: a ranking that it did without is only weak."""
    failed = finding.outcome is Outcome.FAILS and finding.name in _RANKINGS
    return replace(finding, outcome=Outcome.WEAK) if failed else finding


def _file_findings(context: FileContext) -> list[Finding]:
    """The steps that need no ranking; all others are skipped if no chunk represents the target."""
    found: list[Finding] = []
    for check in _FILE_STEPS:
        found.append(check(context))
        context.pause()
        if found[-1].outcome is Outcome.FAILS and context.row is None:
            break
    if context.row is None:
        clause = "nothing of it is indexed"
        done = {each.name for each in found}
        left = [name for name in StepName if name not in {*done, StepName.FILTERS}]
        found += [Finding(name, Outcome.SKIPPED, clause) for name in left]
    return found


def _verdict(
    target: LocatedTarget, findings: list[Finding], provisional: str, *, in_top_k: bool
) -> str:
    """One sentence: the first failing step's, or that all is well; and why it may change."""
    so_far = f" so far ({provisional})" if provisional else ""
    last = findings[-1]
    failing = next((each for each in findings if each.outcome is Outcome.FAILS), None)
    if not in_top_k:
        clause = (failing or last).clause
        return f"{target.label} is not in the top {target.k}{so_far}: {clause}."
    if last.outcome is Outcome.FAILS:
        return f"{target.label}: {last.clause}{so_far}."
    file_steps = (StepName.FOLDER, StepName.INDEXED, StepName.TEXT)
    but = f", but {failing.clause}" if failing and failing.name in file_steps else ""
    return f"{target.label} is #{last.rank}, within the top {target.k}{so_far}{but}."
