"""``autogen-vitals run``."""

from __future__ import annotations

import argparse
import sys

from autogen_vitals.local.commands.parsing import Subparsers, add_command, add_store
from autogen_vitals.local.commands.requirements import SERVING, are_installed

_SUMMARY = "run a command, watch its AutoGen, and say what to fix: no backend, no change to your code"
_DETAILS = """\
Runs COMMAND as it is, in this terminal, with every Python process of it instrumented: workers and
children too. What they tell is received on a loopback port, kept in .autogen-vitals/ and made into a
report when the command ends, after Ctrl+C as well: what to fix first, the cold start of each worker,
what was built where and how often, requests, crashes. The command's output, signals and exit status
are its own. OpenTelemetry that it sets up itself stays as it is; where OTEL_EXPORTER_OTLP_ENDPOINT is
set, that backend gets all of it besides.

examples:
  autogen-vitals run -- uvicorn app:app --workers 4
      Send it some requests, then press Ctrl+C.
  autogen-vitals run --html report.html -- gunicorn -c gunicorn.conf.py app:app
      The report as a page, too: one file, to be kept or sent.
  autogen-vitals run --stub-model -- python main.py
      With a stand-in for OpenAI's API: no key, no network, no cost.
  autogen-vitals run -- celery -A tasks worker
  autogen-vitals report
      The report of the newest run again; two runs, A and B: what has changed.
"""
_WITHOUT = "a command is missing: what starts your service, after two dashes: autogen-vitals run -- uvicorn app:app"


def add_to(commands: Subparsers) -> None:
    """Add it to the command line."""
    parser = add_command(commands, "run", _run, _SUMMARY, _DETAILS)
    parser.usage = "%(prog)s [options] -- COMMAND [ARGUMENT ...]"
    parser.add_argument("--html", metavar="FILE", help="write the report as one HTML file as well")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON as well; - for stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress and no report; the run is kept")
    parser.add_argument("--stub-model", action="store_true", help="let OPENAI_BASE_URL be a stub model on this machine")
    add_store(parser)
    parser.add_argument("run_command", metavar="COMMAND", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def _run(arguments: argparse.Namespace) -> int:
    command: list[str] = arguments.run_command
    if command and command[0] == "--":
        command = command[1:]
    if not command:
        print(f"autogen-vitals run: {_WITHOUT}", file=sys.stderr)
        return 2
    if not are_installed("autogen-vitals run", SERVING):
        return 1
    from autogen_vitals.local.running.run import Options, run

    return run(
        Options(
            command=tuple(command),
            store=arguments.store,
            html=arguments.html,
            json=arguments.json,
            quiet=arguments.quiet,
            stub_model=arguments.stub_model,
        )
    )
