"""Invariant 1, "never hurts the app", by fault injection: every function of ours is made to raise in turn."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from fault_injection import code_at, functions, with_fault
from model_server import ModelServer
from observed import Vitals
from opentelemetry import trace
from scenario_of_a_process import note_thread
from scenario_of_an_app import scenario

import autogen_vitals
from autogen_vitals.instrumentation import Instrumentation

SHELL = {
    # The guard itself, and the public calls, each of which is one call of a guarded function.
    "guard:guarded",
    "guard:guarded.safe",
    "guard:report",
    "guard:unseen",
    # When it fails, our frames show.
    "guard:hide_caller_frame",
    "__init__:enable",
    "__init__:disable",
    "__init__:flush",
    "__init__:request",
    "__init__:warm_up",
    "__init__:__getattr__",
    "enabling:request",
    "enabling:warm_up",
    # Guard what may fail in them themselves: each step of a stream comes by.
    "lifecycle.tracker:Tracker.enter",
    "lifecycle.tracker:Tracker.leave",
    # Guards what cannot be decorated: it is awaited.
    "enabling:_warm",
    "instrumentor:AutogenVitalsInstrumentor._instrument",
    "instrumentor:AutogenVitalsInstrumentor._uninstrument",
    "instrumentor:AutogenVitalsInstrumentor.installed",
    # One line, which says what there is.
    "installing:installed",
    # The wrappers: the thin code between the app and the guard, which calls the original.
    "wrapping.calls:plain_call.wrapper",
    "wrapping.calls:deferred_call.wrapper",
    "wrapping.calls:_run",
    "wrapping.coverage:_subclass_hook.__init_subclass__",
    "wrapping.handover:StandIn.__getattr__",
    "wrapping.handover:StandIn.__dir__",
    "wrapping.handover:handed_over.wrapper",
    "wrapping.handover:_carrying.carrying",
    "wrapping.importing:ImportHooks.when_imported.hook",
    "wrapping.life:life_call.wrapper",
    "wrapping.life:noted_call.wrapper",
    "wrapping.life:lifespan_call.wrapper",
    "wrapping.life:_Sending.__init__",
    "wrapping.life:_Sending.__call__",
    "wrapping.life:_awaited",
    "wrapping.proxy:_BoundWrapper.__reduce_ex__",
    "wrapping.proxy:_BoundWrapper.__reduce__",
    "wrapping.proxy:_BoundWrapper.__copy__",
    "wrapping.proxy:_BoundWrapper.__repr__",
    "wrapping.proxy:_BoundWrapper.__deepcopy__",
    "wrapping.proxy:Wrapper.__reduce_ex__",
    "wrapping.proxy:Wrapper.__reduce__",
    "wrapping.proxy:Wrapper.__copy__",
    "wrapping.proxy:Wrapper.__repr__",
    "wrapping.proxy:Wrapper.__deepcopy__",
    "wrapping.proxy:_reduce",
    "wrapping.steps:TimedSteps.__init__",
    "wrapping.steps:TimedSteps.__await__",
    "wrapping.steps:TimedSteps.__iter__",
    "wrapping.steps:TimedSteps.__next__",
    "wrapping.steps:TimedSteps.send",
    "wrapping.steps:TimedSteps.throw",
    "wrapping.steps:TimedSteps.close",
    "wrapping.steps:_as_one",
    "wrapping.streams:ObservedIterator.__reduce_ex__",
    "wrapping.streams:ObservedIterator.__copy__",
    "wrapping.streams:ObservedIterator.__repr__",
    "wrapping.streams:ObservedIterator.__deepcopy__",
    "wrapping.streams:ObservedIterator.__aiter__",
    "wrapping.streams:ObservedIterator.__anext__",
    "wrapping.streams:ObservedStream.asend",
    "wrapping.streams:ObservedStream.athrow",
    "wrapping.streams:ObservedStream.aclose",
    "wrapping.streams:_Step.__init__",
    "wrapping.streams:_Step.__await__",
    "wrapping.streams:_Step.__iter__",
    "wrapping.streams:_Step.__next__",
    "wrapping.streams:_Step.send",
    "wrapping.streams:_Step.throw",
    "wrapping.streams:_Step.close",
    "wrapping.wsgi:_Body.__iter__",
    "wrapping.wsgi:_Body.__next__",
    "wrapping.wsgi:_Body.close",
    "wrapping.wsgi:_Items.__init__",
    "wrapping.wsgi:_Items.__iter__",
    "wrapping.wsgi:_Items.__next__",
    "wrapping.wsgi:_step",
    # What the import system calls, in place of the finders and the loaders that it would have asked.
    "lifecycle.imports:ImportFinder.find_spec",
    "lifecycle.imports:_Timing.__call__",
    "lifecycle.boundaries:RequestBlock.__init__",
    "lifecycle.boundaries:RequestBlock.__enter__",
    "lifecycle.boundaries:RequestBlock.__exit__",
    "lifecycle.boundaries:RequestBlock.__aenter__",
    "lifecycle.boundaries:RequestBlock.__aexit__",
    "telemetry.native:QuietTrace.get_tracer",
    "telemetry.native:QuietTrace.__getattr__",
    "telemetry.native:_QuietTracer.start_as_current_span",
    "telemetry.native:QuietMessages.__call__",
    "telemetry.native:_Message.__enter__",
    "telemetry.native:_Message.__exit__",
}
"""What stands between the app and the guard. It is short, it is read by everybody, and it cannot be guarded."""


@pytest.fixture(scope="module", autouse=True)
def _little_to_trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each client of a model reads all the certificates there are: most of what it takes to build one."""
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----\n")
    file = tmp_path_factory.mktemp("certificates") / "one.pem"
    file.write_text(first + end, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(wait_ms=1) as server:
        yield server


@pytest.fixture(autouse=True)
def _connections_end(model: ModelServer) -> Iterator[None]:
    """The threads that serve them have the hook for exceptions, and so the installation, of when they began."""
    yield
    model.hang_up()


@pytest.fixture(autouse=True)
def _threads_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", note_thread)


@pytest.fixture(scope="module")
def expected(model: ModelServer) -> Iterator[list[Any]]:
    assert autogen_vitals.AutogenVitalsInstrumentor().installed is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "excepthook", note_thread)
        seen = asyncio.run(scenario(model))
    # Each of the tests collects garbage several times: not all that was there before.
    gc.collect()
    gc.freeze()
    yield seen
    gc.unfreeze()


