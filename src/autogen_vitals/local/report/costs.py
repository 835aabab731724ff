"""What a finding has cost in a run: milliseconds, processes and requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from autogen_vitals import semconv
from autogen_vitals.local.otlp import ReceivedLog, ReceivedSpan
from autogen_vitals.local.report.crashes import BOOT
from autogen_vitals.local.report.model import Cost, Crashes, Death, Failure, Site
from autogen_vitals.local.report.telemetry import Request, Telemetry, duration_ms, milliseconds, number, text, whole
from autogen_vitals.local.report.waits import loop_blocks_of

_REBUILDING = ("AG101", "AG102", "AG103")
_FIRST_USE = ("AG105", "AG106", "AG601")
_BLOCKING = "AG604"
_WAITING = ("AG204", "AG602", "AG603", "AG608")
"""What the findings of other rules have taken is no loss: it has to be done, or is what fails."""


class Costs:
    """What the findings of one run have cost; the measure depends on the rule."""

    def __init__(self, telemetry: Telemetry, crashes: Crashes) -> None:
        self._telemetry = telemetry
        self._rebuilds: dict[tuple[Site, str], list[ReceivedSpan]] = defaultdict(list)
        for span in telemetry.inits:
            is_again = span.attributes.get(semconv.REINIT) and text(span.attributes, semconv.PHASE) == "request"
            if is_again and (site := telemetry.site(span.attributes)):
                self._rebuilds[site, text(span.attributes, semconv.COMPONENT_TYPE)].append(span)
        self._blocks = {block.site: block for block in loop_blocks_of(telemetry)}
        self._deaths = [*(death for group in crashes.start_failures for death in group.deaths), *crashes.dead]
        self._failures = [
            *crashes.failures,
            *crashes.stillborn,
            *(death.failure for death in self._deaths if death.failure),
        ]

    def of(self, rule: str, site: Site | None, operation: str, logs: Sequence[ReceivedLog], times: int) -> Cost:
        """What the findings of a rule at a line have cost, of which these are the events; found so many times."""
        broken = self._broken(rule, site, operation)
        if rule in _REBUILDING:
            return self._rebuilt(site, logs, times)
        if rule == _BLOCKING and (block := self._blocks.get(site)):
            return Cost(ms=block.total_ms, requests=block.count, per_request_ms=block.total_ms / block.count)
        is_lost = rule in (*_FIRST_USE, *_WAITING, _BLOCKING)
        ms = sum(milliseconds(log.attributes, semconv.FINDING_DURATION) for log in logs) if is_lost else 0.0
        paid = len(logs) if ms and rule in (*_FIRST_USE, _BLOCKING) else 0
        return Cost(
            ms=ms,
            requests=paid,
            per_request_ms=ms / paid if paid else 0.0,
            share=_share(logs),
            failed_starts=broken.failed_starts,
            deaths=broken.deaths,
            failed_requests=broken.failed_requests,
        )

    def _broken(self, rule: str, site: Site | None, operation: str) -> Cost:
        """The crashes that fall under the rule, and came from that line where both name one."""
        deaths = [death for death in self._deaths if _is_of(death, rule, operation)]
        failures = [failure for failure in self._failures if failure.rule == rule and _is_at(failure, site)]
        ended = {failure.pid for failure in failures if failure.escaped in (*BOOT, "process")}
        gone = {death.pid for death in deaths} | ended
        unborn = {death.pid for death in self._deaths if death.boot_failures and death.pid in gone}
        unborn |= {failure.pid for failure in failures if failure.escaped in BOOT}
        return Cost(
            failed_starts=len(unborn),
            deaths=len(gone - unborn),
            failed_requests=sum(failure.escaped not in (*BOOT, "process") for failure in failures),
        )

    def _rebuilt(self, site: Site | None, logs: Sequence[ReceivedLog], times: int) -> Cost:
        """What requests have paid for inits at this line that it had made before in their process."""
        # A line may build something in something else: only what the rule is about counts.
        components = {text(log.attributes, semconv.COMPONENT_TYPE) for log in logs}
        spans = [span for component in components for span in self._rebuilds.get((site, component), ())] if site else []
        if len(spans) < times:
            # Most are too cheap for a span: as much each as the rule had added up until it fired.
            told_ms = sum(milliseconds(log.attributes, semconv.FINDING_DURATION) for log in logs)
            each_ms = told_ms / (sum(whole(log.attributes, semconv.FINDING_COUNT) for log in logs) or len(logs))
            return Cost(ms=each_ms * times, requests=times, per_request_ms=each_ms, share=_share(logs))
        paid = _Paid()
        for span in spans:
            pid = whole(span.attributes, semconv.PROCESS_PID)
            paid.add(duration_ms(span), self._telemetry.requests_at(pid, span.start_ns, span.trace_id))
        return paid.cost(otherwise=_share(logs))


class _Paid:
    """Requests that have paid for something, one for each time where several may have been the one."""

    def __init__(self) -> None:
        self._requests: dict[tuple[int, int], Request] = {}
        self._placed_ms = 0.0
        self._unplaced: list[float] = []

    def add(self, ms: float, candidates: Sequence[Request]) -> None:
        """It has taken so long, in one of these."""
        if len({request.name for request in candidates}) != 1:
            self._unplaced.append(ms)
            return
        # Of requests at the same time each has paid once before one has paid twice.
        untouched = (request for request in candidates if _key(request) not in self._requests)
        request = next(untouched, candidates[-1])
        self._requests[_key(request)] = request
        self._placed_ms += ms

    def cost(self, otherwise: float | None) -> Cost:
        """All of it; ``otherwise`` is the share where the requests are not known."""
        ms, count = self._placed_ms + sum(self._unplaced), len(self._requests) + len(self._unplaced)
        names = {request.name for request in self._requests.values()}
        time_ms = sum(request.ms for request in self._requests.values())
        return Cost(
            ms=ms,
            requests=count,
            per_request_ms=ms / count if count else 0.0,
            share=min(1.0, self._placed_ms / time_ms) if time_ms else otherwise,
            of_requests=next(iter(names)) if len(names) == 1 and not self._unplaced else "",
        )


def _key(request: Request) -> tuple[int, int]:
    return request.pid, request.began_ns


def _is_of(death: Death, rule: str, operation: str) -> bool:
    return death.rule == rule and (not operation or death.operation in ("", operation))


def _is_at(failure: Failure, site: Site | None) -> bool:
    if site is None or failure.site is None:
        return True
    return (failure.site.file, failure.site.line) == (site.file, site.line)


def _share(logs: Sequence[ReceivedLog]) -> float | None:
    shares = [share for log in logs if (share := number(log.attributes, semconv.FINDING_SHARE)) is not None]
    return max(shares, default=None)


def saving(rule: str, cost: Cost, times: int) -> str:
    """What a fix saves, in a few words; empty where nothing is known of it.

    Args:
        rule: whose fix.
        cost: what it has cost.
        times: how often it was found.
    """
    parts = [
        part
        for number, part in (
            (cost.failed_starts, f"{_counted(cost.failed_starts, 'process', 'processes')} could not start"),
            (cost.deaths, f"{_counted(cost.deaths, 'process', 'processes')} died"),
            (cost.failed_requests, f"{_counted(cost.failed_requests, 'request')} failed"),
        )
        if number
    ]
    if not parts and cost.ms >= 1:
        parts.append(_time_saved(rule, cost, times))
    return ", ".join(parts) or (f"found {times} times" if times > 1 else "")


def _time_saved(rule: str, cost: Cost, times: int) -> str:
    share = f", {cost.share:.0%}" if cost.share else ""
    if rule in _REBUILDING and cost.per_request_ms:
        of = f" of {cost.of_requests}" if cost.of_requests else ""
        return f"{_ms(cost.per_request_ms)} per request{of}{share}"
    if rule == _BLOCKING:
        return f"{_ms(cost.per_request_ms)} of a blocked loop, {_counted(cost.requests or times, 'time')}"
    if rule in _FIRST_USE:
        return f"{_ms(cost.per_request_ms)} of a first request"
    return f"{_ms(cost.ms)} in this run{share}"


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 9.95 else f"{value:.1f} ms"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"
