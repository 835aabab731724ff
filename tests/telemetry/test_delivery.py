"""Whether what was told of a dead process has arrived: what exporters answer, not what the SDK makes of it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from observed import InMemoryLogs, Vitals, a_crash, an_exit
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, export

Exporter: Any = getattr(export, "LogRecordExporter", None) or export.LogExporter
ConsoleExporter: Any = getattr(export, "ConsoleLogRecordExporter", None) or export.ConsoleLogExporter
Result: Any = getattr(export, "LogRecordExportResult", None) or export.LogExportResult

NOBODY = {
    "tracer_provider": trace.NoOpTracerProvider(),
    "meter_provider": metrics.NoOpMeterProvider(),
    "logger_provider": _logs.NoOpLoggerProvider(),
}


class Scripted(Exporter):
    """Answers what it is told to, or raises it; the last of it for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.batches: list[int] = []

    def export(self, batch: Sequence[Any]) -> Any:
        self.batches.append(len(batch))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


@contextmanager
def logs_to(*exporters: Any, processor: Any = export.BatchLogRecordProcessor) -> Iterator[LoggerProvider]:
    provider = LoggerProvider(shutdown_on_exit=False)
    for exporter in exporters:
        # A batch goes out when it is flushed, and not before.
        options = {} if processor is export.SimpleLogRecordProcessor else {"schedule_delay_millis": 3_600_000}
        provider.add_log_record_processor(processor(exporter, **options))
    yield provider
    provider.shutdown()


BOTH = pytest.mark.parametrize("processor", [export.BatchLogRecordProcessor, export.SimpleLogRecordProcessor])


@pytest.fixture
def quiet() -> Vitals:
    """Providers of a test's own; nothing is instrumented."""
    return Vitals()


@BOTH
def test_what_an_exporter_took_is_delivered(quiet: Vitals, processor: Any) -> None:
    """However it is handed over: at once, or in a batch."""
    exporter = InMemoryLogs()
    with logs_to(exporter, processor=processor) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        assert sink.deliver(30)
        assert len(exporter.get_finished_logs()) == 1


@BOTH
@pytest.mark.parametrize("answer", [Result.FAILURE, OSError("refused")])
def test_what_an_exporter_refused_is_not(quiet: Vitals, processor: Any, answer: Any) -> None:
    """Though the SDK says it is flushed; nor by asking again, for it is gone; told again, it may be."""
    exporter = Scripted(answer, Result.SUCCESS)
    with logs_to(exporter, processor=processor) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        assert sink.flush(30)
        assert not sink.deliver(30)
        assert not sink.deliver(30)
        sink.exited(an_exit(), repeated=True)
        assert sink.deliver(30)
        assert sink.deliver(30)
    assert exporter.batches == [1, 1]


def test_what_the_processors_own_thread_exported_counts(quiet: Vitals) -> None:
    """It may be faster than who asks."""
    exporter = Scripted(Result.SUCCESS)
    with logs_to(exporter) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        thread = threading.Thread(target=provider.force_flush)
        thread.start()
        thread.join()
        assert exporter.batches == [1]
        assert sink.deliver(30)


def test_one_of_two_exporters_is_not_enough(quiet: Vitals) -> None:
    """The console had it; the collector did not."""
    out = io.StringIO()
    with logs_to(ConsoleExporter(out), Scripted(Result.FAILURE)) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        assert not sink.deliver(30)
    assert "SIGKILL" in out.getvalue()


def test_the_console_is_an_exporter(quiet: Vitals) -> None:
    """Where there is no other, what it has shown is delivered."""
    with logs_to(ConsoleExporter(io.StringIO())) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        assert sink.deliver(30)


def test_an_exporter_that_hangs_is_waited_for_no_longer_than_asked(quiet: Vitals) -> None:
    """And has delivered nothing."""
    begun, released = threading.Event(), threading.Event()

    class Hanging(Scripted):
        def export(self, batch: Sequence[Any]) -> Any:
            begun.set()
            released.wait(60)
            return super().export(batch)

    exporter = Hanging(Result.SUCCESS)
    with logs_to(exporter) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        try:
            assert not sink.deliver(0.2)
            assert begun.is_set()
            assert "export" not in vars(exporter)
        finally:
            released.set()


