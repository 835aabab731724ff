"""Two reports compared: what is gone, what is new, what has become faster or slower."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from autogen_vitals.local.report.changes import Change, Comparison, FindingChange, RequestChange
from autogen_vitals.local.report.model import Finding, Latency, Report, RequestGroup
from autogen_vitals.local.report.tables import counted
from autogen_vitals.vocabulary import STARTUP_STAGES, StartupStage

_START_MS, _REQUEST_MS, _INIT_MS = 50.0, 5.0, 1.0
_START_SHARE, _REQUEST_SHARE = 0.05, 0.1
"""Smaller differences, in milliseconds and in parts of the first run's, are taken for chance."""

_FEWEST = 3
"""So many requests there have to be in each run for their median to be spoken of."""


def compare(a: Report, b: Report) -> Comparison:
    """What has changed from the run of the first report to that of the second."""
    findings = _findings(a.verdict.to_fix, b.verdict.to_fix)
    cold_start = Change(_cold_start(a), _cold_start(b))
    requests = _requests(a.requests, b.requests)
    failed_starts = Change(_failed_starts(a), _failed_starts(b))
    deaths = Change(len(a.crashes.dead), len(b.crashes.dead))
    failures = Change(len(a.crashes.failures), len(b.crashes.failures))
    reinits = Change(_reinits(a), _reinits(b))
    return Comparison(
        a=a.run,
        b=b.run,
        sentences=(
            *_of_silence(a, b),
            *_of_all(findings),
            *_of_starts(cold_start),
            *_of_findings(findings),
            *_of_numbers(failed_starts, "process", "processes", "could not start"),
            *_of_numbers(deaths, "process", "processes", "died"),
            *_of_numbers(failures, "exception", "exceptions", "got out"),
            *_of_requests(requests),
            *_of_inits(a, b),
        ),
        findings=findings,
        cold_start_ms=cold_start,
        stages_ms=_stages(a, b),
        first_request_ms=Change(_first_request(a), _first_request(b)),
        requests=requests,
        reinits=reinits,
        reinit_ms=Change(sum(init.reinit_ms for init in a.inits), sum(init.reinit_ms for init in b.inits)),
        failed_starts=failed_starts,
        deaths=deaths,
        failures=failures,
    )


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return median(known) if known else None


def _cold_start(report: Report) -> float | None:
    return _median(start.total_ms for start in report.cold_starts if start.served)


def _first_request(report: Report) -> float | None:
    return _median(start.first_request_ms for start in report.cold_starts if start.first_request_ms is not None)


def _stages(a: Report, b: Report) -> dict[StartupStage, Change]:
    of_a, of_b = _stage_medians(a), _stage_medians(b)
    return {stage: Change(of_a.get(stage), of_b.get(stage)) for stage in STARTUP_STAGES if stage in {*of_a, *of_b}}


def _stage_medians(report: Report) -> dict[StartupStage, float]:
    served = [start for start in report.cold_starts if start.served]
    taken: dict[StartupStage, list[float]] = defaultdict(list)
    for start in served:
        for stage, ms in (*start.until_ready.items(), *start.in_request.items()):
            taken[stage].append(ms)
    # What a process has not told of took it no time.
    return {stage: median([*ms, *[0.0] * (len(served) - len(ms))]) for stage, ms in taken.items()}


def _failed_starts(report: Report) -> int:
    return sum(group.count for group in report.crashes.start_failures) + len(report.crashes.stillborn)


def _reinits(report: Report) -> int:
    return sum(init.reinits for init in report.inits)


# --- findings -----------------------------------------------------------------------------------------------------


def _findings(a: Sequence[Finding], b: Sequence[Finding]) -> tuple[FindingChange, ...]:
    pairs = _pairs(a, b)
    known = {id(other) for other in pairs.values()}
    return (
        *(FindingChange("new", None, one) for one in b if id(one) not in known),
        *(FindingChange("still", one, pairs[id(one)]) for one in a if id(one) in pairs),
        *(FindingChange("gone", one, None) for one in a if id(one) not in pairs),
    )


def _pairs(a: Sequence[Finding], b: Sequence[Finding]) -> dict[int, Finding]:
    """By the id of the first run's, the second run's finding that is the same: at the same line where there is one,
    else in the same function."""
    pairs: dict[int, Finding] = {}
    left = list(b)
    for with_line in (True, False):
        for one in a:
            alike = (other for other in left if _identity(other, with_line) == _identity(one, with_line))
            if id(one) not in pairs and (same := next(alike, None)) is not None:
                pairs[id(one)] = same
                left.remove(same)
    return pairs


def _identity(finding: Finding, with_line: bool) -> tuple[object, ...]:
    site = finding.site
    if site is None:
        return finding.rule, finding.operation if finding.rule else finding.evidence
    return finding.rule, site.file, site.function, finding.component, site.line if with_line else 0


