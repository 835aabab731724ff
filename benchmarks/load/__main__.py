"""``python -m load``: install, measure, write ``load.json`` and the tables of ``README.md``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench.measure import installed

from load import report
from load.measure import measure
from load.numbers import LoadResults
from load.plan import SUBJECTS, Plan
from load.states import BY_NAME, STATES, State

BENCHMARKS = Path(__file__).resolve().parents[1]
RESULTS = BENCHMARKS / "load.json"
README = BENCHMARKS / "README.md"
HELP = """\
A FastAPI service on two uvicorn workers, whose every request has an agent call a tool and a model twice, under a steady
load: with the OpenTelemetry SDK alone and with autogen-vitals, while the exporters' endpoint is healthy, slow, refuses
and answers with garbage. What must not change is how many are answered, and how fast; nothing may grow or stand still.
"""
EXAMPLES = """\
examples:
  make load                                              all of it: ten minutes, and the installing
  make load ARGS="--minutes 2 --rounds 2"                a rehearsal, printed only
  make load ARGS="--minutes 3 --only refusing,garbage"   some states, printed only
  make load ARGS=--report                                the tables again, from load.json

It writes benchmarks/load.json and the tables of benchmarks/README.md if all states had their ten minutes. Let nothing
else run meanwhile: a p99 is made of whatever does. Ctrl+C stops it, and prints what there is.
"""


def main() -> int:
    """See ``--help``."""
    plan = Plan()
    parser = argparse.ArgumentParser(
        prog="make load ARGS=…",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--minutes", type=_positive(float), default=plan.minutes, help="all in all (default: %(default)g)"
    )
    parser.add_argument(
        "--rounds", type=_positive(int), default=plan.rounds, help="in each state (default: %(default)s)"
    )
    parser.add_argument(
        "--clients", type=_positive(int), default=plan.clients, help="that ask at a time (default: %(default)s)"
    )
    parser.add_argument("--only", type=_states, default=STATES, help=f"states, of {', '.join(BY_NAME)}")
    parser.add_argument("--report", action="store_true", help="measure nothing: write the tables of the last results")
    chosen = parser.parse_args()
    if chosen.report:
        report.write(LoadResults.read(RESULTS) if RESULTS.exists() else None, README)
        return 0
    results = LoadResults(chosen.rounds)
    pythons = installed(list(SUBJECTS), results)
    if results.failures:
        return 1
    wanted = Plan(chosen.minutes, chosen.rounds, chosen.clients, states=chosen.only)
    is_complete = measure(wanted, pythons, results)
    print(report.markdown(results))
    if is_complete and chosen.minutes >= plan.minutes and chosen.only == STATES:
        results.write(RESULTS)
        report.write(results, README)
    return int(bool(results.failures) or not is_complete)


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def value(text: str) -> float:
        try:
            found = kind(text)
        except ValueError:
            found = 0
        if not found > 0:
            raise argparse.ArgumentTypeError(f"a number above 0, not {text!r}")
        return found

    return value


def _states(text: str) -> tuple[State, ...]:
    chosen = text.split(",")
    if unknown := sorted(set(chosen) - set(BY_NAME)):
        raise argparse.ArgumentTypeError(f"no such state: {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    return tuple(state for state in STATES if state.name in chosen)


if __name__ == "__main__":
    sys.exit(main())
