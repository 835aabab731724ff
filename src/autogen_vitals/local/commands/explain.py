"""``autogen-vitals explain``."""

from __future__ import annotations

import argparse

from autogen_vitals.local.commands.parsing import Subparsers, add_command

_SUMMARY = "say what a finding means and what to do about it"
_DETAILS = """\
Prints the page of a rule: what one sees, how it is known, why it happens, the fix with code, and when
to ignore it.

examples:
  autogen-vitals explain              all rules, in a line each
  autogen-vitals explain AG205        the page of this one
  autogen-vitals explain loop-closed  the same, by its name
  autogen-vitals explain pickle       those whose pages speak of it
"""


def add_to(commands: Subparsers) -> None:
    """Add it to the command line."""
    parser = add_command(commands, "explain", _run, _SUMMARY, _DETAILS)
    parser.add_argument("rule", nargs="?", metavar="RULE", help="id, name, or a word to look for")


def _run(arguments: argparse.Namespace) -> int:
    # Here, because the rules are many files.
    from autogen_vitals.local.explain import explain

    return explain(arguments.rule)