# --- requests -----------------------------------------------------------------------------------------------------


def _requests(a: Sequence[RequestGroup], b: Sequence[RequestGroup]) -> tuple[RequestChange, ...]:
    of_a, of_b = {group.name: group for group in a}, {group.name: group for group in b}
    return tuple(_request(name, of_a.get(name), of_b.get(name)) for name in sorted({*of_a, *of_b}))


def _request(name: str, a: RequestGroup | None, b: RequestGroup | None) -> RequestChange:
    return RequestChange(
        name=name,
        count=Change(a.count if a else 0, b.count if b else 0),
        cold_ms=Change(_p50(a and a.cold), _p50(b and b.cold)),
        later_ms=Change(_p50(a and a.later), _p50(b and b.later)),
        inits=Change(a.inits if a and a.later else None, b.inits if b and b.later else None),
        init_ms=Change(a.init_ms if a and a.later else None, b.init_ms if b and b.later else None),
        errors=Change(a.errors if a else None, b.errors if b else None),
    )


def _p50(latency: Latency | None) -> float | None:
    return latency.p50_ms if latency else None


# --- sentences ----------------------------------------------------------------------------------------------------


def _of_silence(a: Report, b: Report) -> list[str]:
    silent = [name for name, report in (("A", a), ("B", b)) if report.verdict.state == "silent"]
    return [f"Of {' and '.join(silent)} nothing is known: no process told anything."] if silent else []


def _of_starts(change: Change) -> list[str]:
    if change.a is None or change.b is None:
        return []
    by = change.b - change.a
    numbers = f"({change.a / 1000:.2f} s, now {change.b / 1000:.2f} s)"
    if abs(by) < max(_START_MS, _START_SHARE * change.a):
        return [f"B is as fast to start as A {numbers}."]
    return [f"B is {'slower' if by > 0 else 'faster'} to start by {abs(by) / 1000:.2f} s {numbers}."]


def _of_all(changes: Sequence[FindingChange]) -> list[str]:
    """The verdict: how much there is to fix now, and how much there is no more."""
    gone, new, still = (sum(change.state == state for change in changes) for state in ("gone", "new", "still"))
    now = counted(new + still, "thing is", "things are")
    if not changes:
        return []
    if not new + still:
        return [f"Nothing is left to fix: {counted(gone, 'finding is', 'findings are')} gone."]
    if not gone and not new:
        return [f"{now} to be fixed, as before."]
    return [f"{now} to be fixed, {new or 'none'} of them new; {gone or 'none'} {'is' if gone == 1 else 'are'} gone."]


def _of_findings(changes: Sequence[FindingChange]) -> list[str]:
    sentences: list[str] = []
    for state, verb in (("gone", "gone"), ("new", "new"), ("still", "still there")):
        named = [name_of(change) for change in changes if change.state == state]
        if named:
            sentences.append(f"{', '.join(named)} {'is' if len(named) == 1 else 'are'} {verb}.")
    return sentences or ["Neither has anything to fix."]


def name_of(change: FindingChange) -> str:
    """Rule and line, as they are in the newer of the runs that have it."""
    one = change.b or change.a
    if one is None:
        return ""
    where = f" at {one.site}" if one.site else f" in {one.operation}" if one.operation else ""
    return f"{one.rule or 'A crash'}{where}"


def _of_numbers(change: Change, one: str, many: str, what: str) -> list[str]:
    if change.a == change.b:
        return []
    return [f"{counted(int(change.a or 0), one, many)} {what} in A, {int(change.b or 0)} in B."]


def _of_requests(changes: Sequence[RequestChange]) -> list[str]:
    return [sentence for change in changes if (sentence := _of_request(change))]


def _of_request(change: RequestChange) -> str:
    a, b = change.later_ms.a, change.later_ms.b
    if a is None or b is None or min(change.count.a or 0, change.count.b or 0) < _FEWEST:
        return ""
    if abs(b - a) < max(_REQUEST_MS, _REQUEST_SHARE * a):
        return ""
    return (
        f"{change.name or 'A request without a name'} is {'slower' if b > a else 'faster'} by {abs(b - a):,.0f} ms "
        f"({a:,.0f} ms, now {b:,.0f} ms; medians without cold ones)."
    )


def _of_inits(a: Report, b: Report) -> list[str]:
    of_a, of_b = _init_ms(a), _init_ms(b)
    if of_a is None or of_b is None or abs(of_b - of_a) < _INIT_MS:
        return []
    return [f"A request spent {of_a:.1f} ms in inits in A, {of_b:.1f} ms in B (means, without cold ones)."]


def _init_ms(report: Report) -> float | None:
    later = [(group.init_ms, group.later.count) for group in report.requests if group.later]
    return sum(ms * count for ms, count in later) / sum(count for _, count in later) if later else None
