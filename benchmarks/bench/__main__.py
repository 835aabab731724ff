"""``python -m bench``: install, measure, write ``results.json`` and the tables of ``README.md``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from bench import report
from bench.measure import measure
from bench.plan import GROUPS, jobs_of
from bench.results import Results
from bench.subjects import BY_NAME, SUBJECTS

BENCHMARKS = Path(__file__).resolve().parents[1]
RESULTS = BENCHMARKS / "results.json"
README = BENCHMARKS / "README.md"


def main() -> None:
    """See ``--help``."""
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=…",
        description="What autogen-vitals costs, side by side with its peers. All of it takes half an hour and writes "
        "benchmarks/results.json and the tables of benchmarks/README.md; of a part, the tables are printed.",
        epilog='examples: make bench; make bench ARGS="--rounds 3 --only bare,autogen,ours --rows steady"',
    )
    parser.add_argument("--rounds", type=int, default=9, help="of fresh processes (default: %(default)s)")
    parser.add_argument("--only", type=_names(tuple(BY_NAME)), help=f"subjects, of {', '.join(BY_NAME)}")
    parser.add_argument("--rows", type=_names(GROUPS), help=f"groups of rows, of {', '.join(GROUPS)}")
    parser.add_argument(
        "--minutes",
        type=float,
        default=25,
        help="after which no round begins, but for the first (default: %(default)s)",
    )
    parser.add_argument("--report", action="store_true", help="measure nothing: write the tables of the last results")
    chosen = parser.parse_args()
    if chosen.report:
        report.write(Results.read(RESULTS), README)
        return
    subjects = [subject for subject in SUBJECTS if not chosen.only or subject.name in chosen.only]
    results = measure(subjects, jobs_of(subjects, chosen.rows or GROUPS), max(1, chosen.rounds), chosen.minutes)
    print(report.markdown(results))
    if not (chosen.only or chosen.rows):
        results.write(RESULTS)
        report.write(results, README)


def _names(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def names(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        if unknown := sorted(set(chosen) - set(known)):
            raise argparse.ArgumentTypeError(f"no such name: {', '.join(unknown)}; there are {', '.join(known)}")
        return chosen

    return names


if __name__ == "__main__":
    main()
