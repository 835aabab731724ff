"""What we add to the hot paths, in instructions, beside what it was: ``make instructions``.

Usage: ``python benchmarks/instructions [--update] [--mutation NAME]``

A count of instructions says the same on a busy machine as on an idle one, which no time does. ``--update`` keeps what
is counted now in ``baseline.json``: for a change that is worth it, together with that change, and for one that makes it
less. ``tests/benchmarks/test_instructions.py`` fails when it is more.
"""

from __future__ import annotations

import argparse
import sys

import baseline
import measuring
from baseline import Figure


def main() -> int:
    """Count, print, and keep if that is asked for."""
    parser = argparse.ArgumentParser(prog="make instructions", description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="keep what is counted as the baseline")
    parser.add_argument("--mutation", default="", metavar="NAME", help="plant one of probe.py's mutations first")
    arguments = parser.parse_args()
    try:
        counts = measuring.measure(arguments.mutation)
    except measuring.CannotCount as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.update:
        baseline.save(counts)
    kept = baseline.load()
    wrong = baseline.mismatch(kept)
    figures = baseline.compared(counts, kept)
    print_table(figures)
    if "sdk" in counts and "span" in counts["sdk"]:
        print(f"\none span of the SDK, as current, with 8 attributes: {counts['sdk']['span']['native']:,}")
    if wrong:
        print(f"the baseline is of something else: {wrong}")
        return 0
    too_much = [figure for figure in figures if figure.is_too_much]
    for figure in too_much:
        print(f"{figure.operation} ({figure.probe}) is {figure.change:+.1%}: too much")
    return 1 if too_much else 0


def print_table(figures: list[Figure]) -> None:
    """One line an operation. Native is AutoGen as it is, base the same without its own spans."""
    print(f"{'':<25}{'native':>12}{'base':>12}{'ours':>12}{'added':>12}{'baseline':>12}{'change':>9}")
    for figure in figures:
        kept = "" if figure.kept is None else f"{figure.kept:,}"
        change = "new" if figure.change is None else f"{figure.change:+.1%}"
        name = f"{figure.operation}, {figure.probe.replace('_', ' ').replace('sdk', 'SDK')}"
        native = f"{figure.native:,}" if figure.native else ""
        base = f"{figure.base:,}" if figure.base else ""
        print(f"{name:<25}{native:>12}{base:>12}{figure.ours:>12,}{figure.added:>12,}{kept:>12}{change:>9}")


if __name__ == "__main__":
    sys.exit(main())
