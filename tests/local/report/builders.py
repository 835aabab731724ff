"""What processes tell, in short: a recording that is made of it. Times are milliseconds after the run began."""

from __future__ import annotations

from itertools import count
from typing import Any

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes, ReceivedLog, ReceivedPoint, ReceivedSpan
from autogen_vitals.local.recording import Recording, Run
from autogen_vitals.local.report import Report, analyse

BEGAN_NS = 1_795_943_000_000_000_000
CLIENT = "OpenAIChatCompletionClient"
FOLDER = "/srv/shop"
_ids = count(1)


def at(ms: float) -> int:
    return BEGAN_NS + round(ms * 1e6)


def recording(*told: ReceivedSpan | ReceivedLog | ReceivedPoint, **run: Any) -> Recording:
    facts: dict[str, Any] = {
        "id": "20261129-091233-uvicorn",
        "command": ("uvicorn", "--workers", "2", "app:app"),
        "directory": FOLDER,
        "started_ns": BEGAN_NS,
        "ended_ns": at(60_000),
        "exit_code": 0,
        "versions": (("python", "3.12.1"),),
        **run,
    }
    return Recording(
        Run(**facts),
        tuple(one for one in told if isinstance(one, ReceivedSpan)),
        tuple(one for one in told if isinstance(one, ReceivedPoint)),
        tuple(one for one in told if isinstance(one, ReceivedLog)),
    )


def reported(*told: ReceivedSpan | ReceivedLog | ReceivedPoint, **run: Any) -> Report:
    return analyse(recording(*told, **run))


def span(name: str, start: float, ms: float, pid: int = 7, **more: Any) -> ReceivedSpan:
    attributes: Attributes = {semconv.PROCESS_PID: pid, semconv.PROCESS_PARENT_PID: 1, **more.pop("attributes", {})}
    values: dict[str, Any] = {
        "kind": "INTERNAL",
        "trace_id": f"t{next(_ids)}",
        "parent_span_id": "",
        "scope": "autogen_vitals",
        "status": "UNSET",
        "status_message": "",
        "events": (),
        "links": (),
        **more,
    }
    return ReceivedSpan(
        name=name,
        span_id=f"s{next(_ids)}",
        start_ns=at(start),
        end_ns=at(start + ms),
        attributes=attributes,
        resource={"service.instance.id": f"i{pid}"},
        **values,
    )


def line(number: int, file: str = f"{FOLDER}/app.py", function: str = "app.ask") -> Attributes:
    return {
        semconv.CODE_FILE_PATH: file,
        semconv.CODE_LINE_NUMBER: number,
        semconv.CODE_FUNCTION_NAME: function,
    }


def init(
    start: float,
    ms: float,
    *,
    number: int = 51,
    pid: int = 7,
    again: bool = False,
    component: str = CLIENT,
    stage: str = "construct",
    phase: str = "request",
    **more: Any,
) -> ReceivedSpan:
    attributes: Attributes = {
        semconv.COMPONENT_TYPE: component,
        semconv.COMPONENT_KIND: "model_client",
        semconv.INIT_STAGE: stage,
        semconv.PHASE: phase,
        semconv.REINIT: again,
        **line(number),
    }
    return span(f"init {component}", start, ms, pid, attributes=attributes, **more)


def startup(pid: int = 7, *, start: float = 0, served: bool = True, trace: str = "", **stages: float) -> ReceivedSpan:
    said: Attributes = {f"autogen.startup.{stage}": ms / 1000 for stage, ms in stages.items()}
    said |= {
        semconv.STARTUP_COMPLETE: served,
        semconv.STARTUP_TOTAL: sum(stages.values()) / 1000,
        semconv.WORKER_SERVER: "uvicorn",
    }
    if served:
        said[semconv.STARTUP_FIRST_REQUEST] = 0.3
    return span(
        "autogen.startup", start, sum(stages.values()), pid, attributes=said, trace_id=trace or f"t{next(_ids)}"
    )


def log(name: str, when: float, attributes: Attributes, *, severity: str = "WARN", trace: str = "") -> ReceivedLog:
    return ReceivedLog(name, severity, None, attributes, {}, "autogen_vitals", trace, "", at(when), 0)


def request(
    start: float,
    ms: float,
    start_type: str = "warm",
    *,
    name: str = "GET /ask",
    pid: int = 7,
    inits: float = 0.0,
    error: str = "",
    trace: str = "",
) -> ReceivedLog:
    said: Attributes = {
        semconv.START_TYPE: start_type,
        semconv.REQUEST_SPENT: ms / 1000,
        semconv.REQUEST_INIT_COUNT: 1 if inits else 0,
        semconv.REQUEST_INIT_DURATION: inits / 1000,
        semconv.REQUEST_CONNECT_COUNT: 0,
        semconv.PROCESS_PID: pid,
    }
    if name:
        said[semconv.REQUEST_NAME] = name
    if error:
        said[semconv.ERROR_TYPE] = error
    return log("autogen.request", start, said, severity="DEBUG", trace=trace)


