"""What each query of the board Cold starts must say.

Counts are exact. Of what took how long, an app's clock is inside of what the package times, and the clock of whoever
asked is around it: the value is between the two, or in their buckets where the query asks a histogram.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import bounds
from bounds import Bounds, Expectation, Rows, none, one, ratio, rows
from scenario import BUILD_SECONDS, THINK_SECONDS, Deed
from truth import (
    AGENT,
    AGENT_RUNS,
    BUILT,
    CLIENT,
    COLD,
    KINDS,
    MODEL_CALLS,
    REBUILD,
    SERVERS,
    TEAM,
    TEAM_RUNS,
    WARM,
    Truth,
)

from autogen_vitals import semconv
from autogen_vitals.semconv import Metric
from autogen_vitals.vocabulary import STARTUP_STAGES

MODEL = "gpt-4o-mini"

CLOCK_ERROR = 0.05
"""The kernel's word on when a process was created is one of hundredths of a second."""
READY_LAG = 0.4
"""Seconds between the app's last word in its start-up and the server's word that it is ready, on a busy machine."""
UNTIMED = 0.002
"""Seconds of inits in a request that the app does not time: AutoGen's own, when a team first runs."""


def inside(deeds: Iterable[Deed]) -> list[float]:
    """Seconds of requests by the app's clock."""
    return [(deed.body["ended_ns"] - deed.body["began_ns"]) / 1e9 for deed in deeds]


def around(deeds: Iterable[Deed]) -> list[float]:
    """Seconds of requests as whoever asked saw them."""
    return [(deed.ended_ns - deed.began_ns) / 1e9 for deed in deeds]


# --- cold starts --------------------------------------------------------------------------------------------------


def cold_starts(truth: Truth) -> Rows:
    return one(len(truth.started))


def cold_seconds(deeds: Iterable[Deed]) -> tuple[list[float], list[float]]:
    """Seconds of the cold starts that these requests ended, at least and at most: until the process was ready, and the
    request; not the wait for it."""
    first = list(deeds)
    ready = [(deed.body["ready_ns"] - deed.body["created_ns"]) / 1e9 for deed in first]
    low = [until_ready + request - CLOCK_ERROR for until_ready, request in zip(ready, inside(first), strict=True)]
    high = [until_ready + request + READY_LAG for until_ready, request in zip(ready, around(first), strict=True)]
    return low, high


def cold_start_p95(truth: Truth) -> Rows:
    return one(bounds.quantile(0.95, *cold_seconds(truth.started.values()))) if truth.started else none()


def stages(truth: Truth) -> Rows:
    """Together they are the mean cold start; of some the app knows the least."""
    if not truth.started:
        return none()
    whole = bounds.mean(*cold_seconds(truth.started.values()))
    known = {stage: Bounds(0, whole.high) for stage in STARTUP_STAGES}
    least = {
        "imports": min(deed.body["import_seconds"] for deed in truth.started.values()) / 2,
        # Of what its constructor takes, imports, connects and collections have stages of their own; its sleep has not.
        "init": BUILD_SECONDS,
        "model_wait": THINK_SECONDS,
    }
    known |= {stage: Bounds(seconds, whole.high) for stage, seconds in least.items()}
    return rows("autogen_startup_stage", known, whole=whole)


def cold_start_duration(q: float) -> Expectation:
    def expect(truth: Truth) -> Rows:
        found: dict[str, Bounds] = {}
        for job, server in SERVERS.items():
            low, high = cold_seconds(truth.of_job(job).started.values())
            if low:
                found[server] = bounds.bucket(q, low, high, semconv.COLD_START_DURATION.buckets)
        return rows("autogen_worker_server", found)

    return expect


def by_version(of: Callable[[Truth], Bounds | None]) -> Expectation:
    def expect(truth: Truth) -> Rows:
        found = {version: of(truth.of_version(version)) for version in ("1", "2")}
        return rows("service_version", {version: value for version, value in found.items() if value is not None})

    return expect


