"""The budgets, each with the numbers that decide it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench import reasons
from bench.results import Results
from bench.spread import Spread, differences, ratios
from bench.subjects import BARE, NATIVE, OURS, Mode

Numbers = Callable[[Results], list[float]]
"""The rounds' values of something; none if it was not measured."""

FLAT = 1.25
"""What an operation may cost with a thousand alive, of what it costs with one: more than the noise of both."""


@dataclass(frozen=True)
class Budget:
    """What may be spent at the most.

    Attributes:
        what: is limited.
        limit: in words.
        unit: of the measured value and of the bound.
        measured: what is spent.
        bound: what it may be, median against median.
        why: where it is not met, the reason, in words.
    """

    what: str
    limit: str
    unit: str
    measured: Numbers
    bound: Numbers
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """A budget held against what was measured."""

    budget: Budget
    measured: Spread
    bound: float

    @property
    def met(self) -> bool:
        """Whether the median is within the bound."""
        return self.measured.median <= self.bound


def verdicts(results: Results, budgets: tuple[Budget, ...] | None = None) -> list[Verdict]:
    """Of each budget for which there are numbers."""
    found: list[Verdict] = []
    for budget in BUDGETS if budgets is None else budgets:
        measured, bound = Spread.of(budget.measured(results)), Spread.of(budget.bound(results))
        if measured is not None and bound is not None:
            found.append(Verdict(budget, measured, bound.median))
    return found


def fixed(bound: float) -> Numbers:
    """A number."""
    return lambda results: [bound]


def value(probe: str, name: str, subject: str = OURS, mode: Mode = "batch", times: float = 1.0) -> Numbers:
    """As measured, or so many times that."""
    return lambda results: [times * each for each in results.of(probe, subject, mode, name)]


def added(probe: str, name: str, to: str, mode: Mode = "batch") -> Numbers:
    """By ours to another subject's, round by round."""
    return lambda results: differences(results.of(probe, OURS, mode, name), results.of(probe, to, mode, name))


def ratio(probe: str, name: str, to: str, mode: Mode = "batch") -> Numbers:
    """Of ours to another subject's, round by round."""
    return lambda results: ratios(results.of(probe, OURS, mode, name), results.of(probe, to, mode, name))


def growth(name: str, few: int, many: int) -> Numbers:
    """Of what ours adds, from few alive to many."""
    more, less = added("growth", f"{name}_{many}", BARE), added("growth", f"{name}_{few}", BARE)
    return lambda results: ratios(more(results), less(results))


def share_of_an_expensive_init(results: Results) -> list[float]:
    """What ours adds to one, percent.

    Ours does for it what it does for a cheap one, and makes a span. Two samples of the same expensive init lie further
    apart than that is long, so it cannot be seen in their difference.
    """
    added_to_a_cheap_one, spans = added("steady", "construct", BARE)(results), value("floor", "span", NATIVE)(results)
    inits = results.of("steady", BARE, "batch", "construct_client")
    each = zip(added_to_a_cheap_one, spans, inits, strict=False)
    return [100 * (cheap + span) / init for cheap, span, init in each if init > 0]


BUDGETS: tuple[Budget, ...] = (
    Budget(
        "process start, app without AutoGen, over `opentelemetry-instrument` alone",
        "≤ 15 ms CPU",
        "ms",
        added("zero-code without", "ready", NATIVE),
        fixed(15),
        why=reasons.START,
    ),
    Budget(
        "modules of AutoGen that were imported by it",
        "none",
        "",
        value("zero-code without", "autogen_at_enabling"),
        fixed(0),
    ),
    Budget(
        "process start, app with AutoGen, over `opentelemetry-instrument` alone",
        "≤ 2 % of importing AutoGen",
        "ms",
        added("zero-code with", "ready", NATIVE),
        value("zero-code with", "autogen", NATIVE, times=0.02),
        why=reasons.START,
    ),
    Budget(
        "agent run, no SDK, of AutoGen's with its own no-op spans",
        "≤ 1",
        "×",
        ratio("steady", "run", NATIVE, "api"),
        fixed(1),
        why=reasons.RUN,
    ),
    Budget(
        "agent run, batch processor, added to AutoGen without its spans",
        "≤ 1.3 × an SDK span as current with 8 attributes",
        "µs",
        added("steady", "run", BARE),
        value("floor", "span", NATIVE, times=1.3),
        why=reasons.RUN,
    ),
    Budget(
        "team run of 2 turns, batch processor, of AutoGen's with its own spans",
        "< 1",
        "×",
        ratio("steady", "team", NATIVE),
        fixed(1),
        why=reasons.TEAM,
    ),
    Budget(
        "a cheap init repeated, batch processor, added to AutoGen with its own spans",
        "≤ 40 µs added",
        "µs",
        added("steady", "construct", NATIVE),
        fixed(40),
        why=reasons.CONSTRUCT,
    ),
    Budget(
        "the same, added to AutoGen without its spans, which ours replace",
        "≤ 40 µs added",
        "µs",
        added("steady", "construct", BARE),
        fixed(40),
        why=reasons.CONSTRUCT,
    ),
    Budget(
        "an expensive init (an OpenAI client): what a cheap one costs more and a span, of it",
        "≤ 1 %",
        "%",
        share_of_an_expensive_init,
        fixed(1),
        why=reasons.CONSTRUCT,
    ),
    Budget(
        "a streamed item",
        "≤ 5 µs added",
        "µs",
        added("steady", "item", BARE),
        fixed(5),
        why=reasons.ITEM,
    ),
    Budget(
        "exit record, begin or end of an operation", "≤ 2 µs", "µs", value("exit_record", "begin_and_end"), fixed(2)
    ),
    Budget("exit record, change", "≤ 2 µs", "µs", value("exit_record", "change"), fixed(2)),
    Budget("exit record, note", "≤ 2 µs", "µs", value("exit_record", "note"), fixed(2)),
    Budget(
        "memory, app without AutoGen, over `opentelemetry-instrument` alone",
        "≤ 4 MB",
        "MB",
        added("zero-code without", "rss", NATIVE),
        fixed(4),
        why=reasons.RESIDENT,
    ),
    Budget(
        "memory, app with AutoGen, over `opentelemetry-instrument` alone",
        "≤ 4 MB",
        "MB",
        added("zero-code with", "rss", NATIVE),
        fixed(4),
        why=reasons.RESIDENT,
    ),
    Budget(
        "memory, app without AutoGen, enabled in code, over the SDK",
        "≤ 4 MB",
        "MB",
        added("start without", "rss", NATIVE),
        fixed(4),
        why=reasons.RESIDENT,
    ),
    Budget(
        "memory, app with AutoGen, enabled in code, over the SDK",
        "≤ 4 MB",
        "MB",
        added("start with", "rss", NATIVE),
        fixed(4),
        why=reasons.RESIDENT,
    ),
    Budget("memory after a million inits", "≤ 5 MB added", "MB", added("scale", "inits", BARE), fixed(5)),
    Budget("memory after inits at 100,000 lines", "≤ 5 MB added", "MB", added("scale", "sites", BARE), fixed(5)),
    Budget(
        "what a run costs more with 1,000 agents and tools alive, of that with 1",
        "flat: ≤ 1.25",
        "×",
        growth("run", 1, 1000),
        fixed(FLAT),
    ),
    Budget(
        "what a construction costs more with 1,000 agents and tools alive, of that with 1",
        "flat: ≤ 1.25",
        "×",
        growth("construct", 1, 1000),
        fixed(FLAT),
    ),
)