def finding(
    rule: str, severity: str = "warning", *, pid: int = 7, number: int | None = 51, when: float = 100, **more: Any
) -> ReceivedLog:
    said: Attributes = {
        semconv.FINDING_RULE: rule,
        semconv.FINDING_NAME: f"name-of-{rule.lower()}",
        semconv.FINDING_SEVERITY: severity,
        semconv.FINDING_CONFIDENCE: "observed",
        semconv.FINDING_EVIDENCE: f"what process {pid} saw",
        semconv.FINDING_REMEDY: f"what {rule} says",
        semconv.PROCESS_PID: pid,
        **(line(number) if number is not None else {}),
    }
    said[semconv.COMPONENT_TYPE] = more.pop("component", CLIENT)
    said |= {f"autogen.finding.{name}": value for name, value in more.items()}
    return log("autogen.finding", when, said)


def crash(error_type: str, escaped: str = "run", *, pid: int = 7, when: float = 100, **more: Any) -> ReceivedLog:
    said: Attributes = {
        semconv.PROCESS_PID: pid,
        semconv.ERROR_TYPE: error_type,
        semconv.CRASH_CATEGORY: more.get("category", "other"),
        semconv.CRASH_ESCAPED: escaped,
        semconv.PHASE: "import" if escaped == "import" else "request",
        **line(more.get("number", 51)),
    }
    for name, attribute in (("rule", semconv.FINDING_RULE), ("operation", semconv.OPERATION)):
        if name in more:
            said[attribute] = more[name]
    return log("autogen.crash", when, said, severity="ERROR", trace=more.get("trace", ""))


def gone(pid: int, reason: str, *, when: float = 200, **more: Any) -> ReceivedLog:
    said: Attributes = {
        semconv.LOG_RECORD_UID: f"of {pid}",
        semconv.PROCESS_PID: pid,
        semconv.PROCESS_PARENT_PID: 50,
        semconv.EXIT_REASON: reason,
        semconv.EXIT_OBSERVED_BY: "supervisor",
        semconv.EXIT_OBSERVER_PID: 50,
        semconv.PHASE: more.get("phase", "request"),
    }
    for name, attribute in (
        ("signal", semconv.EXIT_SIGNAL),
        ("boot_failures", semconv.EXIT_BOOT_FAILURES),
        ("rule", semconv.FINDING_RULE),
        ("operation", semconv.OPERATION),
    ):
        if name in more:
            said[attribute] = more[name]
    severity = "FATAL" if more.get("boot_failures", 0) >= 3 else "ERROR"
    return log("autogen.process.exit", when, said, severity=severity, trace=more.get("trace", ""))


def counted(metric: str, pid: int, attributes: Attributes, **more: Any) -> ReceivedPoint:
    values: dict[str, Any] = {"type": "sum", "value": None, "count": 0, "sum": 0.0, **more}
    return ReceivedPoint(
        metric=metric,
        unit="",
        attributes=attributes,
        resource={"service.instance.id": f"i{pid}"},
        scope="autogen_vitals",
        bucket_counts=(),
        explicit_bounds=(),
        start_ns=0,
        time_ns=at(1000),
        monotonic=True,
        cumulative=True,
        exemplars=(),
        **values,
    )


def init_durations(pid: int, count: int, ms: float, *, again: bool = False, component: str = CLIENT) -> ReceivedPoint:
    said: Attributes = {
        semconv.COMPONENT_TYPE: component,
        semconv.COMPONENT_KIND: "model_client",
        semconv.INIT_STAGE: "construct",
        semconv.REINIT: again,
    }
    return counted("autogen.init.duration", pid, said, type="histogram", count=count, sum=ms / 1000)


def worker_info(pid: int) -> ReceivedPoint:
    said: Attributes = {
        semconv.PROCESS_PID: pid,
        semconv.PROCESS_PARENT_PID: 50,
        semconv.WORKER_SERVER: "uvicorn",
        semconv.PROCESS_CREATION_TIME: "2026-11-29T09:03:21.500Z",
    }
    return counted("autogen.worker.info", pid, said, type="gauge", value=1)


def found(pid: int, rule: str, times: int, *, severity: str = "warning", place: str = "shop/app.py:51") -> Any:
    said: Attributes = {
        semconv.FINDING_RULE: rule,
        semconv.FINDING_SEVERITY: severity,
        semconv.FINDING_SITE: place,
    }
    return counted("autogen.findings", pid, said, value=times)


def cannot_start(pid: int, number: int) -> list[ReceivedLog]:
    """A worker that has no key, number ``number`` of its supervisor's; what is told of it."""
    return [
        crash("KeyError", "import", pid=pid, category="missing_credentials", rule="AG301", operation="import app"),
        finding("AG301", "error", pid=pid),
        gone(pid, "boot_failure", boot_failures=number, rule="AG501" if number > 2 else "AG502", phase="startup"),
        finding("AG501" if number > 2 else "AG502", "critical" if number > 2 else "error", pid=50, number=None),
    ]
