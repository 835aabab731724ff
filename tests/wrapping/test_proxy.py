"""The proxy: what is wrapped pickles, copies and answers ``inspect`` as it did."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pickletools
import subprocess
import sys
import typing
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autogen_vitals.wrapping.calls import deferred_call, plain_call
from autogen_vitals.wrapping.proxy import Wrapper

APP = '''
class Agent:
    """An agent."""

    def __init__(self, name: str = "planner") -> None:
        self.name = name

    def __eq__(self, other):
        return isinstance(other, Agent) and other.name == self.name

    __hash__ = None

    def sync(self, task: str, *, times: int = 1) -> str:
        """Run."""
        return self.name + task * times

    async def run(self, task: str) -> str:
        return self.name + task

    async def run_stream(self, task: str):
        yield self.name + task


class Loud(Agent):
    def sync(self, task, *, times=1):
        return super().sync(task, times=times).upper()


def function(task: str) -> str:
    return task
'''
METHODS = ("sync", "run", "run_stream")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Any) -> ModuleType:
    """The app's module, its agent and its function wrapped."""
    (tmp_path / "app_of_proxy_tests.py").write_text(APP)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "app_of_proxy_tests", raising=False)
    app: Any = importlib.import_module("app_of_proxy_tests")
    for name in METHODS:
        wrapper = plain_call(watch) if name == "sync" else deferred_call(watch)
        setattr(app.Agent, name, Wrapper(vars(app.Agent)[name], wrapper))
    app.Loud.sync = Wrapper(vars(app.Loud)["sync"], plain_call(watch))
    app.function = Wrapper(app.function, plain_call(watch))
    monkeypatch.setitem(sys.modules, "app_of_proxy_tests", app)
    return app


def names_in(pickled: bytes) -> set[str]:
    """Every ``module.name`` that loading it would import."""
    found: set[str] = set()
    texts: list[str] = []
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL":
            found.add(argument.replace(" ", "."))
        elif opcode.name == "STACK_GLOBAL":
            found.add(".".join(texts[-2:]))
        elif isinstance(argument, str) and "UNICODE" in opcode.name:
            texts.append(argument)
    return found


# --- pickling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_function_pickles(app: ModuleType, protocol: int) -> None:
    """A wrapped function comes back as itself."""
    assert pickle.loads(pickle.dumps(app.function, protocol)) is app.function


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", METHODS)
def test_a_bound_method_pickles(app: ModuleType, name: str, protocol: int) -> None:
    """A bound method comes back bound to a copy of its object."""
    loaded = pickle.loads(pickle.dumps(getattr(app.Agent("writer"), name), protocol))
    assert (loaded.__self__, loaded.__name__) == (app.Agent("writer"), name)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", METHODS)
def test_an_unbound_method_pickles(app: ModuleType, name: str, protocol: int) -> None:
    """A method looked up on its class comes back as that method."""
    loaded = pickle.loads(pickle.dumps(getattr(app.Agent, name), protocol))
    assert loaded.__wrapped__ is vars(app.Agent)[name].__wrapped__


def test_an_inherited_method_pickles_as_that_of_its_class(app: ModuleType) -> None:
    """As plain functions do, a method is found under the class that defines it."""
    loaded = pickle.loads(pickle.dumps(app.Loud.run))
    assert loaded.__wrapped__ is vars(app.Agent)["run"].__wrapped__


def test_an_object_pickles(app: ModuleType) -> None:
    """Its methods are no part of it."""
    assert pickle.loads(pickle.dumps(app.Loud("writer"))) == app.Agent("writer")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_names_the_standard_library_and_the_app_only(app: ModuleType, protocol: int) -> None:
    """A pickle written here can be read where this package and wrapt are not installed."""
    pickled = pickle.dumps([app.function, app.Agent.run, app.Agent().run], protocol)
    modules = {name.partition(".")[0] for name in names_in(pickled)}
    assert modules - {"copyreg", "copy_reg"} - {"builtins", "__builtin__"} == {"pkgutil", "app_of_proxy_tests"}
    assert b"autogen_vitals" not in pickled
    assert b"wrapt" not in pickled


LOAD = """
import pickle, sys
sys.modules["autogen_vitals"] = sys.modules["wrapt"] = None
function, unbound, bound = pickle.load(sys.stdin.buffer)
import app_of_proxy_tests as app
assert function is app.function
assert unbound is app.Agent.run
assert bound == app.Agent("writer").sync or bound("!") == "writer!"
print(function("a"), unbound.__qualname__, bound("!", times=2))
"""


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_loads_in_a_process_without_us(app: ModuleType, tmp_path: Path, protocol: int) -> None:
    """Another machine, without this package and without wrapt, gets the app's own functions."""
    pickled = pickle.dumps([app.function, app.Agent.run, app.Agent("writer").sync], protocol)
    loader = tmp_path / "loader.py"
    loader.write_text(LOAD)
    answer = subprocess.run([sys.executable, str(loader)], input=pickled, capture_output=True, timeout=60, check=False)
    assert (answer.stdout.split(), answer.stderr) == ([b"a", b"Agent.run", b"writer!!"], b"")


