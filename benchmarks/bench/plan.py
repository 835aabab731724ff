"""Which processes a round has."""

from __future__ import annotations

from dataclasses import dataclass

from bench.subjects import BARE, LIKE, NATIVE, OURS, Mode, Subject

GROUPS = ("start", "steady", "floor", "memory", "growth", "exported", "exit_record", "scale")
"""What ``--rows`` chooses from."""

_TRIES = 5
"""Of a start for which there is a budget."""


@dataclass(frozen=True)
class Job:
    """One process of a round.

    Attributes:
        probe: what its samples are kept under.
        module: of ``bench.probes``.
        rounds: how many rounds it is in; 0: all.
        zero_code: whether ``opentelemetry-instrument`` starts it.
        warms_up: whether it runs once before what counts: bytecode, the page cache, a store's tables.
        tries: how often it runs in a round. The one that was ready first counts: what else the machine does makes a
            start take longer, never less, and by more than what anybody adds.
    """

    probe: str
    module: str
    subject: str
    mode: Mode
    arguments: tuple[str, ...]
    rounds: int = 0
    zero_code: bool = False
    warms_up: bool = False
    tries: int = 1

    @property
    def key(self) -> str:
        """Names it in ``Results.failures``."""
        return f"{self.probe} {self.subject} {self.mode}"


def jobs_of(subjects: list[Subject], groups: tuple[str, ...]) -> list[Job]:
    """All of a round, those of a row next to each other: what is compared is measured within seconds."""
    found: list[Job] = []
    for which in ("without", "with"):
        for subject in subjects:
            if "start" in groups and subject.name not in (BARE, LIKE):
                found.append(
                    Job(
                        f"start {which}",
                        "start",
                        subject.name,
                        "batch",
                        (subject.name, which),
                        warms_up=which == "with",
                    )
                )
        for subject in subjects:
            if "start" in groups and subject.zero_code:
                found.append(
                    Job(
                        f"zero-code {which}",
                        "start",
                        subject.name,
                        "batch",
                        ("zero-code", which),
                        zero_code=True,
                        tries=_TRIES,
                    )
                )
    for mode in ("api", "off", "batch"):
        if "floor" in groups and NATIVE in (subject.name for subject in subjects):
            found.append(Job("floor", "floor", NATIVE, mode, (mode,)))
        found += [
            Job("steady", "steady", subject.name, mode, (subject.name, mode), warms_up=mode == "batch")
            for subject in subjects
            if "steady" in groups and mode in subject.modes
        ]
    found += [
        Job("memory", "memory", subject.name, "batch", (subject.name, "batch"), rounds=3)
        for subject in subjects
        if "memory" in groups and subject.name not in (BARE, LIKE)
    ]
    found += [
        Job("exported", "exported", subject.name, "batch", (subject.name,), rounds=1)
        for subject in subjects
        if "exported" in groups and subject.name != BARE
    ]
    for subject in subjects:
        if subject.name not in (BARE, OURS):
            continue
        if "growth" in groups:
            found.append(Job("growth", "growth", subject.name, "batch", (subject.name,), rounds=5))
        if "scale" in groups:
            found.append(Job("scale", "memory", subject.name, "batch", (subject.name, "batch", "scale"), rounds=1))
    if "exit_record" in groups and OURS in (subject.name for subject in subjects):
        found.append(Job("exit_record", "exit_record", OURS, "batch", ()))
    return found
