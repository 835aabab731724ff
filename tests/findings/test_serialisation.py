"""AG303 and AG304: what cannot travel, and what should not; where in the object the culprit is."""

from __future__ import annotations

import concurrent.futures
import copy
import functools
import json
import multiprocessing
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from guilty_lines import handle, line_of, named, ours
from observed import Vitals

from autogen_vitals import semconv
from autogen_vitals.findings import culprits
from autogen_vitals.findings.culprits import Culprit, culprit_of
from autogen_vitals.lifecycle.sites import SiteFinder

KEY = "sk-CANARY-0123456789abcdef"
SITES = SiteFinder(("autogen_agentchat", "autogen_core", "autogen_ext"))


def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


class Job:
    """What an app might give to another process."""

    def __init__(self) -> None:
        self.task = "add"
        self.options = {"limits": [1, {"guard": threading.Lock()}]}

    def run(self) -> None: ...


# --- AG303 --------------------------------------------------------------------------------------------------------


def pickle_agent() -> None:
    agent = AssistantAgent("writer", OpenAIChatCompletionClient(model="gpt-4o-mini", api_key=KEY), tools=[add])
    pickle.dumps(agent)


def test_an_agent_that_is_pickled(vitals: Vitals) -> None:
    """At the line that does it, with the way to the tool's arguments, which are made as the tool is."""
    handle(pickle_agent)
    told = vitals.finding("AG303")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert named(told) == line_of(pickle_agent, 2)
    assert told[semconv.FINDING_EVIDENCE].endswith(
        "; it is at agent._tools[0]._args_type: autogen_core._function_utils.addargs"
    )
    assert KEY not in str(vitals.findings())


def start_process() -> None:
    multiprocessing.get_context("spawn").Process(target=add, args=(Job(), 2)).start()


def test_what_a_new_process_is_given(vitals: Vitals) -> None:
    """The way begins at what multiprocessing was about to send."""
    handle(start_process)
    told = vitals.finding("AG303")
    assert named(told) == line_of(start_process, 1)
    assert told[semconv.FINDING_EVIDENCE].endswith(
        "; it is at SpawnProcess._args[0].options['limits'][1]['guard']: _thread.lock"
    )


def test_plain_data_travels(vitals: Vitals) -> None:
    """To another process, as JSON, and as a copy; and what fails is not all about that."""

    def fail() -> None:
        raise TypeError("cannot be")

    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        handle(lambda: pool.submit(add, 1, 2).result(timeout=30))
    handle(lambda: json.dumps({"tools": ["add"]}))
    handle(lambda: copy.deepcopy({"tools": [add]}))
    handle(fail)
    assert ours(vitals) == []


# --- where it is --------------------------------------------------------------------------------------------------


def in_a_pool(job: Job) -> None:
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        pool.submit(job.run).result(timeout=30)


def over_several_lines(job: Job) -> None:
    other = threading.Lock()
    assert other
    pickle.dumps(
        [
            job,
        ]
    )


def a_function(job: Job) -> None:
    def local() -> None: ...

    pickle.dumps({"then": local})


def an_instance(job: Job) -> None:
    class Local: ...

    job.task = Local()  # type: ignore[assignment]
    job.options = {}
    pickle.dumps(job)


def as_json(job: Job) -> None:
    json.dumps({"jobs": [job]})


def a_copy(job: Job) -> None:
    copy.deepcopy(job)


def itself(job: Job) -> None:
    lock = threading.Lock()
    pickle.dumps(lock)


def by_a_library(job: Job) -> None:
    functools.reduce(lambda _, one: pickle.dumps(one), [0, job])


