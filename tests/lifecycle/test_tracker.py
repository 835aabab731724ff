"""The tracker: calls become Observations, each operation once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import CHAT, EXECUTE_CODE, EXECUTE_TOOL, INVOKE_AGENT, INVOKE_WORKFLOW, Operation

Running = Any


class Component:
    """Anything an app builds."""


# --- one operation, one observation -----------------------------------------------------------------------------------

SAME = Component()
ABSORBED = [
    # operation, same object, same name, whether the inner one is the outer one seen again
    (INVOKE_WORKFLOW, True, True, True),
    (INVOKE_WORKFLOW, False, True, False),
    (INVOKE_AGENT, True, True, True),
    (INVOKE_AGENT, True, False, True),
    (INVOKE_AGENT, False, True, False),
    (EXECUTE_TOOL, True, False, True),
    (EXECUTE_TOOL, False, True, True),
    (EXECUTE_TOOL, False, False, False),
    (CHAT, True, True, True),
    (CHAT, False, False, True),
    (EXECUTE_CODE, True, True, True),
    (EXECUTE_CODE, False, True, False),
]


@pytest.mark.parametrize(("operation", "same_object", "same_name", "absorbed"), ABSORBED)
def test_what_an_operation_absorbs(
    operation: Operation, same_object: bool, same_name: bool, absorbed: bool, run: Callable[..., Running]
) -> None:
    """A run directly inside one of its kind: by object, by name, or any."""
    with run(operation, SAME, name="outer"):
        inner = run(operation, SAME if same_object else None, name="outer" if same_name else "inner")
        with inner as observation:
            assert (observation is None) is absorbed


@pytest.mark.parametrize("operation", [INVOKE_AGENT, EXECUTE_TOOL, CHAT])
def test_only_the_run_directly_around_absorbs(operation: Operation, run: Callable[..., Running]) -> None:
    """With another operation between, it is a second run: an agent that is its own tool."""
    with run(operation, SAME, name="x"), run(INVOKE_WORKFLOW), run(operation, SAME, name="x") as inner:
        assert inner is not None


def test_tools_without_a_name_are_not_the_same(run: Callable[..., Running]) -> None:
    """Two unknown names are not one name."""
    with run(EXECUTE_TOOL), run(EXECUTE_TOOL) as inner:
        assert inner is not None


def test_a_run_that_is_over_absorbs_nothing(tracker_: Tracker, run: Callable[..., Running]) -> None:
    """A task that outlives it runs on its own."""
    outer = run(INVOKE_AGENT, SAME)
    assert outer.observation is not None
    tracker_.end(outer.observation, None)
    with run(INVOKE_AGENT, SAME) as inner:
        assert inner.parent is None


def test_an_absorbed_run_completes_the_one_around_it(run: Callable[..., Running]) -> None:
    """What a caching client does not know, the client it calls does; what is known stays."""
    with run(CHAT, provider="autogen", extra="outer") as outer:
        with run(CHAT, provider="openai", name="gpt-4o", extra="inner") as inner:
            assert inner is None
        assert outer.facts == {"gen_ai.request.model": "gpt-4o", "extra": "outer"}
        assert (outer.provider, outer.completed, outer.subject) == ("openai", True, "gpt-4o")


def test_an_absorbed_run_that_knows_no_more_changes_nothing(run: Callable[..., Running]) -> None:
    """Its provider neither."""
    with run(CHAT, provider="openai", name="gpt-4o") as outer:
        with run(CHAT, provider="autogen", name="other") as inner:
            assert inner is None
        assert (outer.facts, outer.provider, outer.completed) == ({"gen_ai.request.model": "gpt-4o"}, "openai", False)


# --- inits ------------------------------------------------------------------------------------------------------------


def test_the_outermost_init_of_an_object_wins(init: Callable[..., Running], sink: Any) -> None:
    """super().__init__, a start inside the constructor: one object, one init."""
    component = Component()
    with init(component) as outer:
        with init(component) as inner, init(component, stage="start") as start:
            assert (inner, start) == (None, None)
        with init() as part:
            assert part.parent is outer
    assert sink.all("ended") == [part, outer]


def test_a_later_start_of_the_object_is_an_init_of_its_own(init: Callable[..., Running], sink: Any) -> None:
    """Construct, then start."""
    component = Component()
    with init(component):
        pass
    with init(component, stage="start"):
        pass
    assert [(told.stage, told.sequence) for told in sink.all("ended")] == [("construct", 1), ("start", 1)]


def test_inits_of_one_line_are_counted(init: Callable[..., Running], sink: Any) -> None:
    """The second of a site is a re-init."""
    for _ in range(3):
        with init():
            pass
    assert [(told.sequence, told.reinit) for told in sink.all("ended")] == [(1, False), (2, True), (3, True)]
    assert sink.all("ended")[0].tally.site.file.endswith("conftest.py")


def test_the_time_of_inits_inside_is_known(init: Callable[..., Running], clock: Any) -> None:
    """Of those directly inside; so that each nanosecond is somebody's own once."""
    with init() as outer:
        clock.move(1)
        with init() as middle:
            clock.move(10)
            with init() as inner:
                clock.move(100)
        with init() as other:
            clock.move(1000)
    durations = [told.duration_ns for told in (outer, middle, inner, other)]
    assert durations == [1111, 110, 100, 1000]
    assert [told.nested_init_ns for told in (outer, middle, inner, other)] == [1110, 100, 0, 0]
    assert [told.inside_init for told in (outer, middle, inner, other)] == [False, True, True, True]


