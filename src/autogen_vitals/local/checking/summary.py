"""Some samples of one target as one: medians, by measure, by package, by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from autogen_vitals.local.checking.budgets import MEASURES
from autogen_vitals.local.checking.sample import Block, FoundRule, Init, Sample


@dataclass(frozen=True)
class Spread:
    """What the samples have of one measure."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """The samples of one target together.

    Attributes:
        what, lifespan: as in each sample.
        repeat: how many samples.
        measures: by name.
        stages: median seconds by stage.
        packages: median seconds by package; one that is slow in some samples only counts as 0 in the others.
        inits: by line and class, medians.
        connects: median.
        blocks, findings: of the sample that has the most of them.
    """

    what: str
    lifespan: bool
    repeat: int
    measures: dict[str, Spread]
    stages: dict[str, float]
    packages: dict[str, float]
    inits: list[Init]
    connects: int
    blocks: list[Block]
    findings: list[FoundRule]


def summarise(samples: Sequence[Sample]) -> Summary:
    """The samples, of which there is at least one, as one."""
    return Summary(
        what=samples[0].what,
        lifespan=samples[0].lifespan,
        repeat=len(samples),
        measures={measure.name: _spread(measure.of(sample) for sample in samples) for measure in MEASURES},
        stages=_medians([sample.stages for sample in samples]),
        packages=_medians([sample.packages for sample in samples]),
        inits=_inits(samples),
        connects=round(median(sample.connects for sample in samples)),
        blocks=max((sample.blocks for sample in samples), key=len),
        findings=max((sample.findings for sample in samples), key=len),
    )


def _spread(values: Iterable[float]) -> Spread:
    taken = sorted(values)
    return Spread(float(median(taken)), taken[0], taken[-1])


def _medians(taken: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in taken for name in one)
    found = {name: float(median(one.get(name, 0.0) for one in taken)) for name in names}
    return dict(sorted(found.items(), key=lambda item: item[1], reverse=True))


def _inits(samples: Sequence[Sample]) -> list[Init]:
    taken: dict[tuple[str, int], list[Init]] = {}
    for sample in samples:
        for init in sample.inits:
            taken.setdefault((init.key, init.line), []).append(init)
    together = [
        replace(
            same[0],
            count=round(median(init.count for init in same)),
            seconds=float(median(init.seconds for init in same)),
            again=round(median(init.again for init in same)),
            again_seconds=float(median(init.again_seconds for init in same)),
            needless=2 * sum(init.needless for init in same) >= len(same),
        )
        for same in taken.values()
    ]
    return sorted(together, key=lambda init: init.seconds + init.again_seconds, reverse=True)
