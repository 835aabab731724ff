"""Functions that go on in another thread, with what they belong to, and stand-ins for the modules that start them."""

from __future__ import annotations

import functools
import threading
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from types import SimpleNamespace
from typing import Any

import pytest

from autogen_vitals.wrapping.handover import StandIn, handed_over

belongs: ContextVar[str] = ContextVar("belongs", default="nothing")


class Carried:
    """Carries what is current where it was made."""

    def __init__(self) -> None:
        self.what = belongs.get()

    def enter(self) -> Token[str]:
        return belongs.set(self.what)

    def leave(self, token: Token[str]) -> None:
        belongs.reset(token)


def standing_in(pick_up: Callable[[], Any] = Carried) -> Any:
    return StandIn(threading, "Thread", handed_over(pick_up, "target", 1))


def looking(told: list[str]) -> str:
    told.append(belongs.get())
    return "looked"


@pytest.mark.parametrize("by_name", [True, False])
def test_a_thread_goes_on_with_what_started_it(by_name: bool) -> None:
    """However its function is given; and the thread is one like any other, of the same name."""
    told: list[str] = []
    token = belongs.set("a run")
    try:
        given: dict[str, Any] = {"target": looking, "args": (told,)}
        module = standing_in()
        thread = module.Thread(**given) if by_name else module.Thread(None, looking, None, (told,))
    finally:
        belongs.reset(token)
    thread.start()
    thread.join()
    assert told == ["a run"]
    assert type(thread) is threading.Thread
    assert "looking" in thread.name
    assert isinstance(thread, module.Thread)


def test_afterwards_the_thread_belongs_to_nothing_again() -> None:
    """A pool's thread lives on."""
    partial = StandIn(functools, "partial", handed_over(Carried, "func", 0)).partial
    told: list[str] = []
    token = belongs.set("a run")
    call = partial(looking, told)
    belongs.reset(token)

    def work() -> None:
        assert call() == "looked"
        told.append(belongs.get())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert told == ["a run", "nothing"]
    assert type(call) is functools.partial


def test_with_nothing_to_carry_the_function_is_the_one_given() -> None:
    """Nor is it wrapped where what would carry cannot be made."""

    def broken() -> None:
        raise LookupError

    for pick_up in (lambda: None, broken):
        wrapper = handed_over(pick_up, "func", 0)
        assert StandIn(functools, "partial", wrapper).partial(looking, []).func is looking


def test_what_the_function_raises_is_its_own() -> None:
    """Without a frame of ours, and after what was entered has been left."""

    def fails() -> None:
        raise LookupError("the app's own")

    call = StandIn(functools, "partial", handed_over(Carried, "func", 0)).partial(fails)
    with pytest.raises(LookupError, match="the app's own") as raised:
        call()
    frames = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert [name for name in frames if name != "carrying"] == [frames[0], "fails"]
    assert belongs.get() == "nothing"


def test_a_thread_may_have_no_function(caplog: pytest.LogCaptureFixture) -> None:
    """It does nothing then, and nothing is said of it."""
    for given in ({}, {"target": None}):
        thread = standing_in().Thread(**given)
        thread.start()
        thread.join()
    assert not caplog.records


def test_a_call_that_is_wrong_fails_as_without_us() -> None:
    """Whatever is missing, or is no function."""
    module, plain = standing_in(), threading
    for given in ({"target": 1}, {"nothing": "such"}, {}):
        outcomes = []
        for threads in (module, plain):
            try:
                outcomes.append(type(threads.Thread(**given)).__name__)
            except TypeError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


def test_a_stand_in_is_the_module_for_everybody_who_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is patched in the module later, the wrapped callable included, is seen through it."""
    module = standing_in(lambda: None)
    assert dir(module) == dir(threading)
    assert module.Lock is threading.Lock
    assert module.Thread.__wrapped__ is threading.Thread
    made: list[Mapping[str, Any]] = []
    monkeypatch.setattr(threading, "Thread", lambda **given: made.append(given) or SimpleNamespace())
    module.Thread(target=looking)
    assert made == [{"target": looking}]
    with pytest.raises(AttributeError):
        _ = module.no_such_thing
