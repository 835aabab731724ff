"""``autogen-vitals check``."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from autogen_vitals.local.commands.parsing import Subparsers, add_command
from autogen_vitals.local.commands.requirements import SERVING, are_installed

_SUMMARY = "measure a start in fresh processes and hold it against budgets and a baseline: for CI"
_DETAILS = """\
Imports a module and calls a factory in it, as your service does when it starts, in fresh processes, and
takes the medians: seconds of imports and inits until it is ready, and what a second call builds again.
A coroutine function is awaited; an ASGI app, given or built, gets its start-up (lifespan) run; of any
other object importing it is the measure. The module is found from the current folder.

Budgets, in ms, s or MB, or plain numbers:
  total        from the import until it is ready
  imports      importing, outside inits
  init         inits of AutoGen's components
  reinit       built again by later calls, though it need not be: model clients, whatever else is slow
  reinit_time  what these took
  modules      modules imported
  rss          memory the process grew by

Exit status: 0 passed, 1 over a budget or the baseline, 2 what was asked makes no sense, 4 the target
raised, or did not become ready.

examples:
  autogen-vitals check app.main:build_team
      What a start takes, and what a second request would build again.

  autogen-vitals check app.main:build_team --budget init=300ms,imports=1.5s,reinit=0
      Exits with 1 when it takes more.

  autogen-vitals check app.main:app --baseline startup.json --tolerance 30%
      Writes the file the first time; then exits with 1 when the start has grown, and says by what.

  autogen-vitals check app.main:build_team --stub-model --junit startup.xml
      Without a key: against a stub of OpenAI's API on this machine; for what shows JUnit's XML.
"""


def add_to(commands: Subparsers) -> None:
    """Add it to the command line."""
    parser = add_command(commands, "check", _run, _SUMMARY, _DETAILS)
    parser.add_argument("target", metavar="MODULE:FACTORY", help="what to import and call; MODULE alone: import only")
    parser.add_argument("--budget", action="append", default=[], metavar="NAME=VALUE[,...]", help="what it may take")
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="compare with it; written if it is missing")
    parser.add_argument("--update", action="store_true", help="write the baseline anew; compare with budgets only")
    parser.add_argument(
        "--tolerance", default="20%", metavar="SHARE", help="how much more than the baseline will do (20%%)"
    )
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="fresh processes (5)")
    parser.add_argument("--calls", type=int, default=2, metavar="N", help="calls of the factory in each (2)")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="for each process (120)")
    parser.add_argument("--no-lifespan", action="store_true", help="do not run the start-up of an ASGI app")
    parser.add_argument("--stub-model", action="store_true", help="OpenAI's variables point to a stub meanwhile")
    parser.add_argument("--json", default="", metavar="FILE", help="the result as JSON; - for the standard output")
    parser.add_argument("--junit", default="", metavar="FILE", help="the result as JUnit XML; - for the same")


def _run(arguments: argparse.Namespace) -> int:
    if not are_installed("The check", SERVING if arguments.stub_model else {"rich": "local"}):
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What its encoding cannot say is a question mark, and no reason to fail.
        sys.stdout.reconfigure(errors="replace")
    # Here, because it imports what the check above has just found.
    from autogen_vitals.local.checking.check import Options, check

    return check(
        Options(
            target=arguments.target,
            budgets=arguments.budget,
            baseline=arguments.baseline,
            update=arguments.update,
            repeat=arguments.repeat,
            calls=arguments.calls,
            tolerance=arguments.tolerance,
            timeout=arguments.timeout,
            lifespan=not arguments.no_lifespan,
            stub_model=arguments.stub_model,
            json=arguments.json,
            junit=arguments.junit,
        )
    )
