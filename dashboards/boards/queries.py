"""PromQL: names of series and labels, the way everything is counted, joins.

Names come from ``semconv`` and from nowhere else. An attribute that a metric does not have is an error here, and not a
panel that says "No data".
"""

from __future__ import annotations

import re
from typing import Literal

from autogen_vitals import semconv
from autogen_vitals.semconv import Metric

RANGE = "$__range"
"""What a stat or a table counts over: the dashboard's time range."""
STEP = "$__interval"
"""What one bar counts over: bars beside each other add up to the total."""
SMOOTH = "$__rate_interval"
"""What one point of a line is of: long enough to have measurements in it."""
ALIVE = "3m"
"""A process is alive if it has exported within this: three times the SDK's own interval. (Nothing marks the end of a
series that was pushed; Prometheus itself goes on for 5 minutes.)"""

JOB, INSTANCE = "job", "instance"
"""``service.namespace/service.name`` and ``service.instance.id``, as Prometheus calls them."""
TARGET_INFO = "target_info"
"""Every attribute of the resource, once an instance."""
SERVICE_VERSION = semconv.SERVICE_VERSION.replace(".", "_")
HOST_NAME = "host_name"

Part = Literal["", "bucket", "count", "sum"]

_SUFFIX_OF_UNIT = {"s": "_seconds", "By": "_bytes"}
_ATTRIBUTES = {attribute.name for attribute in semconv.ATTRIBUTES}


def series(metric: Metric, part: Part = "") -> str:
    """The name that Prometheus gives a metric of ours: by its OTLP receiver, the Collector and the pull exporter.

    Dots become underscores, the unit follows in words, annotations in braces do not; a counter ends in ``_total``.
    """
    if bool(part) != (metric.instrument == "histogram"):
        raise ValueError(f"{metric.name} is a {metric.instrument}: {part or 'no part'!r} of it is not a series")
    name = re.sub(r"[^a-zA-Z0-9_]", "_", metric.name) + _SUFFIX_OF_UNIT.get(metric.unit, "")
    if metric.instrument == "observable counter":
        name += "_total"
    return f"{name}_{part}" if part else name


def label(attribute: str) -> str:
    """The name of an attribute of ours as a label."""
    if attribute not in _ATTRIBUTES:
        raise ValueError(f"semconv has no attribute {attribute}")
    return re.sub(r"[^a-zA-Z0-9_]", "_", attribute)


def select(metric: Metric, part: Part = "", **matchers: str) -> str:
    """The series of a metric in the chosen jobs and instances.

    Args:
        metric, part: which.
        matchers: constant of ``semconv`` for an attribute of the metric → operator and value, such as
            ``PHASE='=~"import|startup"'``.
    """
    found = [f'{JOB}=~"$job"', f'{INSTANCE}=~"$instance"']
    for constant, condition in matchers.items():
        attribute = getattr(semconv, constant)
        if attribute not in metric.attributes:
            raise ValueError(f"{metric.name} has no attribute {attribute}")
        found.append(label(attribute) + condition)
    return f"{series(metric, part)}{{{', '.join(found)}}}"


def info(name: str = TARGET_INFO) -> str:
    """A metric that is not ours, in the chosen jobs and instances."""
    return f'{name}{{{JOB}=~"$job", {INSTANCE}=~"$instance"}}'


# --- counting -----------------------------------------------------------------------------------------------------


def counted(selected: str, window: str = RANGE) -> str:
    """What counters, or parts of histograms, have counted within a window: the crash formula.

    Never ``increase()`` or ``rate()`` alone. They see the growth between two samples, and what this package counts is
    often counted once: a process has one cold start, one start-up init of a class, one crash that ends it. Its series
    is 1 when it first appears and 1 when the process dies, and ``increase()`` makes that nothing. So, for each series:

    1. It began again within the window, as it does where one ``service.instance.id`` outlives a process: its
       ``increase()``, which is made for that.
    2. It was there before the window: its growth since. Exact, where ``increase()`` extrapolates (7 to 7.2), and there
       with one sample in the window, so that the bars of a graph add up to the total.
    3. It is new: all that it has counted.
    """
    return (
        f"(increase({selected}[{window}]) and resets({selected}[{window}]) > 0\n"
        f"  or max_over_time({selected}[{window}]) - {selected} offset {window} >= 0\n"
        f"  or max_over_time({selected}[{window}]))"
    )


