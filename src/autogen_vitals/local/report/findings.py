"""The findings of a run: of the same rule and line one, by however many processes, and what each has cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes, ReceivedLog
from autogen_vitals.local.report.costs import Costs, saving
from autogen_vitals.local.report.crashes import BOOT
from autogen_vitals.local.report.model import Cost, Crashes, Death, Failure, Finding, Site
from autogen_vitals.local.report.pages import fix_of
from autogen_vitals.local.report.telemetry import Telemetry, number, text, whole

SEVERITIES = ("critical", "error", "warning", "info")
"""The worst first."""

_TRACES = 5
_PARTS = 2
_OUTCOMES = ("AG501", "AG502")
"""Rules that tell that processes could not start; what for, another one may say."""


@dataclass(frozen=True)
class _Place:
    """What findings have to share to be one: rule and line, or what was going on, where no line is known."""

    rule: str
    file: str
    line: int
    operation: str

    @property
    def short(self) -> str:
        """As in the attribute ``autogen.finding.site``."""
        return f"{'/'.join(self.file.replace(chr(92), '/').split('/')[-_PARTS:])}:{self.line}" if self.file else ""


def findings_of(telemetry: Telemetry, crashes: Crashes) -> tuple[Finding, ...]:
    """All findings, and crashes that no rule explains, in the order of ``by_worth``."""
    told: dict[_Place, list[ReceivedLog]] = defaultdict(list)
    for log in telemetry.events(semconv.FINDING_EVENT):
        if text(log.attributes, semconv.FINDING_RULE):
            told[_place(log.attributes)].append(log)
    costs, times = Costs(telemetry, crashes), _times(telemetry)
    found = [
        _finding(place, logs, times, costs, telemetry)
        for place, logs in told.items()
        if not _is_of_earlier(place, crashes)
    ]
    found += _unexplained(crashes, found)
    return tuple(sorted(_without_consequences(found, crashes), key=by_worth))


def _is_of_earlier(place: _Place, crashes: Crashes) -> bool:
    """Whether it is about ends of processes, and only of such that had ended before the run began."""
    own = [*(death for group in crashes.start_failures for death in group.deaths), *crashes.dead]
    return any(death.rule == place.rule for death in crashes.earlier) and not any(
        death.rule == place.rule for death in own
    )


def by_worth(finding: Finding) -> tuple[object, ...]:
    """The order: what to fix first.

    What breaks something (critical, error, or a warning that something has failed of) comes before what costs time, and
    both before what is only worth knowing. Of what breaks: most failed starts and deaths together, then most failed
    requests, then the worse severity. Then, and of what costs time: most milliseconds of the run, then found most
    often; rule and line decide the rest.
    """
    cost, severity = finding.cost, _rank(finding.severity)
    lost = cost.failed_starts + cost.deaths
    is_broken = severity != _rank("info") and bool(severity < _rank("warning") or lost or cost.failed_requests)
    broken = (-lost, -cost.failed_requests, severity) if is_broken else (0, 0, 0)
    return (
        0 if is_broken else severity,
        *broken,
        -cost.ms,
        -finding.times,
        finding.rule,
        str(finding.site or ""),
        finding.operation,
    )


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def _place(said: Attributes) -> _Place:
    file = text(said, semconv.CODE_FILE_PATH)
    return _Place(
        rule=text(said, semconv.FINDING_RULE),
        file=file,
        line=whole(said, semconv.CODE_LINE_NUMBER) if file else 0,
        operation="" if file else text(said, semconv.OPERATION),
    )


def _finding(
    place: _Place,
    logs: Sequence[ReceivedLog],
    times: dict[tuple[str, str], dict[str, int]],
    costs: Costs,
    telemetry: Telemetry,
) -> Finding:
    # The worst speaks for all; of those that are as bad, the one that has seen most.
    worst = min(logs, key=lambda log: (_rank(_severity(log)), -_seen(log)))
    said, severity = worst.attributes, _severity(worst)
    as_bad = [log for log in logs if (_severity(log) == "info") == (severity == "info")]
    site, operation = telemetry.site(said), text(said, semconv.OPERATION)
    # Without a line the metric does not tell one place of a rule from another.
    counted = times.get((place.rule, place.short), {}) if place.file else {}
    found = sum(count for level, count in counted.items() if (level == "info") == (severity == "info"))
    number_found = max(found, len(as_bad))
    cost = costs.of(place.rule, site, operation, as_bad, number_found)
    return Finding(
        rule=place.rule,
        name=text(said, semconv.FINDING_NAME),
        severity=severity,
        confidence=text(said, semconv.FINDING_CONFIDENCE),
        site=site,
        component=text(said, semconv.COMPONENT_TYPE),
        operation=operation,
        phase=text(said, semconv.PHASE),
        evidence=text(said, semconv.FINDING_EVIDENCE),
        remedy=text(said, semconv.FINDING_REMEDY),
        saves=saving(place.rule, cost, number_found),
        cost=cost,
        times=number_found,
        pids=_pids(as_bad),
        trace_ids=_first_traces(log.trace_id for log in as_bad),
        fix=fix_of(place.rule),
    )


def _severity(log: ReceivedLog) -> str:
    told = text(log.attributes, semconv.FINDING_SEVERITY)
    return told if told in SEVERITIES else "info"


def _seen(log: ReceivedLog) -> float:
    return number(log.attributes, semconv.FINDING_COUNT) or number(log.attributes, semconv.FINDING_DURATION) or 0.0


def _pids(logs: Iterable[ReceivedLog]) -> tuple[int, ...]:
    return tuple(sorted({whole(log.attributes, semconv.PROCESS_PID) for log in logs} - {0}))


def _first_traces(traces: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(trace for trace in traces if trace))[:_TRACES]


def _times(telemetry: Telemetry) -> dict[tuple[str, str], dict[str, int]]:
    """By rule and short line, how often it was found with which severity."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for point in telemetry.series(semconv.FINDINGS):
        said = point.attributes
        place = text(said, semconv.FINDING_RULE), text(said, semconv.FINDING_SITE)
        found[place][text(said, semconv.FINDING_SEVERITY)] += int(point.value or 0)
    return found


