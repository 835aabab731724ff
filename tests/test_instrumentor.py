"""The instrumentor: installs once, undoes exactly, and never raises."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import importlib
import importlib.metadata
import inspect
import json
import logging
import os
import pkgutil
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

import autogen_vitals
from autogen_vitals import installing, instrumentation
from autogen_vitals.configuration import Configuration
from autogen_vitals.instrumentation import Instrumentation
from autogen_vitals.instrumentor import AutogenVitalsInstrumentor

ROOTS = (
    "autogen_agentchat",
    "autogen_core",
    "autogen_ext.models.replay",
    "starlette",
    "uvicorn.server",
    "billiard.pool",
    "httpcore",
    "openai._base_client",
)


class Telemetry:
    """An application's own providers, and what they got."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer_provider, self.meter_provider = TracerProvider(), MeterProvider([InMemoryMetricReader()])
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def enable(self, **settings: Any) -> Instrumentation | None:
        autogen_vitals.enable(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **settings)
        return AutogenVitalsInstrumentor().installed

    def spans(self) -> list[str]:
        """Names of the spans of runs that ended; and forgets all that ended."""
        others = ("init", "import", "autogen.startup")
        names = [span.name for span in self._exporter.get_finished_spans() if span.name.split(" ")[0] not in others]
        self._exporter.clear()
        return names


@pytest.fixture
def telemetry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    """Nothing installed before, nothing after."""
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    autogen_vitals.disable()
    yield Telemetry()
    autogen_vitals.disable()


def import_everything() -> None:
    for root in ROOTS:
        package = importlib.import_module(root)
        for info in pkgutil.walk_packages(getattr(package, "__path__", []), f"{root}."):
            try:
                importlib.import_module(info.name)
            except ImportError:  # of an extra that is not installed
                continue


def everything() -> list[Any]:
    """The modules below the roots, and the classes in them."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith(ROOTS)]
    classes = {cls for module in modules for cls in vars(module).values() if isinstance(cls, type)}
    return [*modules, *(cls for cls in classes if cls.__module__.startswith(ROOTS))]


class Snapshot:
    """What every module and class below the roots holds now."""

    def __init__(self) -> None:
        import_everything()
        self._held = [(owner, dict(vars(owner))) for owner in everything()]

    def changed(self) -> set[str]:
        """Attributes that are not the identical object any more, are new, or are gone."""
        return {
            f"{owner.__name__}.{name}"
            for owner, before in self._held
            for name in {**before, **vars(owner)}
            if vars(owner).get(name, self) is not before.get(name, self)
        }


def agent(inside: Any = None) -> Any:
    """An agent that answers once; ``inside`` is called while it does."""

    class Answering(BaseChatAgent):
        @property
        def produced_message_types(self) -> Sequence[Any]:
            return (TextMessage,)

        async def on_messages(self, messages: Any, cancellation_token: Any) -> Any:
            if inside is not None:
                inside()
            return Response(chat_message=TextMessage(content="answer", source=self.name))

        async def on_reset(self, cancellation_token: Any) -> None: ...

    return Answering("answering", "Answers.")


# --- idempotence ------------------------------------------------------------------------------------------------------


async def test_enabling_twice_is_enabling_once(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """The second call does nothing, and says nothing."""
    first = telemetry.enable()
    held = Snapshot()
    assert telemetry.enable() is first is not None
    assert held.changed() == set()
    await agent().run(task="x")
    assert telemetry.spans() == ["invoke_agent answering"]
    assert caplog.records == []


def test_instrumenting_twice_is_instrumenting_once(telemetry: Telemetry) -> None:
    """As the loader does after a declarative configuration: OpenTelemetry warns, and nothing changes."""
    AutogenVitalsInstrumentor().instrument(tracer_provider=telemetry.tracer_provider)
    first, held = AutogenVitalsInstrumentor().installed, Snapshot()
    AutogenVitalsInstrumentor().instrument(skip_dep_check=True)
    assert AutogenVitalsInstrumentor().installed is first is not None
    assert held.changed() == set()


def test_the_instrumentor_knows_of_enable(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """It says that all is instrumented, does not do it again, and undoes it, without a warning."""
    held, instrumentor = Snapshot(), AutogenVitalsInstrumentor()
    assert not instrumentor.is_instrumented_by_opentelemetry
    first = telemetry.enable()
    assert instrumentor.is_instrumented_by_opentelemetry
    assert instrumentor.installed is first is not None
    instrumentor.uninstrument()
    assert not instrumentor.is_instrumented_by_opentelemetry
    assert instrumentor.installed is None
    assert held.changed() == set()
    assert caplog.records == []


def test_enable_knows_of_the_instrumentor(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """It does not do it again; and ``disable()`` undoes it, so that the instrumentor can do it anew."""
    held, instrumentor = Snapshot(), AutogenVitalsInstrumentor()
    for _ in range(2):
        instrumentor.instrument(tracer_provider=telemetry.tracer_provider)
        first = instrumentor.installed
        assert telemetry.enable() is first is not None
        autogen_vitals.disable()
        assert not instrumentor.is_instrumented_by_opentelemetry
        assert held.changed() == set()
    assert caplog.records == []


def test_what_is_switched_off_can_be_enabled(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """By the call, by the instrumentor, in any order."""
    AutogenVitalsInstrumentor().instrument(enabled=False)
    assert telemetry.enable(enabled=False) is None
    assert telemetry.enable() is not None
    assert caplog.records == []


def test_disabling_what_is_not_enabled_does_nothing(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Once or twice."""
    held = Snapshot()
    autogen_vitals.disable()
    telemetry.enable()
    autogen_vitals.disable()
    autogen_vitals.disable()
    assert held.changed() == set()
    assert caplog.records == []


