"""New connections, the model SDK's second tries, and replies that need neither: what a call spends besides waiting."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autogen_vitals.guard import guarded, guarded_by_position
from autogen_vitals.lifecycle.errors import category_of
from autogen_vitals.lifecycle.observation import Network, Observation
from autogen_vitals.lifecycle.silence import InsideChatWatch, SilentWatch
from autogen_vitals.lifecycle.startup import Interval, partition
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import ConnectStage

if TYPE_CHECKING:
    from autogen_vitals.lifecycle.tracker import Tracker

_CONNECT_LIMIT = 1000


class Connect(Record, eq=False):
    """One stage of one new connection.

    Attributes:
        stage: which.
        observation: the model call, tool call or init it happened in.
        clock_ns, duration_ns: when it began, on the monotonic clock, and how long it took.
        error: class name of what it failed with.
    """

    stage: ConnectStage
    observation: Observation
    clock_ns: int
    duration_ns: int = 0
    error: str | None = None


class ConnectWatch(SilentWatch):
    """Watches the function that makes a connection. On a warm request it is not called."""

    def __init__(self, tracker: Tracker, stage: ConnectStage) -> None:
        self._tracker = tracker
        self._stage: ConnectStage = stage

    @guarded
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Connect | None:
        current = self._tracker.current() if self._tracker.active else None
        if current is None:
            return None  # what the app connects to outside AutoGen is none of our business
        begin_ns = time.perf_counter_ns()
        if current.steps is not None and current.network is None:
            # Nothing can have been waited for yet but work of its own, such as openai's look at the platform, in a
            # thread.
            self._tracker.ran(current, current.clock_ns, begin_ns)
        return Connect(self._stage, current, begin_ns)

    @guarded
    def end(self, observation: Connect, result: object, error: BaseException | None) -> None:
        end_ns = time.perf_counter_ns()
        observation.duration_ns = end_ns - observation.clock_ns
        observation.error = None if error is None else type(error).__qualname__
        self._tracker.connected(observation, end_ns)


class RetryWatch(InsideChatWatch):
    """Watches the function of the model's SDK that says how long to wait before the next try."""

    @guarded
    def end(self, observation: Observation, result: object, error: BaseException | None) -> None:
        if not isinstance(result, (int, float)):
            return
        network = network_of(observation)
        since_ns, now_ns = max(observation.clock_ns, network.retried_ns), time.perf_counter_ns()
        network.retried_ns = now_ns + int(result * 1e9)
        network.retry_count += 1
        # It asks while it handles what the try failed with: nobody else ever sees that.
        error = sys.exc_info()[1]
        if error is not None:
            network.retry_category = category_of(error, in_init=False)
        network.retry_ns += max(0, network.retried_ns - since_ns - warm_up_ns(observation, since_ns, now_ns))


class CacheWatch(InsideChatWatch):
    """Watches the function that looks for a model's reply in a cache, ``None`` if it is not there."""

    @guarded_by_position
    def end(self, observation: Observation, result: object, error: BaseException | None) -> None:
        observation.cached = error is None and result is not None


def network_of(observation: Observation) -> Network:
    """Its network account, opened when first asked for."""
    if observation.network is None:
        observation.network = Network()
    return observation.network


def count_connect(connect: Connect, end_ns: int) -> None:
    """Note a connection on the observation it happened in, and on its request."""
    observation = connect.observation
    network = network_of(observation)
    if len(network.connects) < _CONNECT_LIMIT:
        network.connects.append((connect.clock_ns, end_ns))
    if connect.stage == "dns_tcp" and connect.error is None:
        network.connect_count += 1
        if observation.use is not None:
            observation.use.is_connected = True
        if observation.request is not None:
            observation.request.connect_count += 1


def warm_up_ns(observation: Observation, since_ns: int, until_ns: int) -> int:
    """How long the code of a first use ran in that time, connecting not counted; 0 for any other."""
    if not observation.steps:
        return 0
    connects = () if observation.network is None else observation.network.connects
    whole = Interval(since_ns, until_ns, "model_wait")
    steps = [Interval(begin_ns, end_ns, "warm_up") for begin_ns, end_ns in observation.steps]
    shares = partition([whole], [*steps, *(Interval(*connect, "connect_dns_tcp") for connect in connects)])
    return shares.get("warm_up", 0)
