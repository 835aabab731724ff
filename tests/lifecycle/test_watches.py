"""The watches: what the wrappers talk to, and what of the tables they read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autogen_vitals.lifecycle.connects import CacheWatch
from autogen_vitals.lifecycle.observation import current_observation
from autogen_vitals.lifecycle.reading import argument, attribute, given
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.lifecycle.watches import Described, InitWatch, RunFacts, RunWatch
from autogen_vitals.vocabulary import CHAT, EXECUTE_CODE, EXECUTE_TOOL, INVOKE_AGENT

AGENT = Described("agent", ("name",), {"OpenAIClient": "openai", "AzureClient": "azure"}, ("plumbing",))


class Agent:
    """A component."""

    name = "planner"


class OpenAIClient(Agent):
    """Of a provider."""


class Child(OpenAIClient):
    """A user's."""


class AzureClient(OpenAIClient):
    """Of a nearer provider."""


def run_watch(tracker: Tracker, operation: Any = INVOKE_AGENT, described: Described = AGENT, **facts: Any) -> RunWatch:
    return RunWatch(tracker, described, operation, RunFacts(**facts))


def over(watch: Any, instance: object, result: object = None, error: BaseException | None = None, *args: Any) -> Any:
    """The observation of one call from begin to end."""
    observation = watch.begin(instance, args, {})
    token = watch.enter(observation)
    watch.leave(observation, token)
    watch.end(observation, result, error)
    return observation


# --- who is observed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "provider"),
    [(Agent, "autogen"), (OpenAIClient, "openai"), (Child, "openai"), (AzureClient, "azure")],
)
def test_the_nearest_provider_holds(cls: type, provider: str, tracker_: Tracker) -> None:
    """By class name along the resolution order; else it is AutoGen's own."""
    assert over(InitWatch(tracker_, AGENT, "construct"), cls()).provider == provider
    assert over(run_watch(tracker_), cls()).provider == provider


@pytest.mark.parametrize(
    ("module", "observed"), [("plumbing.teams", False), ("plumbing", False), ("plumbing_app", True)]
)
def test_plumbing_is_not_observed(module: str, observed: bool, tracker_: Tracker, sink: Any) -> None:
    """The library's inner works are no components of the user's; a user's subclass of them is."""
    cls = type("Manager", (), {"__module__": module})
    for watch in (InitWatch(tracker_, AGENT, "construct"), run_watch(tracker_)):
        assert (watch.begin(cls(), (), {}) is not None) is observed
    assert bool(sink.told) is observed


def test_nothing_is_observed_when_switched_off(tracker_: Tracker, sink: Any) -> None:
    """After disable(), patches that are left behind are silent."""
    tracker_.active = False
    assert InitWatch(tracker_, AGENT, "construct").begin(Agent(), (), {}) is None
    assert run_watch(tracker_).begin(Agent(), (), {}) is None
    assert sink.told == []


def test_what_runs_when_it_is_switched_off_ends(tracker_: Tracker, sink: Any) -> None:
    """As it would have."""
    watch = run_watch(tracker_)
    observation: Any = watch.begin(Agent(), (), {})
    token = watch.enter(observation)
    tracker_.active = False
    watch.leave(observation, token)
    watch.end(observation, None, None)
    assert sink.all("ended") == [observation]


# --- inits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["construct", "start", "restore"])
def test_an_init_is_described(stage: Any, tracker_: Tracker, sink: Any) -> None:
    """Kind, class, stage, and where it keeps its name."""
    observation = over(InitWatch(tracker_, AGENT, stage), Child())
    told = (observation.kind, observation.type, observation.stage, observation.operation, observation.name_at)
    assert told == ("agent", "Child", stage, None, ("name",))
    assert sink.all("ended") == [observation]


# --- runs -------------------------------------------------------------------------------------------------------------


def test_facts_are_read_before_the_call(tracker_: Tracker) -> None:
    """From the component and from the arguments; what is not there is left out."""
    before = (("a", attribute("name")), ("b", argument("tool", 0)), ("c", attribute("missing")))
    observation = over(run_watch(tracker_, EXECUTE_CODE, before=before), Agent(), None, None, "search")
    assert observation.facts == {"a": "planner", "b": "search"}


