"""What a report says: plain frozen values, from which the terminal, JSON and HTML are made.

Milliseconds are floats, ``_ns`` are nanoseconds since the epoch. ``None`` is what nobody told; an empty string is where
there is nothing to name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autogen_vitals.local.recording import Run
from autogen_vitals.local.report.crash_parts import (
    Crashes as Crashes,
    Death as Death,
    Failure as Failure,
    StartFailures as StartFailures,
)
from autogen_vitals.local.report.parts import (
    ColdStart as ColdStart,
    Connections as Connections,
    Import as Import,
    Init as Init,
    InitSite as InitSite,
    Latency as Latency,
    LoopBlock as LoopBlock,
    RequestGroup as RequestGroup,
    Retries as Retries,
    Site as Site,
    WarmUp as WarmUp,
    Worker as Worker,
)

State = Literal["silent", "nothing_to_fix", "to_fix"]
"""Whether no process told anything, nothing is to be fixed, or something is."""


@dataclass(frozen=True)
class Fix:
    """The code on a rule's page: what is wrong, and what is right. Either may be empty."""

    before: str
    after: str


@dataclass(frozen=True)
class Cost:
    """What a finding has cost in this run, so what its fix saves; 0 where it has cost nothing of the kind.

    Attributes:
        ms: milliseconds in all.
        requests: how many requests paid these.
        per_request_ms: the mean of those; 0 where they are not the requests'.
        share: part of the time of these requests, 0 to 1; ``None`` where that is not known.
        of_requests: the name of these requests; empty where they have several, or none.
        failed_starts: processes that ended before they could serve.
        deaths: other processes that died.
        failed_requests: requests, runs and other things that an exception ended.
    """

    ms: float = 0.0
    requests: int = 0
    per_request_ms: float = 0.0
    share: float | None = None
    of_requests: str = ""
    failed_starts: int = 0
    deaths: int = 0
    failed_requests: int = 0


@dataclass(frozen=True)
class Finding:
    """One rule at one line, by however many processes it was found; or crashes that no rule explains.

    Attributes:
        rule, name: its id and name; both empty where no rule explains what crashed.
        severity: the worst that it was told with: ``critical``, ``error``, ``warning`` or ``info``.
        confidence: ``observed`` or ``inferred``.
        site: the line that is to be changed; ``None`` where none is known.
        component: the class that it is about; empty for none.
        operation: what was going on, such as ``invoke_agent writer``; empty for nothing.
        phase: when in the life of the process; empty: of no moment.
        evidence: what was seen, in a line: of the process that saw most.
        remedy: what to change, in a line.
        saves: what that saves, in a few words: ``26 ms per request of /prices, 17%``, ``2 requests failed``.
        cost: the same in numbers.
        times: how often it was found, by all processes.
        pids: of the processes that found it.
        trace_ids: of what it concerns; the first few.
        also: ids of other rules that have told of its consequences, such as ``AG501`` of a crash loop.
        fix: the code of its page; ``None`` where that has none.
    """

    rule: str
    name: str
    severity: str
    confidence: str
    site: Site | None
    component: str
    operation: str
    phase: str
    evidence: str
    remedy: str
    saves: str
    cost: Cost
    times: int
    pids: tuple[int, ...]
    trace_ids: tuple[str, ...]
    also: tuple[str, ...] = ()
    fix: Fix | None = None


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        state: in a word.
        sentence: in a sentence.
        to_fix: what is to be fixed, what is worth most first; the order is that of ``findings.by_worth``.
        worth_knowing: what is not: findings that are info.
        remarks: what else has to be known to believe it, a sentence each: why nothing was told, what was lost, that the
            command failed.
    """

    state: State
    sentence: str
    to_fix: tuple[Finding, ...]
    worth_knowing: tuple[Finding, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Everything that is known of one run; each part is empty where nothing was told of it.

    Attributes:
        run: what was run.
        verdict: what to fix; its findings are those of ``findings``.
        findings: all of them, what is to be fixed first, in the verdict's order.
        cold_starts: by time.
        inits: costliest first.
        requests: by name.
        connections, retries, warm_ups, loop_blocks: what made calls slow.
        crashes: what crashed, and how processes ended.
        workers: by pid.
    """

    run: Run
    verdict: Verdict
    findings: tuple[Finding, ...]
    cold_starts: tuple[ColdStart, ...]
    inits: tuple[Init, ...]
    requests: tuple[RequestGroup, ...]
    connections: tuple[Connections, ...]
    retries: tuple[Retries, ...]
    warm_ups: tuple[WarmUp, ...]
    loop_blocks: tuple[LoopBlock, ...]
    crashes: Crashes
    workers: tuple[Worker, ...]