def test_a_run_in_a_constructor_is_inside_an_init(init: Callable[..., Running], run: Callable[..., Running]) -> None:
    """And what that builds is too."""
    with init(), run(INVOKE_AGENT) as observation, init() as built:
        assert (observation.inside_init, observation.outermost, built.inside_init) == (True, True, True)


def test_an_init_is_slow_if_the_last_one_of_its_site_was(init: Callable[..., Running], clock: Any) -> None:
    """From the threshold on."""
    known = []
    for nanoseconds in (999_999, 1_000_000, 5, 0):
        with init() as observation:
            clock.move(nanoseconds)
        known.append(observation.known_slow)
    assert known == [False, False, True, False]


def test_a_run_knows_where_its_component_was_built(init: Callable[..., Running], run: Callable[..., Running]) -> None:
    """By its constructor or an unpickling, not by a start."""
    built, restored, started = Component(), Component(), Component()
    for component, stage in ((built, "construct"), (restored, "restore"), (started, "start")):
        with init(component, stage=stage):
            pass
    births = []
    for component in (built, restored, started):
        with run(INVOKE_AGENT, component) as observation:
            births.append(observation.birth is not None)
    assert births == [True, True, False]


# --- requests and phases ----------------------------------------------------------------------------------------------


def test_an_outermost_run_is_a_request(run: Callable[..., Running], sink: Any) -> None:
    """Where there is none around it; what is inside belongs to it, and it ends with it."""
    with run(INVOKE_WORKFLOW) as outer, run(INVOKE_AGENT) as inner:
        assert (outer.outermost, outer.owns_request) == (True, True)
        assert (inner.outermost, inner.owns_request) == (False, False)
        assert inner.request is outer.request
    assert sink.all("request_ended") == [outer.request]
    assert outer.request.start_type == "cold"


def test_inits_of_a_run_are_its_request_s(run: Callable[..., Running], init: Callable[..., Running]) -> None:
    """Counted where they happen."""
    with init():
        pass
    with run(INVOKE_AGENT) as observation, init(), init():
        pass
    assert observation.request.init_count == 1


def test_phases(tracker_: Tracker, run: Callable[..., Running], init: Callable[..., Running]) -> None:
    """Start-up until the first run, which is a request; then background."""
    phases = []
    with init() as first:
        phases.append(first.phase)
    with run(INVOKE_AGENT) as observation:
        phases.append(observation.phase)
    with init() as last:
        phases.append(last.phase)
    tracker_.phases.draining = True
    with run(INVOKE_AGENT) as draining:
        phases.append(draining.phase)
    assert phases == ["startup", "request", "background", "draining"]


# --- errors -----------------------------------------------------------------------------------------------------------


def _fail_twice(outer: Running, inner: Running, error: Exception) -> None:
    """The inner run's exception is caught within the outer one, which then fails with another."""

    def fail() -> None:
        with outer:
            with pytest.raises(LookupError, match="first"), inner:
                raise LookupError("first")
            raise error

    with pytest.raises(type(error)):
        fail()


def test_an_exception_is_recorded_once(run: Callable[..., Running], sink: Any) -> None:
    """By the innermost that it ended; all name its class."""
    with pytest.raises(LookupError), run(INVOKE_WORKFLOW), run(INVOKE_AGENT), run(CHAT):
        raise LookupError
    told = [(ended.operation, ended.error, ended.error_recorded) for ended in sink.all("ended")]
    assert told == [
        (CHAT, "LookupError", False),
        (INVOKE_AGENT, "LookupError", True),
        (INVOKE_WORKFLOW, "LookupError", True),
    ]


def test_a_team_s_error_stands_for_its_participant_s(run: Callable[..., Running], sink: Any) -> None:
    """AutoGen raises another; it is that one by its text."""
    _fail_twice(run(INVOKE_WORKFLOW), run(INVOKE_AGENT), RuntimeError("LookupError: x\nTraceback:\n..."))
    assert [(ended.error, ended.error_recorded) for ended in sink.all("ended")] == [
        ("LookupError", False),
        ("LookupError", True),
    ]


def test_a_second_exception_is_recorded_too(run: Callable[..., Running], sink: Any) -> None:
    """One that was caught inside does not hide another."""
    _fail_twice(run(INVOKE_AGENT), run(EXECUTE_TOOL), KeyError())
    assert [ended.error_recorded for ended in sink.all("ended")] == [False, False]


def test_an_exception_at_a_dead_one_s_address_is_recorded(run: Callable[..., Running], sink: Any) -> None:
    """The app drops a tool's exception, and fails with another that happens to lie where it lay."""

    def fail_inside() -> int:
        try:
            with run(EXECUTE_TOOL):
                raise ValueError
        except ValueError as error:
            return id(error)

    def fail_at(address: int) -> NoReturn:
        elsewhere = []
        # Whoever allocates often enough gets every free place of that size.
        for _ in range(100_000):
            error = KeyError()
            if id(error) == address:
                raise error
            elsewhere.append(error)
        pytest.fail("the address was not used again")

    with pytest.raises(KeyError), run(INVOKE_AGENT):
        fail_at(fail_inside())
    assert sink.all("ended")[-1].error_recorded is False


def test_a_swallowed_failure_is_an_error(tracker_: Tracker, run: Callable[..., Running]) -> None:
    """One that a result reports and nobody raised."""
    running = run(EXECUTE_TOOL)
    assert running.observation is not None
    tracker_.end(running.observation, None, "ToolError")
    assert (running.observation.error, running.observation.exception) == ("ToolError", None)


def test_what_is_over_lets_go(run: Callable[..., Running]) -> None:
    """Of component and exception."""
    with pytest.raises(LookupError), run(INVOKE_AGENT) as observation:
        raise LookupError
    assert (observation.component, observation.exception) == (None, None)