async def test_enabling_again_after_disabling_works(telemetry: Telemetry) -> None:
    """As the first time."""
    for _ in range(3):
        telemetry.enable()
        await agent().run(task="x")
        autogen_vitals.disable()
        await agent().run(task="x")
    assert telemetry.spans() == ["invoke_agent answering"] * 3


# --- undo -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("native_spans", ["replace", "keep"])
def test_disabling_restores_every_attribute(native_spans: str, telemetry: Telemetry) -> None:
    """Of every class and module: the identical object, and none that was not there."""
    held, finders = Snapshot(), list(sys.meta_path)
    telemetry.enable(native_spans=native_spans)
    changed = held.changed()
    assert {
        "BaseChatAgent.run",
        "BaseChatAgent.__init_subclass__",
        "AssistantAgent.__init__",
        "ReplayChatCompletionClient.create_stream",
        "Starlette.__call__",
        "Server.shutdown",
        "Worker.workloop",
        "AutoBackend.connect_tcp",
        "SyncStream.start_tls",
        "BaseClient._calculate_retry_timeout",
    } <= changed
    assert sys.meta_path != finders
    autogen_vitals.disable()
    assert sys.meta_path == finders
    assert held.changed() == set()


LISTING = """
import importlib, json, pkgutil, sys
from typing import Any
import autogen_vitals
ROOTS = {roots}
{functions}
if sys.argv[1] == "enable":
    autogen_vitals.enable()
    assert autogen_vitals.AutogenVitalsInstrumentor().installed is not None
    assert not any(name.startswith(ROOTS) for name in sys.modules)
import_everything()
wrapped = any(type(value).__name__ == "Wrapper" for owner in everything() for value in vars(owner).values())
assert wrapped is (sys.argv[1] == "enable")
autogen_vitals.disable()
print(json.dumps(sorted(
    f"{{getattr(owner, '__module__', '')}} {{owner.__name__}} {{name}} {{type(value).__module__}}"
    f".{{type(value).__qualname__}} {{getattr(value, '__qualname__', '')}}"
    for owner in everything() for name, value in list(vars(owner).items())
)))
"""


@pytest.mark.timeout(120)
def test_disabling_restores_what_was_imported_after_enabling() -> None:
    """A process that enables, imports and disables has the attributes of one that only imports."""
    functions = inspect.getsource(import_everything) + inspect.getsource(everything)
    program = LISTING.format(roots=ROOTS, functions=functions)
    environment = {**os.environ, "OTEL_SDK_DISABLED": "true"}
    listings = []
    for word in ("enable", "do not"):
        output = subprocess.check_output([sys.executable, "-c", program, word], env=environment, text=True)
        listings.append(json.loads(output.splitlines()[-1]))
    assert listings[0] == listings[1]
    assert len(listings[0]) > 1000


