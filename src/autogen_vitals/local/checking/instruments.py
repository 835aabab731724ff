"""This package's own instrumentation, into memory: what a fresh process is measured with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import autogen_vitals
from autogen_vitals import installing, semconv
from autogen_vitals.lifecycle.requests import REBUILD_NS
from autogen_vitals.lifecycle.sites import SiteFinder
from autogen_vitals.local.checking.sample import Block, FoundRule, Init
from autogen_vitals.telemetry.variables import variables_unset

_SETUP_SECONDS = 0.02
"""From here on a tool, a memory, an executor that is built again is worth a word: as AG103 has it."""

_OF_A_RUN = ("agent", "team")
_BEFORE = ("spawn", "instrumentation")


class Instruments:
    """Switched on when it is made; nothing is exported, no exit record is kept."""

    def __init__(self) -> None:
        with _without_telemetry_variables():
            self._switch_on()

    def _switch_on(self) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()
        tracer_provider = TracerProvider(shutdown_on_exit=False)
        tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        logger_provider = LoggerProvider(shutdown_on_exit=False)
        logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        self._reader = InMemoryMetricReader()
        # Under opentelemetry-instrument it is on already, and would tell somebody else.
        autogen_vitals.disable()
        autogen_vitals.enable(
            tracer_provider=tracer_provider,
            meter_provider=MeterProvider([self._reader], shutdown_on_exit=False),
            logger_provider=logger_provider,
            enabled=True,
            exit_record=False,
            init_span_threshold=0,
            findings=True,
        )
        installed = installing.installed()
        if installed is None:
            raise RuntimeError("autogen-vitals could not be installed in the process that measures")
        self._startup = installed.tracker.startup
        self._imports = installed._import_finder
        self._sites = SiteFinder(())
        # What came before is not the app's.
        self._startup.installed()

    def stages(self) -> dict[str, float]:
        """Seconds by stage, from when it was switched on."""
        stages = self._startup.so_far().stages
        return {stage: spent / 1e9 for stage, spent in stages.items() if stage not in _BEFORE}

    def packages(self) -> dict[str, float]:
        """Seconds of the slow imports, by top-level package."""
        seconds: dict[str, float] = {}
        for record in self._imports.records:
            package = record.name.partition(".")[0]
            if package == "autogen_vitals":
                continue
            seconds[package] = seconds.get(package, 0.0) + record.self_ns / 1e9
        return seconds

    def init_count(self) -> int:
        """How many inits have ended by now."""
        return len(self._inits())

    def inits(self, first: int) -> list[Init]:
        """All of them by line and class; of those after the ``first`` so many, what was built again."""
        tallies: dict[tuple[Any, ...], Init] = {}
        for number, span in enumerate(self._inits()):
            init = _init_of(span, is_later=number >= first)
            key = (init.key, init.line)
            known = tallies.get(key)
            tallies[key] = init if known is None else _together(known, init)
        return list(tallies.values())

    def _inits(self) -> list[ReadableSpan]:
        return [span for span in self._spans.get_finished_spans() if semconv.INIT_STAGE in (span.attributes or {})]

    def connects(self) -> int:
        """Connections opened."""
        # One that is encrypted is two points of it: the TCP connection, then the handshake.
        points = self._points(semconv.CONNECT_DURATION_METRIC.name)
        return sum(point.count for point in points if point.attributes.get(semconv.CONNECT_STAGE) == "dns_tcp")

    def blocks(self) -> list[Block]:
        """Times an event loop stood still."""
        return [
            Block(float(_get(event, semconv.LOOP_BLOCKED_DURATION) or 0.0), _site(event))
            for span in self._spans.get_finished_spans()
            for event in span.events
            if event.name == semconv.LOOP_BLOCKED_EVENT
        ]

    def findings(self) -> list[FoundRule]:
        """Rules that have fired."""
        records = [data.log_record for data in self._logs.get_finished_logs()]
        return [
            FoundRule(*(str(_get(record, name) or "") for name in _FINDING), site=_site(record))
            for record in records
            if _get(record, semconv.FINDING_RULE)
        ]

    def raised_at(self, error: BaseException) -> str:
        """The user's line that raised it, or called what did; empty if there is none."""
        site = self._sites.raised_at(error)
        return "" if site is None else f"{relative(site.file)}:{site.line}"

    def _points(self, metric: str) -> Iterable[Any]:
        data: Any = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for found in scope.metrics:
                    if found.name == metric:
                        yield from found.data.data_points


def _without_telemetry_variables() -> AbstractContextManager[None]:
    """A sampler, a limit or a switch of the service's would apply to what it is measured with. Our own settings stay:
    they silence rules, and set their thresholds."""
    return variables_unset(
        name for name in os.environ if name.startswith("OTEL_") and not name.startswith("OTEL_PYTHON_AUTOGEN_")
    )


_FINDING = (semconv.FINDING_RULE, semconv.FINDING_SEVERITY, semconv.FINDING_EVIDENCE, semconv.FINDING_REMEDY)


def _init_of(span: ReadableSpan, *, is_later: bool) -> Init:
    attributes: dict[str, Any] = dict(span.attributes or {})
    seconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
    is_again = is_later and bool(attributes.get(semconv.REINIT))
    kind = attributes[semconv.COMPONENT_KIND]
    return Init(
        kind,
        attributes[semconv.COMPONENT_TYPE],
        attributes[semconv.INIT_STAGE],
        relative(attributes.get(semconv.CODE_FILE_PATH, "")),
        attributes.get(semconv.CODE_LINE_NUMBER, 0),
        attributes.get(semconv.CODE_FUNCTION_NAME, ""),
        count=0 if is_later else 1,
        seconds=0.0 if is_later else seconds,
        again=int(is_again),
        again_seconds=seconds if is_again else 0.0,
        needless=is_again and needless_again(kind, seconds),
    )


def needless_again(kind: str, seconds: float) -> bool:
    """Whether building it again for a call is worth avoiding: a model client always, an agent or a team, which have
    state, only if they take as long as makes a request a rebuild, the rest if it is no trifle."""
    if kind == "model_client":
        return True
    return seconds >= (REBUILD_NS / 1e9 if kind in _OF_A_RUN else _SETUP_SECONDS)


def _together(one: Init, other: Init) -> Init:
    return Init(
        one.kind,
        one.type,
        one.stage,
        one.file,
        one.line,
        one.function,
        one.count + other.count,
        one.seconds + other.seconds,
        one.again + other.again,
        one.again_seconds + other.again_seconds,
        one.needless or other.needless,
    )


def _get(signal: Any, name: str) -> Any:
    return (signal.attributes or {}).get(name)


def _site(signal: Any) -> str:
    file = _get(signal, semconv.CODE_FILE_PATH)
    return f"{relative(file)}:{_get(signal, semconv.CODE_LINE_NUMBER)}" if file else ""


def relative(file: str) -> str:
    """Its path from the current directory, where it is inside that: the same on another machine."""
    inside = os.path.relpath(file) if os.path.isabs(file) else file
    return file if inside.startswith(os.pardir) else inside


def resident_bytes() -> int:
    """Bytes of memory that this process occupies; where the system does not tell, the most it has occupied."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
