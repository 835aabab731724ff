"""Crashes and ends of processes as events."""

from __future__ import annotations

import logging
import os
from typing import Any

import pytest
from observed import InMemoryLogs, Vitals, a_crash, an_exit, assert_events_in_the_catalogue, event_name
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, export
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from autogen_vitals.crashes.reports import Crash, Flight, ProcessExit
from autogen_vitals.findings.catalogue import catalogue
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.records import replace


@pytest.fixture
def quiet() -> Vitals:
    """Providers of a test's own; nothing is instrumented."""
    return Vitals()


def told(vitals: Vitals, report: Crash | ProcessExit) -> Any:
    """The one event that comes of it."""
    sink = vitals.sink()
    if isinstance(report, Crash):
        sink.crashed(report)
    else:
        sink.exited(report)
    (record,) = vitals.events()
    assert_events_in_the_catalogue([record])
    return record


def flight(trace_id: int, span_id: int = 1, operation: str = "", *, interrupted: bool = False) -> Flight:
    return Flight(operation, "request", trace_id, span_id, 1, interrupted)


def test_a_crash_is_an_error_event(quiet: Vitals) -> None:
    """With what is known of it, the process that it happened in, and when it was seen."""
    record = told(quiet, a_crash())
    assert event_name(record) == "autogen.crash"
    assert record.severity_text == "ERROR"
    assert record.timestamp == 1_700_000_000_000_000_000 < record.observed_timestamp
    assert without_event_name(record) == {
        "autogen.crash.category": "event_loop_closed",
        "error.type": "RuntimeError",
        "autogen.phase": "request",
        "autogen.crash.escaped": "run",
        "autogen.operation": "invoke_agent writer",
        "autogen.finding.rule": "AG204",
        "autogen.finding.remedy": catalogue()["AG204"].remedy,
        "exception.stacktrace": '  File "app.py", line 7, in ask',
        "process.pid": os.getpid(),
        "process.parent_pid": os.getppid(),
        "autogen.worker.server": process.facts.server,
    }


def without_event_name(record: Any) -> dict[str, Any]:
    return {name: value for name, value in record.attributes.items() if name != "event.name"}


def test_a_message_is_told_only_where_it_may_be(quiet: Vitals) -> None:
    """What the report holds of it, which is nothing unless the settings say so."""
    sink = quiet.sink()
    sink.crashed(a_crash())
    sink.crashed(a_crash(message="Event loop is closed"))
    assert [record.attributes.get("exception.message") for record in quiet.events()] == [None, "Event loop is closed"]


def test_a_crash_is_in_the_context_of_its_span(quiet: Vitals) -> None:
    """Its own, whatever is current by then; else the current one, else none."""
    sink = quiet.sink()
    tracer = quiet.tracer_provider.get_tracer("test")
    own = tracer.start_span("own")
    with tracer.start_as_current_span("current") as current:
        sink.crashed(a_crash(span=own))
        sink.crashed(a_crash())
    sink.crashed(a_crash())
    contexts = [own.get_span_context(), current.get_span_context(), trace.INVALID_SPAN_CONTEXT]
    assert [(record.trace_id, record.span_id, record.trace_flags) for record in quiet.events()] == [
        (context.trace_id, context.span_id, context.trace_flags) for context in contexts
    ]


def test_an_end_is_told_in_the_name_of_the_dead(quiet: Vitals) -> None:
    """Process and service are the victim's, the observer is this process; the timestamp is the end."""
    record = told(quiet, an_exit())
    assert event_name(record) == "autogen.process.exit"
    assert record.severity_text == "ERROR"
    assert record.timestamp == 1_700_000_060_000_000_000 < record.observed_timestamp
    assert without_event_name(record) == {
        "service.name": "shop",
        "service.instance.id": "worker-1",
        "log.record.uid": "0123456789abcdef0123456789abcdef",
        "process.pid": 4711,
        "process.parent_pid": 4700,
        "process.creation.time": "2023-11-14T22:13:20.000Z",
        "autogen.worker.server": "gunicorn",
        "autogen.exit.reason": "signal",
        "autogen.exit.observed_by": "supervisor",
        "autogen.exit.observer.pid": os.getpid(),
        "autogen.exit.signal": "SIGKILL",
        "autogen.phase": "request",
        "autogen.operation": "invoke_agent writer",
        "autogen.exit.interrupted": 1,
        "autogen.exit.interrupted.traces": ("0000000000000000000000000000000a",),
        "autogen.finding.rule": "AG503",
        "autogen.finding.remedy": catalogue()["AG503"].remedy,
    }