def total(selected: str, *by: str, window: str = RANGE) -> str:
    """What was counted, in total or by labels."""
    return aggregated("sum", counted(selected, window), *by)


def aggregated(operator: str, vector: str, *by: str) -> str:
    """An aggregation; ``operator`` may have a parameter: ``quantile 0.95``."""
    name, _, parameter = operator.partition(" ")
    grouping = f" by ({', '.join(by)}) " if by else ""
    inner = vector if vector.startswith("(") and _is_enclosed(vector) else f"({vector})"
    return f"{name}{grouping}({parameter}, {inner[1:-1]})" if parameter else f"{name}{grouping}{inner}"


def ratio(numerator: str, denominator: str) -> str:
    """One number by another; nothing where there is nothing to divide by."""
    return f"{numerator}\n/ ({denominator} > 0)"


def each_ratio(numerator: str, denominator: str) -> str:
    """Each of several series by the same number."""
    return f"{numerator}\n/ on () group_left () ({denominator} > 0)"


def or_zero(value: str) -> str:
    """0 where there was nothing to count but workers to count it; nothing where there is no telemetry at all."""
    return f"({value}\nor 0 * count(max_over_time({select(semconv.WORKER_INFO)}[{RANGE}])))"


def quantile(q: float, metric: Metric, *by: str, window: str = SMOOTH, **matchers: str) -> str:
    """A quantile of a histogram, of what it has counted within the window."""
    return f"histogram_quantile({q}, {total(select(metric, 'bucket', **matchers), 'le', *by, window=window)})"


def mean(metric: Metric, *by: str, window: str = SMOOTH, **matchers: str) -> str:
    """The mean of a histogram."""
    return ratio(
        total(select(metric, "sum", **matchers), *by, window=window),
        total(select(metric, "count", **matchers), *by, window=window),
    )


# --- processes ----------------------------------------------------------------------------------------------------


def alive(selected: str) -> str:
    """The last value of each series of a process that is alive."""
    return f"last_over_time({selected}[{ALIVE}])"


def born(selected: str) -> str:
    """Series that were not there when the range began."""
    return f"(max_over_time({selected}[{RANGE}]) unless {selected} offset {RANGE})"


def first_seen(selected: str) -> str:
    """When each series first exported, as far back as the range goes."""
    return f"min_over_time(timestamp({selected})[{RANGE}:1m])"


def one_for_each_instance(selected: str) -> str:
    """One series for each instance, to join with: two processes that share an identity must not fail the query."""
    return f"topk by ({JOB}, {INSTANCE}) (1, last_over_time({selected}[{RANGE}]))"


def joined(vector: str, selected: str, labels: tuple[str, ...], otherwise: str) -> str:
    """Labels of an info metric, added to what has job and instance; who has no such info stays, without them.

    Args:
        vector: what is to have them.
        selected: the info metric.
        labels: which.
        otherwise: series of all the instances that ``vector`` may have.
    """
    return (
        f"{vector}\n* on ({JOB}, {INSTANCE}) group_left ({', '.join(labels)}) ({one_for_each_instance(selected)}"
        f" or on ({JOB}, {INSTANCE}) group by ({JOB}, {INSTANCE}) (max_over_time({otherwise}[{RANGE}])))"
    )


def copied(vector: str, name: str, *copies: str) -> str:
    """A label again under other names, for the columns whose words stand for its values."""
    for copy in copies:
        vector = f'label_replace({vector}, "{copy}", "$1", "{name}", "(.*)")'
    return vector


def _is_enclosed(vector: str) -> bool:
    """Whether the first parenthesis is closed by the last."""
    depth = 0
    for position, character in enumerate(vector):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position == len(vector) - 1
    return False
