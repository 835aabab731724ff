"""What was exported by OTLP, as the series that Prometheus makes of it, in OpenMetrics text with the exporter's own
timestamps.

The names are those of Prometheus's default translation (``UnderscoreEscapingWithSuffixes``), the labels those of its
default configuration: ``job`` and ``instance``, the point's own attributes, and nothing of the resource or the scope.
``test_openmetrics.py`` holds the table that this was taken from.

Sources:
    https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
    https://github.com/prometheus/otlptranslator
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from autogen_vitals.local.receiver import ReceivedPoint

Kind = Literal["counter", "gauge", "histogram", "unknown"]

# Only what our own telemetry and that of the servers beside it has: whoever meets another one looks it up first.
_UNIT_SUFFIXES = {"": "", "1": "", "s": "seconds", "ms": "milliseconds", "By": "bytes"}
_IDENTITY = ("service.name", "service.namespace", "service.instance.id")


@dataclass(frozen=True)
class Family:
    """A metric as Prometheus has it; a counter's name ends in ``_total``."""

    name: str
    kind: Kind


def family(name: str, unit: str, kind: Kind) -> Family:
    """The family of an instrument.

    Raises:
        KeyError: nobody has looked up what becomes of this unit.
    """
    words = [word for word in re.split(r"[^a-zA-Z0-9:]+", name) if word]
    suffix = "" if unit.startswith("{") else _UNIT_SUFFIXES[unit]
    if unit == "1" and kind == "gauge":
        suffix = "ratio"
    if suffix and suffix not in words:
        words.append(suffix)
    if kind == "counter":
        words = [word for word in words if word != "total"] + ["total"]
    return Family("_".join(words), kind)


def label_name(attribute: str) -> str:
    """The label of an attribute."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", attribute)


def label_value(value: Any) -> str:
    """The value of a label; an empty one is the same as none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def identity(resource: dict[str, Any]) -> dict[str, str]:
    """The labels ``job`` and ``instance`` of all that a resource exports."""
    names = (label_value(resource.get("service.namespace")), label_value(resource.get("service.name")))
    return {"job": "/".join(name for name in names if name), "instance": label_value(resource.get(_IDENTITY[2]))}


def exposition(points: Iterable[ReceivedPoint], seconds: Callable[[int], float] = lambda time_ns: time_ns / 1e9) -> str:
    """The text, which ends with ``# EOF``.

    Args:
        points: all that were exported, in any order.
        seconds: when a point of that time is to have been, in Unix seconds.

    Raises:
        ValueError: a point is of a kind that Prometheus refuses.
    """
    samples: dict[Family, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for point in points:
        moment = f"{seconds(point.time_ns):.3f}"
        for family_of, series, value in _samples(point):
            samples[family_of][series][moment] = value
    return "".join(_lines(samples)) + "# EOF\n"


def _lines(samples: dict[Family, dict[str, dict[str, float]]]) -> Iterator[str]:
    for family_of, series in samples.items():
        yield f"# TYPE {family_of.name.removesuffix('_total')} {family_of.kind}\n"
        for name, values in series.items():
            for moment in sorted(values, key=float):
                yield f"{name} {values[moment]!r} {moment}\n"


def _samples(point: ReceivedPoint) -> Iterator[tuple[Family, str, float]]:
    labels = identity(point.resource) | _labels(point.attributes)
    found = family(point.metric, point.unit, _kind(point))
    if point.type == "histogram":
        below = 0
        for bound, count in zip((*point.explicit_bounds, float("inf")), point.bucket_counts, strict=True):
            below += count
            yield found, _series(f"{found.name}_bucket", labels | {"le": _bound(bound)}), below
        yield found, _series(f"{found.name}_sum", labels), point.sum
        yield found, _series(f"{found.name}_count", labels), point.count
    else:
        assert point.value is not None
        yield found, _series(found.name, labels), point.value
    info = {name: value for name, value in point.resource.items() if name not in _IDENTITY}
    if info:
        yield Family("target_info", "gauge"), _series("target_info", identity(point.resource) | _labels(info)), 1


def _kind(point: ReceivedPoint) -> Kind:
    if point.type == "gauge":
        return "gauge"
    if not point.cumulative:
        raise ValueError(f"{point.metric} has delta temporality, which Prometheus refuses")
    if point.type == "histogram":
        return "histogram"
    return "counter" if point.monotonic else "gauge"


def _labels(attributes: dict[str, Any]) -> dict[str, str]:
    return {label_name(name): label_value(value) for name, value in attributes.items()}


def _bound(bound: float) -> str:
    # "1", not "1.0", which it becomes where it is scraped.
    return "+Inf" if bound == float("inf") else repr(float(bound)).removesuffix(".0")


def _series(name: str, labels: dict[str, str]) -> str:
    told = ",".join(f'{label}="{_escaped(value)}"' for label, value in sorted(labels.items()) if value)
    return f"{name}{{{told}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