def test_an_end_tells_everything_that_is_known(quiet: Vitals) -> None:
    """Code 0 too, a signal without a name, the last exception and the stack of a native crash."""
    record = told(
        quiet,
        an_exit(
            code=0,
            signal=200,
            error_type="ValueError",
            category="other",
            boot_failures=2,
            stack='  File "a.py", line 1',
        ),
    )
    known = {
        "autogen.exit.code": 0,
        "autogen.exit.signal": "signal 200",
        "error.type": "ValueError",
        "autogen.crash.category": "other",
        "autogen.exit.boot_failures": 2,
        "exception.stacktrace": '  File "a.py", line 1',
    }
    assert {name: record.attributes[name] for name in known} == known


def test_of_a_stranger_nothing_is_made_up(quiet: Vitals) -> None:
    """A worker that left no record: no creation time, no operation, no trace."""
    victim = replace(an_exit().victim, created_ns=0, service={})
    record = told(quiet, an_exit(victim=victim, flights=(), signal=None))
    assert record.attributes["autogen.exit.interrupted"] == 0
    made_up = {"process.creation.time", "service.name", "autogen.operation", "autogen.exit.interrupted.traces"}
    assert not made_up & set(record.attributes)


def test_an_end_is_in_the_context_of_what_it_interrupted(quiet: Vitals) -> None:
    """What it came out of before what it met, then the first that has a span; sampled, and of another process."""
    flights = (flight(1, operation="first"), flight(2, operation="culprit", interrupted=True))
    record = told(quiet, an_exit(flights=flights))
    assert (record.trace_id, record.span_id, record.trace_flags) == (2, 1, 1)
    assert record.attributes["autogen.operation"] == "culprit"


def test_a_flight_without_a_span_gives_no_context(quiet: Vitals) -> None:
    """The next one with a span does; where there is none, not even the current span of this process does."""
    sink = quiet.sink()
    sink.exited(an_exit(flights=(flight(0, 0), flight(3, 4))))
    with quiet.tracer_provider.get_tracer("test").start_as_current_span("of the observer"):
        sink.exited(an_exit(flights=(flight(0, 0),)))
    assert [(record.trace_id, record.span_id) for record in quiet.events()] == [(3, 4), (0, 0)]


def test_interrupted_traces_are_bounded(quiet: Vitals) -> None:
    """Each once, none for what has none, 24 at most; all flights are counted."""
    flights = (flight(0, 0), flight(7), flight(7), *(flight(number) for number in range(100, 200)))
    attributes = told(quiet, an_exit(flights=flights)).attributes
    traces = attributes["autogen.exit.interrupted.traces"]
    assert attributes["autogen.exit.interrupted"] == 103
    assert len(traces) == 24
    assert traces[:2] == (f"{7:032x}", f"{100:032x}")


def test_a_crash_loop_is_fatal(quiet: Vitals) -> None:
    """From the third end before serving on."""
    sink = quiet.sink()
    for boot_failures in (0, 2, 3, 12):
        sink.exited(an_exit(reason="boot_failure", boot_failures=boot_failures))
    assert [record.severity_text for record in quiet.events()] == ["ERROR", "ERROR", "FATAL", "FATAL"]