def test_facts_are_read_from_the_result(tracker_: Tracker) -> None:
    """Along attributes and keys, from the first place that has it; what is not there is left out."""
    after = (("tokens", (("no", "such"), ("usage", "prompt_tokens"))), ("missing", (("no", "such"),)))
    result = SimpleNamespace(usage={"prompt_tokens": 17})
    assert over(run_watch(tracker_, EXECUTE_CODE, after=after), Agent(), result).facts == {"tokens": 17}


def test_no_facts_are_read_from_a_failure(tracker_: Tracker) -> None:
    """What a stream last gave is not its result."""
    after = (("tokens", (("tokens",),)),)
    result, error = SimpleNamespace(tokens=17), LookupError()
    assert over(run_watch(tracker_, EXECUTE_CODE, after=after), Agent(), result, error).facts == {}


@pytest.mark.parametrize(
    ("operation", "facts", "subject"),
    [
        (INVOKE_AGENT, {"gen_ai.agent.name": "name"}, "planner"),
        (INVOKE_AGENT, {"gen_ai.agent.name": "missing"}, "Agent"),
        (EXECUTE_TOOL, {}, "Agent"),
        (CHAT, {"gen_ai.request.model": "missing"}, None),
        (EXECUTE_CODE, {}, None),
    ],
)
def test_what_is_run_has_a_name(operation: Any, facts: dict[str, str], subject: str | None, tracker_: Tracker) -> None:
    """Its own, else its class's, except where a class says nothing."""
    before = tuple((name, attribute(path)) for name, path in facts.items())
    assert over(run_watch(tracker_, operation, before=before), Agent()).subject == subject


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (SimpleNamespace(is_error=True), "ToolError"),
        (SimpleNamespace(is_error=False), None),
        (SimpleNamespace(is_error="yes"), None),
        (SimpleNamespace(), None),
        (None, None),
    ],
)
def test_a_failure_that_is_only_reported(result: object, error: str | None, tracker_: Tracker) -> None:
    """True, and nothing that is merely like it."""
    assert over(run_watch(tracker_, failed=("is_error",)), Agent(), result).error == error


@pytest.mark.parametrize(
    ("result", "error"),
    [((False, {}), "ToolError"), ((True, {}), None), ((0, {}), None), ((), None), (None, None)],
)
def test_a_success_that_is_denied(result: object, error: str | None, tracker_: Tracker) -> None:
    """False, and nothing that is merely like it."""
    assert over(run_watch(tracker_, succeeded=("0",)), Agent(), result).error == error


def test_a_raised_failure_goes_by_its_own_name(tracker_: Tracker) -> None:
    """Whatever the result says."""
    result = SimpleNamespace(is_error=True)
    assert over(run_watch(tracker_, failed=("is_error",)), Agent(), result, LookupError()).error == "LookupError"


@pytest.mark.parametrize(("cached", "expected"), [(True, True), (False, False), (1, False), (None, False)])
def test_a_cached_reply_is_known(cached: object, expected: bool, tracker_: Tracker) -> None:
    """By the result's own word."""
    result = SimpleNamespace(cached=cached)
    assert over(run_watch(tracker_, CHAT, cached=("cached",)), Agent(), result).cached is expected


def test_a_run_may_be_of_an_argument(tracker_: Tracker) -> None:
    """A chat is the run of whom it is begun with: of the component itself where nobody is given."""
    watch = run_watch(tracker_, INVOKE_AGENT, of=given("recipient", 0))
    assert over(watch, Agent(), None, None, Child()).type == "Child"
    assert over(watch, Agent()).type == "Agent"


def test_the_nearest_of_refined_watches_holds(tracker_: Tracker) -> None:
    """A method that a class inherits is, called on it, what its own row says."""
    watch, nearer = run_watch(tracker_, INVOKE_AGENT), run_watch(tracker_, EXECUTE_CODE, succeeded=("0",))
    watch.refined[f"{Child.__module__}:{Child.__qualname__}"] = nearer

    class Grandchild(Child):
        pass

    made = [over(watch, component, (False,)) for component in (Agent(), Child(), Grandchild())]
    assert [one.operation for one in made] == [INVOKE_AGENT, EXECUTE_CODE, EXECUTE_CODE]
    assert [one.error for one in made] == [None, "ToolError", "ToolError"]


