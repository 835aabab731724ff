"""From a recording to a report."""

from __future__ import annotations

from autogen_vitals import semconv
from autogen_vitals.local.recording import Recording
from autogen_vitals.local.report.crashes import crashes_of
from autogen_vitals.local.report.findings import findings_of
from autogen_vitals.local.report.inits import inits_of
from autogen_vitals.local.report.model import ColdStart, Report
from autogen_vitals.local.report.requests import requests_of
from autogen_vitals.local.report.startup import cold_start
from autogen_vitals.local.report.telemetry import Telemetry, whole
from autogen_vitals.local.report.verdict import verdict_of
from autogen_vitals.local.report.waits import connections_of, loop_blocks_of, retries_of, warm_ups_of
from autogen_vitals.local.report.workers import workers_of


def analyse(recording: Recording) -> Report:
    """Everything that a recording says, what to fix first. What is missing in it is missing: nothing is raised."""
    telemetry = Telemetry(recording)
    crashes = crashes_of(telemetry)
    findings = findings_of(telemetry, crashes)
    return Report(
        run=recording.run,
        verdict=verdict_of(telemetry, findings, recording.run.losses),
        findings=findings,
        cold_starts=_cold_starts(telemetry),
        inits=inits_of(telemetry),
        requests=requests_of(telemetry),
        connections=connections_of(telemetry),
        retries=retries_of(telemetry),
        warm_ups=warm_ups_of(telemetry),
        loop_blocks=loop_blocks_of(telemetry),
        crashes=crashes,
        workers=workers_of(telemetry),
    )


def _cold_starts(telemetry: Telemetry) -> tuple[ColdStart, ...]:
    connecting = {request.pid for request in telemetry.requests if request.is_cold and request.connects}
    return tuple(
        cold_start(
            root,
            telemetry.traces[root.trace_id],
            first_connects=whole(root.attributes, semconv.PROCESS_PID) in connecting,
        )
        for root in telemetry.startups
    )
