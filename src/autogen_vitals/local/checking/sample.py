"""What one fresh process has measured, and how it travels to the process that asked: as JSON in a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

FailureKind = Literal["no_module", "no_attribute", "takes_arguments", "raised", "ended"]
"""Why there is no sample. The first three are mistakes in what was asked."""

Step = Literal["import", "call", "lifespan"]


@dataclass(frozen=True)
class Request:
    """What a fresh process is to measure.

    Attributes:
        target: ``module:attribute``, or a module alone.
        calls: how often a factory is called.
        lifespan: run the start-up of an ASGI app.
    """

    target: str
    calls: int = 2
    lifespan: bool = True

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.target.partition(":")[0]

    @property
    def attribute(self) -> str:
        """What of it is called; empty: nothing."""
        return self.target.partition(":")[2]


@dataclass(frozen=True)
class Init:
    """What one line has built of one class.

    Attributes:
        kind, type, stage: of the class.
        file, line, function: the line; empty, 0 and empty if it is not known.
        count, seconds: how many before the later calls, and what they took, what they contain included.
        again, again_seconds: how many the later calls have built again.
        needless: that these need not be built again: see ``needless_again``.
    """

    kind: str
    type: str
    stage: str
    file: str
    line: int
    function: str
    count: int = 0
    seconds: float = 0.0
    again: int = 0
    again_seconds: float = 0.0
    needless: bool = False

    @property
    def key(self) -> str:
        """What stays the same when lines above it come and go."""
        return f"{self.type} {self.stage} {self.file} {self.function}"

    @property
    def site(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}" if self.file else "a line that is not known"


@dataclass(frozen=True)
class FoundRule:
    """A rule that has fired meanwhile."""

    rule: str
    severity: str
    evidence: str
    remedy: str
    site: str


@dataclass(frozen=True)
class Block:
    """One time an event loop stood still."""

    seconds: float
    site: str


@dataclass(frozen=True)
class Sample:
    """What one process took until it was ready, and what later calls took.

    Attributes:
        what: what the target is: ``factory``, ``ASGI app``, ``object`` or ``module``.
        lifespan: the app's start-up was run.
        total: seconds from the beginning of the import to the end of the first call and of the app's start-up.
        stages: seconds of these by stage of the cold start; what is in none of them is ``other``.
        packages: seconds of the slow imports by top-level package, without those inside them.
        modules: how many were imported.
        rss: bytes by which the process grew.
        inits: by line and class.
        connects: connections opened by what AutoGen did.
        blocks: times an event loop stood still.
        findings: rules that have fired.
    """

    what: str
    lifespan: bool
    total: float
    stages: dict[str, float]
    packages: dict[str, float]
    modules: int
    rss: int
    inits: list[Init] = field(default_factory=list[Init])
    connects: int = 0
    blocks: list[Block] = field(default_factory=list[Block])
    findings: list[FoundRule] = field(default_factory=list[FoundRule])

    @property
    def imports(self) -> float:
        """Seconds of importing that was not inside an init."""
        return self.stages.get("imports", 0.0)

    @property
    def init(self) -> float:
        """Seconds of inits, connecting in them included; of two at a time, once."""
        return sum(self.stages.get(stage, 0.0) for stage in ("init", "connect_dns_tcp", "connect_tls"))

    @property
    def reinit(self) -> int:
        """How many objects the later calls have built again that need not be."""
        return sum(init.again for init in self.inits if init.needless)

    @property
    def reinit_time(self) -> float:
        """Seconds that these took."""
        return sum(init.again_seconds for init in self.inits if init.needless)


@dataclass(frozen=True)
class Failure:
    """Why there is no sample.

    Attributes:
        kind: what went wrong.
        step: in which part of the start.
        type: class of the exception; empty for none.
        message: what may be told of it: a library's known words, never the app's own.
        category: what the exception means; empty if that is not known.
        site: the user's line that raised it, or called what did; empty if there is none.
        names: what there is instead of an attribute that is missing, or the parameters that have no default.
        is_awaited: the factory is a coroutine function, or the like.
    """

    kind: FailureKind
    step: Step
    type: str = ""
    message: str = ""
    category: str = ""
    site: str = ""
    names: list[str] = field(default_factory=list[str])
    is_awaited: bool = False


def write(path: Path, outcome: Sample | Failure) -> None:
    """Leave the outcome where the process that asked will look for it: all of it, or nothing."""
    name = "sample" if isinstance(outcome, Sample) else "failure"
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps({name: asdict(outcome)}), encoding="utf-8")
    beside.replace(path)


def read(path: Path) -> Sample | Failure | None:
    """The outcome; ``None`` where the process has left none."""
    try:
        outcome: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if "failure" in outcome:
        return Failure(**outcome["failure"])
    fields: dict[str, Any] = outcome["sample"]
    fields["inits"] = [Init(**init) for init in fields["inits"]]
    fields["blocks"] = [Block(**block) for block in fields["blocks"]]
    fields["findings"] = [FoundRule(**finding) for finding in fields["findings"]]
    return Sample(**fields)