@pytest.mark.parametrize(("word", "provider"), [("azure", "azure.ai.openai"), ("other", "openai"), (None, "openai")])
def test_a_component_may_say_its_provider(word: str | None, provider: str, tracker_: Tracker) -> None:
    """By a word of its own; else it is its class's."""
    providers = {"Agent": "openai", "azure": "azure.ai.openai"}
    described = Described("model_client", ("name",), providers, provider=("api_type",))
    component = Agent()
    component.api_type = word  # type: ignore[attr-defined]
    assert over(RunWatch(tracker_, described, CHAT, RunFacts()), component).provider == provider


@pytest.mark.parametrize(("found", "cached"), [([object()], True), ([None], False), ([object(), None], False)])
def test_a_reply_from_a_cache_is_known(found: list[object], cached: bool, tracker_: Tracker) -> None:
    """What the last look-up found, within a model call; one outside is nobody's."""
    cache, watch = CacheWatch(tracker_), run_watch(tracker_, CHAT)
    assert cache.begin(object(), (), {}) is None
    observation: Any = watch.begin(Agent(), (), {})
    token = watch.enter(observation)
    for value in found:
        looking_up: Any = cache.begin(object(), (), {})
        cache.end(looking_up, value, None)
    watch.leave(observation, token)
    watch.end(observation, object(), None)
    assert observation.cached is cached


# --- never hurts ------------------------------------------------------------------------------------------------------


class Broken:
    """Nothing of it can be used."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(name)


@pytest.mark.parametrize("make", [lambda tracker: InitWatch(tracker, AGENT, "construct"), run_watch])
def test_no_watch_raises(make: Any, tracker_: Tracker) -> None:
    """Whatever goes wrong behind it, each method answers None, and what was current is so again."""
    watch, observation = make(tracker_), SimpleNamespace(facts={}, component=None, span=object())
    for name in vars(tracker_).keys() - {"active"}:
        setattr(tracker_, name, Broken())
    outer = current_observation.set(Broken())  # type: ignore[arg-type]
    assert not watch.continues(Agent(), (), {})
    current_observation.reset(outer)
    assert watch.begin(Agent(), (), {}) is None
    token, handle = watch.enter(observation)
    assert handle is None
    assert watch.leave(observation, (token, object())) is None
    assert current_observation.get() is None
    assert watch.first_item(observation) is None
    assert watch.end(observation, object(), None) is None
    assert watch.abandon(observation) is None


def test_a_run_that_could_not_be_entered_is_not_left(tracker_: Tracker, sink: Any) -> None:
    """No token, nothing to undo; its end is told."""
    watch = run_watch(tracker_)
    observation: Any = watch.begin(Agent(), (), {})
    watch.leave(observation, None)
    watch.end(observation, None, None)
    assert [word for word, _ in sink.told] == ["started", "ended", "request_ended", "startup_ended"]


def test_streams_tell_first_item_and_abandonment(tracker_: Tracker, sink: Any) -> None:
    """Both reach the tracker."""
    watch = run_watch(tracker_)
    observation: Any = watch.begin(Agent(), (), {})
    watch.first_item(observation)
    watch.abandon(observation)
    tracker_.settle()
    assert observation.first_item_ns is not None
    assert sink.all("ended") == [observation]


def test_what_a_run_does_by_another_of_its_names_continues_it(tracker_: Tracker) -> None:
    """Only inside it, of the same component, by a method that knows nothing new, and until it is over."""
    watch, agent = run_watch(tracker_), Agent()
    assert not watch.continues(agent, (), {})
    observation: Any = watch.begin(agent, (), {})
    assert not watch.continues(agent, (), {})
    token = watch.enter(observation)
    assert watch.continues(agent, (), {})
    assert not watch.continues(Agent(), (), {})
    assert not run_watch(tracker_, CHAT).continues(agent, (), {})
    assert not run_watch(tracker_, before=(("gen_ai.request.model", attribute("name")),)).continues(agent, (), {})
    watch.end(observation, None, None)
    assert not watch.continues(agent, (), {})
    watch.leave(observation, token)