def test_an_exporter_is_afterwards_as_it_was(quiet: Vitals) -> None:
    """Its class's method again, or the attribute that somebody had set; what was set meanwhile stays."""
    plain, patched, repatched = Scripted(Result.SUCCESS), Scripted(Result.SUCCESS), Scripted(Result.SUCCESS)
    own = patched.export = lambda batch: Result.SUCCESS  # type: ignore[method-assign]
    with logs_to(plain, patched, repatched) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        listening = repatched.export
        others = repatched.export = lambda batch: listening(batch)  # type: ignore[method-assign]
        assert "export" in vars(plain)
        assert sink.deliver(30)
        assert "export" not in vars(plain)
        assert patched.export is own
        assert repatched.export is others
        assert provider.force_flush()


def test_switched_off_it_leaves_every_exporter_as_it_was(quiet: Vitals) -> None:
    """Though nobody has asked for what was told."""
    exporter = Scripted(Result.SUCCESS)
    with logs_to(exporter) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        sink.switch_off()
        assert "export" not in vars(exporter)


def test_an_exporter_that_cannot_be_listened_to_is_believed(quiet: Vitals) -> None:
    """One behind a processor of the app's own, say: then it is what `force_flush` says."""

    class Own(LogRecordProcessor):
        answer = True

        def on_emit(self, log_record: Any) -> None:
            pass

        emit = on_emit

        def shutdown(self) -> None:
            pass

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return self.answer

    provider = LoggerProvider(shutdown_on_exit=False)
    processor = Own()
    provider.add_log_record_processor(processor)
    sink = quiet.sink(logger_provider=provider)
    sink.exited(an_exit())
    assert sink.deliver(30)
    processor.answer = False
    sink.exited(an_exit())
    assert not sink.deliver(30)


def test_what_other_signals_come_to_is_not_asked(quiet: Vitals) -> None:
    """Spans that could not be exported do not have an event told twice."""

    class Stuck(trace.NoOpTracerProvider):
        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return False

    with logs_to(InMemoryLogs()) as provider:
        sink = quiet.sink(logger_provider=provider, tracer_provider=Stuck())
        sink.exited(an_exit())
        assert sink.deliver(30)
        assert not sink.flush(30)


def test_without_a_logs_pipeline_the_counter_tells(quiet: Vitals) -> None:
    """Delivered is then what the others could flush."""
    sink = quiet.sink(logger_provider=_logs.NoOpLoggerProvider())
    sink.exited(an_exit())
    assert sink.deliver(30)


def test_without_anybody_to_tell_nothing_is_delivered(quiet: Vitals) -> None:
    """No SDK yet: somebody who has one may still tell of it."""
    sink = quiet.sink(**NOBODY)
    sink.exited(an_exit())
    assert not sink.deliver(30)
    assert sink.flush(30)


def test_no_time_is_no_delivery(quiet: Vitals) -> None:
    """Nothing is flushed in no time."""
    sink = quiet.sink()
    sink.exited(an_exit())
    assert not sink.deliver(0)


def test_nothing_is_listened_to_for_a_crash_or_a_clean_end(quiet: Vitals) -> None:
    """Only ends that are kept until they are delivered are waited for."""
    exporter = Scripted(Result.FAILURE)
    with logs_to(exporter) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.crashed(a_crash())
        sink.exited(an_exit(reason="clean"))
        assert "export" not in vars(exporter)
        assert sink.deliver(30)


def test_each_of_two_threads_hears_of_its_own(quiet: Vitals) -> None:
    """An end that is handed over while another one is being delivered is not taken for delivered with that."""
    entered, go_on = threading.Event(), threading.Event()

    class Slow(Scripted):
        def export(self, batch: Sequence[Any]) -> Any:
            entered.set()
            go_on.wait(60)
            return super().export(batch)

    exporter = Slow(Result.SUCCESS, Result.FAILURE)
    answers: list[bool] = []
    with logs_to(exporter) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        first = threading.Thread(target=lambda: answers.append(sink.deliver(30)))
        first.start()
        assert entered.wait(30)
        # The batch of the first one has left; this one is in the next.
        sink.exited(an_exit(observed_by="sibling"))
        go_on.set()
        first.join()
        answers.append(sink.deliver(30))
        assert "export" not in vars(exporter)
    assert answers[1] is False


def test_a_child_expects_nothing_of_its_parents(quiet: Vitals, in_fork: Callable[[Callable[[], Any]], Any]) -> None:
    """Nor does it go on listening; the parent does."""
    exporter = InMemoryLogs()
    with logs_to(exporter) as provider:
        sink = quiet.sink(logger_provider=provider)
        sink.exited(an_exit())
        assert in_fork(lambda: ["export" in vars(exporter), sink.deliver(30)]) == [False, True]
        assert "export" in vars(exporter)
        assert sink.deliver(30)
        assert len(exporter.get_finished_logs()) == 1