def count_of_version(truth: Truth) -> Bounds | None:
    return bounds.exactly(len(truth.started)) if truth.started else None


def mean_of_version(truth: Truth) -> Bounds | None:
    return bounds.mean(*cold_seconds(truth.started.values())) if truth.started else None


def p95_of_version(truth: Truth) -> Bounds | None:
    return bounds.quantile(0.95, *cold_seconds(truth.started.values())) if truth.started else None


def warm_up(truth: Truth) -> Rows:
    """A part of each cold start's first request."""
    return one(Bounds(0, _bucket_of_longest(truth.started.values()))) if truth.started else none()


def _bucket_of_longest(deeds: Iterable[Deed]) -> float:
    longest = [max(around(deeds))]
    return bounds.bucket(1, longest, longest, semconv.STARTUP_DURATION.buckets).high


def imports(truth: Truth) -> Rows:
    """The app imports one package by itself, and knows how long the slowest of its processes took for it."""
    slowest = max(deed.body["import_seconds"] for deed in truth.present.values())
    return rows("autogen_import_name", {"openai": Bounds(slowest * 0.7, slowest * 1.1)}, others=True)


# --- requests -----------------------------------------------------------------------------------------------------


def _request_seconds(deeds: list[Deed]) -> Bounds:
    return Bounds(sum(inside(deeds)), sum(around(deeds)))


def _init_seconds(deeds: list[Deed]) -> Bounds:
    timed = {
        name: sum(sum(deed.body["seconds"].get(name, [])) for deed in deeds)
        for name in ("client", "failed client", "agent", "team")
    }
    return Bounds(timed["client"] * 0.7, sum(timed.values()) + UNTIMED * len(deeds))


def share_of(deeds: Iterable[Deed]) -> Bounds | None:
    found = list(deeds)
    return ratio(_init_seconds(found), _request_seconds(found)) if found else None


def init_share(truth: Truth) -> Rows:
    share = share_of(truth.deeds)
    return one(share) if share else none()


def by_start_type(of: Callable[[list[Deed]], Bounds | None]) -> Expectation:
    """For each start type; warm and reconnect, which the app cannot tell apart, are at most the most of one request."""

    def expect(truth: Truth) -> Rows:
        found = {start_type: of(truth.of_type(start_type)) for start_type in (COLD, REBUILD)}
        each = [value for deed in truth.of_type(WARM) if (value := of([deed]))]
        if each:
            found["warm"] = found["reconnect"] = Bounds(0.0, max(value.high for value in each))
        return rows("autogen_start_type", {name: value for name, value in found.items() if value})

    return expect


def start_types(truth: Truth) -> Rows:
    known = {start_type: bounds.exactly(len(truth.of_type(start_type))) for start_type in (COLD, REBUILD)}
    rest = Bounds(0, len(truth.of_type(WARM)))
    return rows("autogen_start_type", {**known, "warm": rest, "reconnect": rest}, whole=len(truth.deeds))


def duration_of(metric: Metric, q: float, deeds: list[Deed], least: float | None = None) -> Bounds | None:
    """The bucket of the quantile of something that is a request, or the longest part of one."""
    low = inside(deeds) if least is None else [least] * len(deeds)
    return bounds.bucket(q, low, around(deeds), metric.buckets) if deeds else None


def latency(q: float) -> Expectation:
    return by_start_type(lambda deeds: duration_of(semconv.REQUEST_DURATION, q, deeds))


def model_calls(truth: Truth) -> Rows:
    def of(deeds: list[Deed]) -> Bounds | None:
        calls = [deed for deed in deeds if MODEL_CALLS[deed.act]]
        return duration_of(semconv.CLIENT_OPERATION_DURATION, 0.95, calls, THINK_SECONDS)

    found = by_start_type(of)(truth).bounds
    return rows("autogen_start_type gen_ai_request_model", {(*key, MODEL): value for key, value in found.items()})