async def test_a_later_patch_of_the_app_survives(telemetry: Telemetry) -> None:
    """It goes on calling ours, and ours, switched off, the original: nothing is told, everything works."""
    held, calls = Snapshot(), []
    telemetry.enable()
    ours = BaseChatAgent.run

    async def theirs(self: Any, **arguments: Any) -> Any:
        calls.append(self.name)
        return await ours(self, **arguments)

    original = vars(BaseChatAgent)["run"].__wrapped__
    BaseChatAgent.run = theirs  # type: ignore[method-assign,assignment]
    try:
        autogen_vitals.disable()
        assert vars(BaseChatAgent)["run"] is theirs
        assert held.changed() == {"BaseChatAgent.run"}
        result = await agent().run(task="x")
    finally:
        BaseChatAgent.run = original  # type: ignore[method-assign]
    assert (calls, result.messages[-1].content) == (["answering"], "answer")
    assert telemetry.spans() == []
    assert held.changed() == set()


async def test_a_run_that_disables_us_ends_with_its_span(telemetry: Telemetry) -> None:
    """In the middle of a run: it completes, and its span ends."""
    telemetry.enable()
    result = await agent(inside=autogen_vitals.disable).run(task="x")
    assert result.messages[-1].content == "answer"
    assert telemetry.spans() == ["invoke_agent answering"]


async def test_a_suspended_stream_outlives_us(telemetry: Telemetry) -> None:
    """Disabled between two items: the rest comes, and the span ends once, without an error."""
    telemetry.enable()
    stream = agent().run_stream(task="x")
    items = [await anext(stream)]
    autogen_vitals.disable()
    items += [item async for item in stream]
    assert [getattr(item, "content", None) for item in items] == ["x", "answer", None]
    assert telemetry.spans() == ["invoke_agent answering"]


def test_what_is_disabled_is_let_go(telemetry: Telemetry) -> None:
    """An installation that is over is no garbage of the process; forked children end without it."""
    telemetry.enable()
    installed = AutogenVitalsInstrumentor().installed
    references = [weakref.ref(installed), weakref.ref(installed._forked_children)]  # type: ignore[union-attr]
    del installed
    autogen_vitals.disable()
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_enabling_and_disabling_leaves_nothing(telemetry: Telemetry) -> None:
    """However often, with the providers that the process has: no registry of ours, wrapt's or the SDK's grows."""

    def living() -> int:
        for thread in threading.enumerate():
            if thread.name.startswith("autogen-vitals"):
                thread.join(30)  # a loop's ends when it next looks
        telemetry.spans()
        telemetry.meter_provider.force_flush()  # what is queued is bounded, and waits for that
        gc.collect()
        return len(gc.get_objects())

    def cycles(number: int) -> None:
        for _ in range(number):
            telemetry.enable()
            with autogen_vitals.request("job"):
                asyncio.run(answering.run(task="x"))
            autogen_vitals.disable()

    def left_each_time() -> int:
        before = living()
        cycles(20)
        return (living() - before) // 20

    answering = agent()
    cycles(3)
    # What happens once, in a thread of another test's, say, may leave some hundreds: it does not happen again.
    assert left_each_time() <= 0 or left_each_time() <= 0


async def test_a_server_span_opens_one_request_however_often_we_were_enabled(telemetry: Telemetry) -> None:
    """The processor stays in the provider; nothing is counted twice, and once disabled nothing is."""
    tracer = telemetry.tracer_provider.get_tracer("web")
    seen = []
    for _ in range(3):
        installed = telemetry.enable()
        assert installed is not None
        with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER) as span:
            request = installed.tracker.requests.current()
            seen.append(request is not None and request.span is span)
        assert installed.tracker.requests.current() is None
        autogen_vitals.disable()
        with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER):
            seen.append(installed.tracker.requests.current())
    assert seen == [True, None] * 3


# --- what goes wrong --------------------------------------------------------------------------------------------------


def raising(*args: Any, **kwargs: Any) -> Any:
    raise LookupError("ours")


STEPS = [
    (Instrumentation, "_follow_server_spans"),
    (Instrumentation, "_quiet_native_spans"),
    (Instrumentation, "_watch_servers"),
    (Instrumentation, "_watch_transport"),
    (Instrumentation, "_follow_startup"),
    (Instrumentation, "_connect"),
    (instrumentation.Coverage, "install"),
    (Instrumentation, "_follow_library"),
    (instrumentation.atexit, "register"),
    (installing, "Instrumentation"),
    (installing, "load_settings"),
    (installing, "is_disabled_in_config_file"),
    (instrumentation, "Telemetry"),
    (instrumentation, "LoopWatchdog"),
    (instrumentation, "ImportFinder"),
]