@pytest.mark.parametrize(
    ("fail", "culprit"),
    [
        (in_a_pool, Culprit("_thread.lock", "_CallItem", ".fn.__self__.options['limits'][1]['guard']")),
        pytest.param(
            over_several_lines,
            Culprit("_thread.lock", "job", ".options['limits'][1]['guard']"),
            marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="3.10 knows the first line of a call only"),
        ),
        (a_function, Culprit("a_function.<locals>.local", "local", "")),
        (an_instance, Culprit("an_instance.<locals>.Local", "job", ".task")),
        (as_json, Culprit("Job", "dict", "['jobs'][0]")),
        (a_copy, Culprit("_thread.lock", "Job", ".options['limits'][1]['guard']")),
        (itself, Culprit("_thread.lock", "lock", "")),
        (by_a_library, Culprit("_thread.lock", "one", ".options['limits'][1]['guard']")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_way_to_the_culprit(fail: Callable[[Job], None], culprit: Culprit) -> None:
    """From what was given to the serialiser, else from what the failed line names."""
    assert culprit_of(error_of(lambda: fail(Job())), SITES) == culprit


def error_of(function: Callable[[], Any]) -> BaseException:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("it does not fail")


class Sly:
    """Code of the app's that must not run."""

    ran: ClassVar[list[str]] = []

    def __init__(self) -> None:
        self.__dict__["lock"] = threading.Lock()

    def __getattribute__(self, name: str) -> Any:
        if name not in ("__class__", "__reduce_ex__", "__reduce__", "__getstate__", "__dict__"):
            Sly.ran.append(name)
        return object.__getattribute__(self, name)

    @property
    def other(self) -> None:
        Sly.ran.append("other")

    def __eq__(self, other: object) -> bool:
        Sly.ran.append("__eq__")
        return self is other

    def __hash__(self) -> int:
        Sly.ran.append("__hash__")
        return 0


class Slippery(dict[str, Any]):
    def __iter__(self) -> Any:
        Sly.ran.append("__iter__")
        return super().__iter__()

    def items(self) -> Any:
        Sly.ran.append("items")
        return super().items()


def test_no_code_of_the_apps_runs() -> None:
    """No property, no attribute look-up, no iteration, comparison or hash of a class of the app's."""
    given = [Slippery(sly=Sly())]
    error = error_of(lambda: pickle.dumps(given))
    Sly.ran.clear()
    assert culprit_of(error, SITES) == Culprit("_thread.lock", "given", "[0]['sly'].lock")
    assert Sly.ran == []


def test_keys_are_told_only_if_they_may_be_names() -> None:
    """A prompt, a number, a key of an API: none of them."""
    for key in ("What is it?", 7, KEY, KEY.replace("-", "_"), "x" * 60):
        given = {key: threading.Lock()}
        found = culprit_of(error_of(lambda given=given: pickle.dumps(given)), SITES)
        assert found == Culprit("_thread.lock", "given", "[…]")


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In number, in depth, and where things refer to themselves."""
    deep: Any = threading.Lock()
    for _ in range(30):
        deep = [deep]
    assert culprit_of(error_of(lambda: pickle.dumps(deep)), SITES) is None
    monkeypatch.setattr(culprits, "_NODE_LIMIT", 100)
    wide = [*range(1000, 1150), threading.Lock()]
    assert culprit_of(error_of(lambda: pickle.dumps(wide)), SITES) is None
    round_about: list[Any] = [0]
    round_about[0] = round_about
    round_about.append({"lock": threading.Lock()})
    assert culprit_of(error_of(lambda: pickle.dumps(round_about)), SITES) == Culprit(
        "_thread.lock", "round_about", "[1]['lock']"
    )


# --- AG304 --------------------------------------------------------------------------------------------------------


def pickled_client() -> bytes:
    return pickle.dumps(OpenAIChatCompletionClient(model="gpt-4o-mini", api_key=KEY))


def restore(message: bytes) -> Any:
    return pickle.loads(message)


def test_a_client_that_comes_out_of_a_pickle(vitals: Vitals) -> None:
    """The key was in there; at the line that restores it, and a warning however well it works."""
    message = pickled_client()
    assert KEY.encode() in message
    assert ours(vitals) == []
    restore(message)
    told = vitals.finding("AG304")
    assert told[semconv.FINDING_SEVERITY] == "warning"
    assert named(told) == line_of(restore, 1)
    assert told[semconv.COMPONENT_TYPE] == "OpenAIChatCompletionClient"
    assert "can read the API key" in told[semconv.FINDING_REMEDY]
    assert KEY not in str(vitals.findings())


def test_a_client_that_is_copied(vitals: Vitals) -> None:
    """Stays in its process."""
    client = OpenAIChatCompletionClient(model="gpt-4o-mini", api_key=KEY)
    copy.copy(client)
    copy.deepcopy({"clients": [client]})
    assert [span.name for span in vitals.spans() if span.attributes.get(semconv.INIT_STAGE) == "restore"]
    assert ours(vitals) == []


def build_classic(**config: Any) -> Any:
    autogen = pytest.importorskip("autogen")
    settings = {"model": "gpt-4o", "api_key": "sk-x", "base_url": "http://127.0.0.1:9/v1"}
    return autogen.AssistantAgent("one", llm_config={"config_list": [settings], **config})


def test_a_lock_in_a_classic_configuration(vitals: Vitals) -> None:
    """The constructor copies it; where it is, at the line that builds the agent."""
    with pytest.raises(TypeError):
        build_classic(extra_body={"guard": threading.Lock()})
    told = vitals.finding("AG304")
    assert told[semconv.FINDING_SEVERITY] == "warning"
    assert named(told) == line_of(build_classic, 3)
    assert "AssistantAgent" in told[semconv.OPERATION]
    assert "['guard']" in told[semconv.FINDING_EVIDENCE]
    (crash,) = vitals.events("autogen.crash")
    assert crash.attributes[semconv.FINDING_RULE] == "AG304"


def test_a_classic_configuration_of_plain_values(vitals: Vitals) -> None:
    """Is copied."""
    build_classic(temperature=0)
    assert ours(vitals) == []