def runs(metric: Metric, component: str, acts: Iterable[str]) -> Expectation:
    def of(deeds: list[Deed]) -> Bounds | None:
        running = [deed for deed in deeds if deed.act in set(acts)]
        return duration_of(metric, 0.95, running, THINK_SECONDS if metric is semconv.INVOKE_AGENT_DURATION else 0.0)

    def expect(truth: Truth) -> Rows:
        found = by_start_type(of)(truth).bounds
        return rows("autogen_component_type autogen_start_type", {(component, *key): found[key] for key in found})

    return expect


def first_chunk(truth: Truth) -> Rows:
    seconds = truth.seconds("first chunk")
    if not seconds:
        return none()
    found = bounds.bucket(0.95, [THINK_SECONDS], seconds, semconv.CLIENT_TIME_TO_FIRST_CHUNK.buckets)
    return rows("autogen_start_type", {"warm": Bounds(0, found.high), "reconnect": Bounds(0, found.high)})


def tokens(truth: Truth) -> Rows:
    used = truth.tokens()
    means = {
        (MODEL, kind): sum(each[index] for each in used) / len(used)
        for index, kind in enumerate(("input", "output"))
        if used
    }
    return rows("gen_ai_request_model gen_ai_token_type", means)


def tools(q: float, which: str) -> Expectation:
    def expect(truth: Truth) -> Rows:
        seconds = truth.seconds(f"{which} call")
        longer = [each + CLOCK_ERROR for each in seconds]
        return one(bounds.bucket(q, seconds, longer, semconv.EXECUTE_TOOL_DURATION.buckets)) if seconds else none()

    return expect


def loop_blocked(truth: Truth) -> Rows:
    """As long as the tool that blocks, less what passes until somebody looks; what a first request does once may block
    the loop as well."""
    blocked = truth.seconds("block")
    most = sum(blocked) * 1.2 + sum(around(truth.started.values()))
    return one(Bounds(sum(blocked) - 0.2 * len(blocked), most)) if blocked or most else none()


def loop_blocked_at_a_time(truth: Truth) -> Rows:
    longest = max(semconv.LOOP_BLOCKED_DURATION_METRIC.buckets)
    return one(Bounds(0.2 if truth.seconds("block") else 0.0, longest))


def connecting(truth: Truth) -> Rows:
    longest = max(around(truth.deeds), default=0.0)
    most = bounds.bucket(1, [longest], [longest], semconv.CONNECT_DURATION_METRIC.buckets).high
    return rows("autogen_component_kind autogen_connect_stage", {("model_client", "dns_tcp"): Bounds(0, most)})


def connections(truth: Truth) -> Rows:
    """A process's first model call opens one, and each later client that was built; how many more were opened because
    those there were busy, or had been idle, the app does not know: one for each call at most."""
    later = [deed for deed in truth.deeds if deed.pid not in truth.started or truth.started[deed.pid] is not deed]
    rebuilt = sum(len(deed.body["seconds"].get("client", [])) for deed in later)
    calls = sum(MODEL_CALLS[deed.act] for deed in later)
    return rows("autogen_first_use", {"true": len(truth.started), "false": Bounds(rebuilt, calls)})


# --- what is built ------------------------------------------------------------------------------------------------


def init_duration(q: float) -> Expectation:
    """The app times what it builds; what that builds in turn takes no longer."""

    def expect(truth: Truth) -> Rows:
        found: dict[str, Bounds] = {}
        for component, called in BUILT.items():
            seconds = truth.seconds(called) + truth.startup_seconds(called)
            seconds += truth.seconds("failed client") if component == CLIENT else []
            if seconds:
                timed = bounds.bucket(q, [each / 2 for each in seconds], seconds, semconv.INIT_DURATION.buckets)
                # What takes microseconds takes several times as long by the clock around it.
                found[component] = Bounds(timed.low if component == CLIENT else 0.0, timed.high)
        return rows("autogen_component_type", found)

    return expect


