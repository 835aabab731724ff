"""One worker's exports as the series that Prometheus makes of them, and as remote writes of any number of workers.

Names and labels are those of ``tests/dashboards/openmetrics.py``, which the tests of the boards hold against the real
translation. Remote write, because the Prometheus that ``scripts/system-tools`` fetches may be older than its OTLP
receiver; what it stores is the same.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from openmetrics import exposition

from autogen_vitals.local.otlp import ReceivedPoint

Labels = Mapping[str, str]

_LINE = re.compile(r"^(\w+)\{(.*)\} (\S+) (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_COUNTS = ("_total", "_bucket", "_sum", "_count")
IDENTITY = "0" * 36
"""Stands for the ``service.instance.id`` of a replica."""
PID = "1000000"
"""Stands for its process id, and the first replica's."""
_LITERAL_OF_4_BYTES = bytes([63 << 2])


@dataclass(frozen=True)
class Series:
    """One series: labels with ``__name__``, and a value for each export."""

    labels: Labels
    values: tuple[float, ...]

    @property
    def name(self) -> str:
        return self.labels["__name__"]

    @property
    def growth(self) -> float:
        """What a whole recording adds, so that it can be played again after itself."""
        return self.values[-1] - self.values[0] if self.name.endswith(_COUNTS) else 0.0


def series_of(exports: Sequence[Sequence[ReceivedPoint]]) -> list[Series]:
    """The series that are in every one of these exports."""
    found: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}
    for number, points in enumerate(exports):
        for line in exposition(points).splitlines():
            matched = _LINE.match(line)
            if matched:
                name, labels, value, _ = matched.groups()
                told = {"__name__": name, **{label: _unescaped(text) for label, text in _LABEL.findall(labels)}}
                found.setdefault(tuple(sorted(told.items())), {})[number] = float(value)
    return [
        Series(dict(labels), tuple(values[number] for number in range(len(exports))))
        for labels, values in found.items()
        if len(values) == len(exports)
    ]


def jitter_ms(exports: Sequence[Sequence[ReceivedPoint]], interval_ms: float) -> list[int]:
    """How far each export was from its time on a regular grid, in milliseconds: it costs Prometheus space."""
    moments = [max(point.time_ns for point in points) / 1e6 for points in exports]
    return [round(moment - moments[0] - number * interval_ms) % 1000 for number, moment in enumerate(moments)]


def anonymous(series: Sequence[Series], instance: str, pid: int) -> list[Series]:
    """The series with a placeholder for the worker's identity, wherever it is told."""
    marks = {instance: IDENTITY, str(pid): PID}
    return [Series({name: marks.get(value, value) for name, value in one.labels.items()}, one.values) for one in series]


def promoted(series: Sequence[Series], attributes: Labels) -> list[Series]:
    """The series with attributes of the resource as labels of each, but for ``target_info``, which has them anyway."""
    return [one if one.name == "target_info" else Series({**one.labels, **attributes}, one.values) for one in series]


class Replicas:
    """Remote writes of workers that differ in nothing but their identity.

    Args:
        series: with placeholders.
        moments_ms: when each of their values is, from the beginning of a round, in milliseconds.
    """

    def __init__(self, series: Sequence[Series], moments_ms: Sequence[int]) -> None:
        self._series = series
        self._moments_ms = moments_ms

    def writes(self, number_of_workers: int, round_number: int, begin_ms: int) -> Iterator[bytes]:
        """The bodies of one round, one for each worker.

        Args:
            round_number: how often the recording was played before.
            begin_ms: when it begins this time, milliseconds since the epoch.
        """
        template = b"".join(self._encoded(one, round_number, begin_ms) for one in self._series)
        for worker in range(number_of_workers):
            body = template.replace(IDENTITY.encode(), identity(worker).encode())
            yield snappy(body.replace(PID.encode(), str(int(PID) + worker).encode()))

    def _encoded(self, one: Series, round_number: int, begin_ms: int) -> bytes:
        labels = b"".join(
            _field(1, _field(1, name.encode()) + _field(2, value.encode()))
            for name, value in sorted(one.labels.items())
        )
        grown = round_number * one.growth
        samples = b"".join(
            _field(2, b"\x09" + struct.pack("<d", value + grown) + b"\x10" + varint(begin_ms + moment))
            for value, moment in zip(one.values, self._moments_ms, strict=True)
        )
        return _field(1, labels + samples)


def identity(worker: int) -> str:
    """A ``service.instance.id``, the same in each run."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(worker)))


def varint(number: int) -> bytes:
    """As protobuf and snappy write an integer that is not negative."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def snappy(body: bytes) -> bytes:
    """The body in snappy's block format, not made any smaller: one literal."""
    return varint(len(body)) + _LITERAL_OF_4_BYTES + struct.pack("<I", len(body) - 1) + body


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
