"""The answer of a report: what to fix first, or that there is nothing, or why that cannot be said."""

from __future__ import annotations

from collections.abc import Sequence

from autogen_vitals.local.recording import Run
from autogen_vitals.local.report.model import Finding, State, Verdict
from autogen_vitals.local.report.telemetry import Telemetry

_STOPPED = ("SIGINT", "SIGTERM")
_SILENT = (
    "So nothing is known of it. Either the command runs another environment's Python, in which autogen-vitals is not "
    "installed; or it runs python -I or -E, which hides it; or nothing of it uses AutoGen. autogen-vitals doctor, run "
    "by the same Python, says what is installed."
)


def verdict_of(telemetry: Telemetry, findings: Sequence[Finding], losses: Sequence[str]) -> Verdict:
    """What these findings, which are in the order of their worth, come to."""
    to_fix = tuple(finding for finding in findings if finding.severity != "info")
    worth_knowing = tuple(finding for finding in findings if finding.severity == "info")
    state = _state(telemetry, to_fix)
    remarks = [*([_SILENT] if state == "silent" else []), *_how_it_ended(telemetry.run), *_idle(telemetry, state)]
    return Verdict(
        state=state,
        sentence=_sentence(state, to_fix, worth_knowing),
        to_fix=to_fix,
        worth_knowing=worth_knowing,
        remarks=(*remarks, *losses),
    )


def _state(telemetry: Telemetry, to_fix: Sequence[Finding]) -> State:
    if to_fix:
        return "to_fix"
    return "nothing_to_fix" if telemetry.spans or telemetry.points or telemetry.logs else "silent"


def _sentence(state: State, to_fix: Sequence[Finding], worth_knowing: Sequence[Finding]) -> str:
    if state == "silent":
        return "No process told anything."
    if state == "nothing_to_fix":
        return f"Nothing to fix{f'; {len(worth_knowing)} worth knowing' if worth_knowing else ''}."
    return f"{len(to_fix)} {'thing' if len(to_fix) == 1 else 'things'} to fix."


def _how_it_ended(run: Run) -> list[str]:
    if run.signal and run.signal not in _STOPPED:
        return [f"The command was ended by {run.signal}."]
    if run.exit_code:
        return [f"The command ended with exit code {run.exit_code}."]
    return []


def _idle(telemetry: Telemetry, state: State) -> list[str]:
    """What keeps "nothing to fix" from saying much."""
    if state != "nothing_to_fix" or telemetry.requests:
        return []
    return ["No request used AutoGen in this run: only the start was seen."]