def reinits_per_request(truth: Truth) -> Rows:
    return one(truth.reinits().total() / len(truth.deeds))


def reinits_by_component(truth: Truth) -> Rows:
    again = truth.reinits()
    return rows("autogen_component_type", {name: again[name] / len(truth.deeds) for name in again})


def built_again(truth: Truth) -> Rows:
    again = truth.reinits()
    return rows("autogen_component_kind autogen_component_type", {(KINDS[name], name): again[name] for name in again})


def seconds_built_again(truth: Truth) -> Rows:
    """All that was built in requests was built again, and some of the start-up's; clients without a key were not."""
    least = sum(truth.seconds("client")) * 0.7
    most = sum(sum(truth.seconds(name) + truth.startup_seconds(name)) for name in set(BUILT.values()))
    return rows(
        "autogen_component_kind autogen_component_type",
        {(KINDS[name], name): Bounds(least if name == CLIENT else 0, most) for name in BUILT},
        whole=Bounds(least, most),
    )


BOARD = "autogen-cold-starts"
EXPECTED: dict[tuple[str, str, str], Expectation] = {
    (BOARD, "Cold starts", "A"): cold_starts,
    (BOARD, "Cold start p95", "A"): cold_start_p95,
    (BOARD, "Init share of request time", "A"): init_share,
    (BOARD, "Re-inits per request", "A"): reinits_per_request,
    (BOARD, "Stages of a cold start", "A"): stages,
    (BOARD, "Stages of cold starts over time", "A"): stages,
    (BOARD, "Cold start duration", "A"): cold_start_duration(0.5),
    (BOARD, "Cold start duration", "B"): cold_start_duration(0.95),
    (BOARD, "Before and after: by version", "A"): by_version(count_of_version),
    (BOARD, "Before and after: by version", "B"): by_version(mean_of_version),
    (BOARD, "Before and after: by version", "C"): by_version(p95_of_version),
    (BOARD, "Before and after: by version", "D"): by_version(lambda truth: share_of(truth.deeds)),
    (BOARD, "Init duration by component", "A"): init_duration(0.5),
    (BOARD, "Init duration by component", "B"): init_duration(0.95),
    (BOARD, "Init share of request time over time", "A"): by_start_type(share_of),
    (BOARD, "Re-inits per request by component", "A"): reinits_by_component,
    (BOARD, "Built again", "A"): built_again,
    (BOARD, "Built again", "B"): seconds_built_again,
    (BOARD, "Start types", "A"): start_types,
    (BOARD, "Latency by start type", "A"): latency(0.5),
    (BOARD, "Latency by start type", "B"): latency(0.95),
    (BOARD, "Slowest imports", "A"): imports,
    (BOARD, "First-use warm-up", "A"): warm_up,
    (BOARD, "First-use warm-up", "B"): warm_up,
    (BOARD, "Tools: first call and later ones", "A"): tools(0.95, "first"),
    (BOARD, "Tools: first call and later ones", "B"): tools(0.95, "later"),
    (BOARD, "Connecting", "A"): connecting,
    (BOARD, "Connections", "A"): connections,
    (BOARD, "Connections", "B"): lambda _: none(),
    (BOARD, "Event loop blocked", "A"): loop_blocked,
    (BOARD, "Event loop blocked", "B"): loop_blocked_at_a_time,
    (BOARD, "Model calls by start type", "A"): model_calls,
    (BOARD, "Time to first chunk", "A"): first_chunk,
    (BOARD, "Tokens per model call", "A"): tokens,
    (BOARD, "Runs by start type", "A"): runs(semconv.INVOKE_WORKFLOW_DURATION, TEAM, TEAM_RUNS),
    (BOARD, "Runs by start type", "B"): runs(semconv.INVOKE_AGENT_DURATION, AGENT, AGENT_RUNS),
}