def test_the_scenario_is_observed_when_nothing_is_wrong(
    silent_vitals: Vitals, model: ModelServer, expected: list[Any], tmp_path: Path
) -> None:
    """The yardstick itself: same results, spans, and events; a record, and none afterwards."""
    silent_vitals.enable(state_dir=str(tmp_path))
    assert len(list(tmp_path.glob("*.exit"))) == 1
    assert asyncio.run(scenario(model)) == expected
    silent_vitals.installed._moments.exiting()
    escaped = [event.attributes["autogen.crash.escaped"] for event in silent_vitals.events("autogen.crash")]
    assert set(escaped) == {"run", "init", "request", "lifespan", "process", "thread", "loop"}
    (exited,) = silent_vitals.events("autogen.process.exit")
    assert exited.attributes["autogen.exit.code"] == 7
    assert list(tmp_path.iterdir()) == []
    assert len(silent_vitals.spans()) > 20
    warm_up = silent_vitals.span("warm_up OpenAIChatCompletionClient")
    assert warm_up.attributes["autogen.connect.count"] == 1
    assert "autogen.retry.count" in silent_vitals.spans("chat stub")[0].attributes
    assert sum("autogen.warm_up.duration" in span.attributes for span in silent_vitals.spans()) > 3
    assert silent_vitals.spans("autogen.startup")


def test_the_shell_is_what_it_is_said_to_be() -> None:
    """Every name on the list of unguarded code exists, so that the list cannot rot."""
    assert set(functions()) >= SHELL


@pytest.fixture(scope="module")
def reached(model: ModelServer, expected: list[Any], tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The functions that the scenario comes to, from the beginning of the installation to its end."""
    called: set[types.CodeType] = set()

    def note_call(frame: types.FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    with of_the_module() as vitals:
        threading.setprofile(note_call)
        sys.setprofile(note_call)
        try:
            assert with_faults_in([], vitals, model, tmp_path_factory.mktemp("reached")) == expected
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
    return {name for name, (holder, path) in functions().items() if code_at(holder.__code__, path) in called}


@pytest.fixture(scope="module")
def without_the_unreached(model: ModelServer, reached: set[str], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the app sees when all that the scenario does not come to would raise: each of them alone would say no more,
    and there are hundreds."""
    names = sorted(set(functions()) - SHELL - reached)
    with of_the_module() as vitals:
        return with_faults_in(names, vitals, model, tmp_path_factory.mktemp("unreached"))


@pytest.mark.parametrize("name", sorted(set(functions()) - SHELL))
def test_a_fault_in_any_function_changes_nothing_for_the_app(
    silent_vitals: Vitals,
    model: ModelServer,
    expected: list[Any],
    reached: set[str],
    name: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Results, exceptions and their tracebacks are the same, and nothing is warned of that was not before."""
    if name in reached:
        seen = with_faults_in([name], silent_vitals, model, tmp_path)
    else:
        seen = request.getfixturevalue("without_the_unreached")
    assert seen == expected


@contextlib.contextmanager
def of_the_module() -> Iterator[Vitals]:
    """What ``silent_vitals`` is, for more than one test."""
    vitals = Vitals()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "_TRACER_PROVIDER", vitals.tracer_provider)
        patch.setattr(threading, "excepthook", note_thread)
        try:
            yield vitals
        finally:
            autogen_vitals.disable()


def with_faults_in(names: list[str], vitals: Vitals, model: ModelServer, state_dir: Path) -> list[Any]:
    """What the app sees of the scenario, with each of these functions made to raise."""
    undo_again: Callable[[], None] | None = None
    # What is inside of another comes first: it goes with that.
    faulty = sorted((functions()[name] for name in names), key=lambda found: -len(found[1]))
    originals = {holder: holder.__code__ for holder, _ in faulty}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 3.13 says that a generator's code is being replaced
        for holder, path in faulty:
            holder.__code__ = with_fault(holder.__code__, path)
        # Unraisable errors in __del__ and RuntimeWarnings of coroutines that nobody awaited fail the test too.
        warnings.simplefilter("error")
        try:
            vitals.enable(state_dir=str(state_dir))
            seen = asyncio.run(scenario(model))
            vitals.points("autogen.init.duration")
            autogen_vitals.flush(1)
            if vitals.installed is not None:
                vitals.installed._moments.exiting()
                undo_again = to_be_undone(vitals.installed)
            autogen_vitals.disable()
            gc.collect()
        finally:
            warnings.simplefilter("ignore")
            for holder, original in originals.items():
                holder.__code__ = original
            if undo_again is not None:
                undo_again()
    return seen


def to_be_undone(installed: Instrumentation) -> Callable[[], None]:
    """Undoes what ``installed`` has done, once more: what a fault has kept from being undone, no other test sees."""
    undo, patches = list(installed._undo), installed._patches
    names = {owner: set(names) for owner, names in patches._names.items()}

    def again() -> None:
        installed._undo[:] = undo
        patches._names.update(names)
        installed.uninstall()

    return again