# --- copying ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy])
def test_a_copied_function_is_that_function(app: ModuleType, copying: Any) -> None:
    """Functions copy as themselves, alone, looked up on a class, and within a structure."""
    unbound = app.Agent.run
    assert copying(app.function) is app.function
    assert copying(unbound) is unbound
    assert copying([app.function])[0] is app.function


def test_a_deep_copied_bound_method_is_bound_to_a_copy(app: ModuleType) -> None:
    """deepcopy copies the object a method is bound to, and keeps to its memo."""
    agent = app.Agent()
    copied, method = copy.deepcopy([agent, agent.run])
    assert copied is not agent
    assert method.__self__ is copied


def test_a_copied_bound_method_stays_with_its_object(app: ModuleType) -> None:
    """A shallow copy is bound to the same object."""
    agent = app.Agent()
    assert copy.copy(agent.run).__self__ is agent


def test_a_deep_copied_super_method_is_still_the_base_class_s(app: ModuleType) -> None:
    """The function of a bound method stays, also where the object's class overrides it."""
    method = copy.deepcopy(super(app.Loud, app.Loud("writer")).sync)
    assert method("!") == "writer!"


# --- inspection -------------------------------------------------------------------------------------------------------


@pytest.fixture
def bare() -> dict[str, Any]:
    """The app's names as they are without us."""
    names: dict[str, Any] = {"__name__": "app_of_proxy_tests"}
    exec(compile(APP, "app", "exec", dont_inherit=True), names)
    return names


def names_of(function: Any) -> tuple[Any, ...]:
    return function.__name__, function.__qualname__, function.__module__, function.__doc__


def defaults_of(function: Any) -> tuple[Any, ...]:
    return function.__defaults__, function.__kwdefaults__, function.__annotations__


QUESTIONS = (
    inspect.isfunction,
    inspect.ismethod,
    inspect.isroutine,
    inspect.iscoroutinefunction,
    inspect.isasyncgenfunction,
    inspect.isgeneratorfunction,
    inspect.signature,
    inspect.getdoc,
    inspect.getfullargspec,
    typing.get_type_hints,
    callable,
    names_of,
    defaults_of,
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
@pytest.mark.parametrize("name", METHODS)
def test_inspect_answers_as_without_us(app: ModuleType, bare: dict[str, Any], name: str, question: Any) -> None:
    """Bound and unbound, what inspect says of a wrapped method is what it says of the method."""
    assert question(getattr(app.Agent, name)) == question(getattr(bare["Agent"], name))
    assert question(getattr(app.Agent(), name)) == question(getattr(bare["Agent"](), name))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
def test_inspect_answers_for_a_function_as_without_us(app: ModuleType, bare: dict[str, Any], question: Any) -> None:
    """The same for a function of a module."""
    assert question(app.function) == question(bare["function"])


def test_bound_methods_are_equal_and_hash_as_they_did(app: ModuleType) -> None:
    """Two look-ups of one method are equal, those of two objects are not; they can be keys of one dictionary."""

    class Hashed(app.Agent):
        __eq__ = object.__eq__
        __hash__ = object.__hash__

    agent, other = Hashed(), Hashed()
    assert agent.run == agent.run
    assert agent.run != other.run
    assert {agent.run: 1}[agent.run] == 1


def test_a_bound_method_knows_its_object_and_function(app: ModuleType) -> None:
    """__self__ and __func__ are there."""
    agent = app.Agent()
    assert agent.sync.__self__ is agent
    assert agent.sync.__func__ is vars(app.Agent)["sync"].__wrapped__


async def test_every_way_to_call_it_reaches_the_watch(app: ModuleType, watch: Any) -> None:
    """Bound, unbound and through super, the watch hears of instance and arguments."""
    agent, loud = app.Agent("a"), app.Loud("b")
    assert agent.sync("1") == "a1"
    assert app.Agent.sync(agent, "2", times=2) == "a22"
    assert loud.sync("c") == "BC"
    assert await app.Agent.run(agent, "3") == "a3"
    assert [item async for item in agent.run_stream("4")] == ["a4"]
    assert [(told.instance, told.args, told.kwargs) for told in watch.observed] == [
        (agent, ("1",), {}),
        (agent, ("2",), {"times": 2}),
        (loud, ("c",), {}),
        (loud, ("c",), {"times": 1}),
        (agent, ("3",), {}),
        (agent, ("4",), {}),
    ]


def test_a_stream_is_an_async_iterator_for_everybody(app: ModuleType) -> None:
    """isinstance and inspect see the async generator."""
    stream = app.Agent().run_stream("x")
    assert inspect.isasyncgen(stream)
    assert isinstance(stream, AsyncIterator)