# --- crashes ------------------------------------------------------------------------------------------------------


def _unexplained(crashes: Crashes, found: Sequence[Finding]) -> list[Finding]:
    """Crashes that no finding is about, those alike as one: without them there might seem to be nothing to fix."""
    explained = {finding.rule for finding in found}
    deaths = [
        *(death for group in crashes.start_failures for death in group.deaths),
        *crashes.dead,
    ]
    failures = [*crashes.failures, *crashes.stillborn, *(death.failure for death in deaths if death.failure)]
    alike: dict[tuple[str, str, str, Site | None], list[Failure]] = defaultdict(list)
    for failure in failures:
        if not failure.rule or failure.rule not in explained:
            alike[failure.rule, failure.error_type, failure.operation, failure.site].append(failure)
    dead: dict[tuple[str, str, str], list[Death]] = defaultdict(list)
    for death in deaths:
        if death.failure is None and (not death.rule or death.rule not in explained):
            dead[death.rule, death.signal or death.reason, death.operation].append(death)
    return [*map(_of_failures, alike.values()), *map(_of_deaths, dead.values())]


def _remedy_of(rule: str, without: str) -> str:
    return f"what autogen-vitals explain {rule} says" if rule else without


def _of_failures(failures: Sequence[Failure]) -> Finding:
    one = failures[0]
    unborn = sum(failure.escaped in BOOT for failure in failures)
    died = sum(failure.escaped == "process" for failure in failures)
    cost = Cost(failed_starts=unborn, deaths=died, failed_requests=len(failures) - unborn - died)
    where = f" in {one.operation}" if one.operation else ""
    says = f" ({one.says})" if one.says else ""
    return Finding(
        rule=one.rule,
        name="",
        severity="error",
        confidence="observed",
        site=one.site,
        component="",
        operation=one.operation,
        phase=one.phase,
        evidence=f"{one.error_type or 'an exception'}{says} ended {one.escaped or 'something'}{where}",
        remedy=one.remedy or _remedy_of(one.rule, "no rule explains it: mend what raised it"),
        saves=saving(one.rule, cost, len(failures)),
        cost=cost,
        times=len(failures),
        pids=tuple(sorted({failure.pid for failure in failures} - {0})),
        trace_ids=_first_traces(failure.trace_id for failure in failures),
        fix=fix_of(one.rule),
    )


def _of_deaths(deaths: Sequence[Death]) -> Finding:
    one = deaths[0]
    unborn = sum(bool(death.boot_failures) for death in deaths)
    cost = Cost(failed_starts=unborn, deaths=len(deaths) - unborn)
    how = one.signal or (one.reason if one.code is None else f"exit code {one.code}")
    return Finding(
        rule=one.rule,
        name="",
        severity="error",
        confidence="observed",
        site=None,
        component="",
        operation=one.operation,
        phase=one.phase,
        evidence=f"process {one.pid} ended by {how}{f' in {one.operation}' if one.operation else ''}",
        remedy=one.remedy or _remedy_of(one.rule, "no rule explains it: look at who ended it, and why"),
        saves=saving(one.rule, cost, len(deaths)),
        cost=cost,
        times=len(deaths),
        pids=tuple(sorted({death.pid for death in deaths} - {0})),
        trace_ids=_first_traces(trace for death in deaths for trace in death.trace_ids),
        fix=fix_of(one.rule),
    )


def _without_consequences(found: Sequence[Finding], crashes: Crashes) -> list[Finding]:
    """Without the findings that processes could not start, where others say what for all of them failed: those have
    ``also``, and the worse severity."""
    causes = {death.failure.rule if death.failure else "" for group in crashes.start_failures for death in group.deaths}
    outcomes = [finding for finding in found if finding.rule in _OUTCOMES]
    others = [finding for finding in found if finding.rule not in _OUTCOMES]
    explaining = {finding.rule for finding in others if finding.rule in causes and finding.severity != "info"}
    if not outcomes or not causes or causes != explaining:
        return list(found)
    also = tuple(sorted({finding.rule for finding in outcomes}))
    worst = min((finding.severity for finding in outcomes), key=_rank)
    return [
        replace(finding, also=also, severity=min(worst, finding.severity, key=_rank))
        if finding.rule in explaining and finding.cost.failed_starts
        else finding
        for finding in others
    ]