@pytest.mark.parametrize("reason", ["clean", "drained", "recycled"])
def test_an_end_that_is_no_crash_is_told_to_who_debugs(
    quiet: Vitals, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    """A rolling deploy raises no event, unless the logger is set to DEBUG."""
    sink = quiet.sink()
    with caplog.at_level(logging.INFO, logger="autogen_vitals"):
        sink.exited(an_exit(reason=reason))
    assert quiet.events() == []
    with caplog.at_level(logging.DEBUG, logger="autogen_vitals"):
        sink.exited(an_exit(reason=reason))
    assert [record.severity_text for record in quiet.events()] == ["DEBUG"]


def test_the_instrumentation_takes_a_logger_provider(vitals: Vitals) -> None:
    """`enable(logger_provider=...)` is where its events go."""
    vitals.installed.telemetry.crashed(a_crash())
    assert [event_name(record) for record in vitals.events()] == ["autogen.crash"]


def test_an_app_may_set_up_its_logs_later(quiet: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """The global provider is looked up when there is something to tell; before there is one, nothing happens."""
    sink = quiet.sink(logger_provider=_logs.get_logger_provider())
    sink.crashed(a_crash())
    assert quiet.events() == []
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", quiet.logger_provider)
    sink.crashed(a_crash())
    assert len(quiet.events()) == 1


def test_without_a_logs_pipeline_counters_still_count(quiet: Vitals) -> None:
    """Nothing is emitted and nothing fails."""
    sink = quiet.sink(logger_provider=_logs.NoOpLoggerProvider())
    sink.crashed(a_crash())
    sink.exited(an_exit())
    assert [point.value for point in quiet.points("autogen.crashes")] == [1]
    assert [point.value for point in quiet.points("autogen.process.exits")] == [1]


def test_a_failing_pipeline_fails_nobody(quiet: Vitals) -> None:
    """An exporter that raises, and a provider that does: the app goes on, and the counters count."""

    class Broken(_logs.LoggerProvider):
        def get_logger(self, *args: Any, **kwargs: Any) -> Any:
            raise OSError("no logs today")

    sink = quiet.sink(logger_provider=Broken())
    sink.crashed(a_crash())
    sink.exited(an_exit())
    assert [point.value for point in quiet.points("autogen.crashes")] == [1]


def test_the_event_of_a_process_goes_out_as_otlp(quiet: Vitals) -> None:
    """The OTLP encoder takes it: name, severity, context, resource."""
    encoder = pytest.importorskip("opentelemetry.exporter.otlp.proto.common._log_encoder")
    sink = quiet.sink()
    sink.exited(an_exit())
    sink.exited(an_exit(flights=()))
    (resource_logs,) = encoder.encode_logs(quiet.log_exporter.get_finished_logs()).resource_logs
    (scope_logs,) = resource_logs.scope_logs
    with_context, without = scope_logs.log_records
    assert scope_logs.scope.name == "autogen_vitals"
    assert any(attribute.key == "service.name" for attribute in resource_logs.resource.attributes)
    names = {attribute.value.string_value for attribute in with_context.attributes if attribute.key == "event.name"}
    assert (getattr(with_context, "event_name", "") or names.pop()) == "autogen.process.exit"
    assert with_context.time_unix_nano == 1_700_000_060_000_000_000
    assert (with_context.trace_id.hex(), with_context.span_id.hex()) == (f"{0xA:032x}", f"{0xB:016x}")
    assert without.trace_id == b""


def test_the_service_is_that_of_the_resource(quiet: Vitals) -> None:
    """Of the tracer provider's, else of another one's; nothing while there is no SDK."""
    resource = Resource.create({"service.name": "shop", "service.version": "1.2", "deployment.secret": "x"})
    with_traces = quiet.sink(tracer_provider=TracerProvider(resource=resource))
    assert with_traces.service()["service.name"] == "shop"
    assert with_traces.service()["service.version"] == "1.2"
    assert "deployment.secret" not in with_traces.service()
    none = {"tracer_provider": trace.NoOpTracerProvider(), "logger_provider": _logs.NoOpLoggerProvider()}
    logs = LoggerProvider(resource, shutdown_on_exit=False)
    assert quiet.sink(**none).service()["service.name"].startswith("unknown_service")
    assert quiet.sink(**{**none, "meter_provider": metrics.NoOpMeterProvider(), "logger_provider": logs}).service() == {
        name: value for name, value in with_traces.service().items() if name != "service.instance.id"
    } | {name: value for name, value in quiet.sink(**none).service().items() if name == "service.instance.id"}
    assert quiet.sink(**none, meter_provider=metrics.NoOpMeterProvider()).service() == {}


def test_the_ids_of_a_span_are_numbers(quiet: Vitals) -> None:
    """Those of a span that is not sampled too; zeros for none, for an invalid one, and for no span at all."""
    sink = quiet.sink()
    span = quiet.tracer_provider.get_tracer("test").start_span("x")
    context = span.get_span_context()
    assert sink.span_ids(span) == (context.trace_id, context.span_id)
    assert 0 not in sink.span_ids(TracerProvider(sampler=ALWAYS_OFF).get_tracer("test").start_span("x"))
    assert sink.span_ids(None) == sink.span_ids(trace.INVALID_SPAN) == sink.span_ids(object()) == (0, 0)


def test_what_is_told_is_flushed_at_the_end_of_the_process(quiet: Vitals) -> None:
    """A process that tells of another one's end has recorded something, and flushes its logs."""
    exporter = InMemoryLogs()
    batching = LoggerProvider(shutdown_on_exit=False)
    batching.add_log_record_processor(export.BatchLogRecordProcessor(exporter, schedule_delay_millis=3_600_000))
    sink = quiet.sink(logger_provider=batching)
    assert not sink.has_recorded
    sink.exited(an_exit())
    assert sink.has_recorded
    assert sink.flush(30)
    assert len(exporter.get_finished_logs()) == 1
    batching.shutdown()