@pytest.mark.parametrize(("owner", "name"), STEPS, ids=lambda value: value if isinstance(value, str) else "")
async def test_a_step_that_fails_is_rolled_back(
    owner: Any, name: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised, one error is logged, every attribute is what it was, and the app runs."""
    held = Snapshot()
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, raising)
        assert telemetry.enable() is None
    assert held.changed() == set()
    assert [(record.name, record.levelno) for record in caplog.records] == [("autogen_vitals", logging.ERROR)]
    assert (await agent().run(task="x")).messages[-1].content == "answer"
    assert telemetry.spans() == []


def test_what_could_not_be_set_up_is_let_go(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The providers, whose readers go on to collect, do not keep what has failed half-way through its constructor."""
    failed: list[weakref.ref[Any]] = []

    def raising(self: Any, *args: Any) -> None:
        failed.append(weakref.ref(args[0]))
        raise LookupError

    monkeypatch.setattr(instrumentation.Moments, "__init__", raising)  # the last of its parts, given the tracker
    monkeypatch.setattr(logging.getLogger("autogen_vitals"), "disabled", True)  # pytest keeps what is logged
    assert telemetry.enable() is None
    gc.collect()
    assert [reference() for reference in failed] == [None]


def test_a_provider_that_fails_is_no_reason_to_raise(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """The app's providers are the app's; ours is one error in the log."""

    class Failing:
        def __getattr__(self, name: str) -> Any:
            raise LookupError(name)

    autogen_vitals.enable(tracer_provider=Failing(), meter_provider=Failing())
    assert AutogenVitalsInstrumentor().installed is None
    assert len(caplog.records) == 1


def test_a_wrong_setting_is_a_warning(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """And we are installed with the default."""
    assert telemetry.enable(model_spans="sometimes", no_such_setting=1) is not None
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


# --- switched off -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["keyword", "environment", "file"])
def test_switched_off_it_patches_nothing(
    way: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By each of the three ways of a setting."""
    held = Snapshot()
    if way == "environment":
        monkeypatch.setenv("OTEL_PYTHON_AUTOGEN_ENABLED", "false")
    elif way == "file":
        node = {"instrumentation/development": {"python": {"autogen_vitals": {"enabled": False}}}}
        (tmp_path / "otel.json").write_text(json.dumps(node))
        monkeypatch.setenv("OTEL_CONFIG_FILE", str(tmp_path / "otel.json"))
    assert telemetry.enable(**({"enabled": False} if way == "keyword" else {})) is None
    assert held.changed() == set()


# --- how it is found --------------------------------------------------------------------------------------------------


def test_the_configuration_is_a_dataclass_of_settings(telemetry: Telemetry) -> None:
    """The declarative loader builds it of a file's node, and instruments with what is not None."""
    assert dataclasses.is_dataclass(AutogenVitalsInstrumentor.configuration)
    assert isinstance(AutogenVitalsInstrumentor.configuration, type)
    configuration = Configuration(model_spans="off", flush_timeout=1)
    given = {name: value for name, value in dataclasses.asdict(configuration).items() if value is not None}
    AutogenVitalsInstrumentor().instrument(**given, tracer_provider=telemetry.tracer_provider)
    installed = AutogenVitalsInstrumentor().installed
    assert installed is not None
    assert (installed._settings.model_spans, installed._settings.flush_timeout) == ("off", 1.0)


EXPECTED = {
    "opentelemetry_instrumentor": AutogenVitalsInstrumentor,
    "opentelemetry_environment_variables": importlib.import_module("autogen_vitals.environment_variables"),
}


def entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    """Of the installed distribution, else as the project's file has them."""
    found = {
        group: point
        for group in EXPECTED
        for point in importlib.metadata.entry_points(group=group)
        if point.name == "autogen_vitals"
    }
    if found:
        return found
    toml: ModuleType = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    project = toml.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        group: importlib.metadata.EntryPoint(name, value, group)
        for group, points in project["entry-points"].items()
        for name, value in points.items()
    }


def test_the_entry_points_load() -> None:
    """The instrumentor's class and the module of the environment variables, each by one name."""
    assert {group: (point.name, point.load()) for group, point in entry_points().items()} == {
        group: ("autogen_vitals", value) for group, value in EXPECTED.items()
    }
