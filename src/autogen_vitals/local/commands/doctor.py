"""``autogen-vitals doctor``."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

from autogen_vitals.local.commands.parsing import Subparsers, add_command
from autogen_vitals.local.commands.requirements import are_installed

_SUMMARY = "look at the environment of a service: versions, keys, programs, folders, telemetry, server settings"
_DETAILS = """\
Looks at what keeps an AutoGen service, or its telemetry, from working: run it where the service runs, in
its container and with its environment. Each check is ok, a warning, a failure, or skipped, with the fix.

Of keys, headers and passwords it tells the variable's name and nothing else. It opens connections to the
OTLP endpoint and Docker's socket, sends nothing, and neither imports nor runs anything of yours: a file
of gunicorn's is read, not executed.

Exit status: 0 when nothing has failed, else 1.

examples:
  autogen-vitals doctor
      The interpreter, packages, keys, programs, folders, variables and limits.

  autogen-vitals doctor --command 'opentelemetry-instrument gunicorn -c gunicorn.conf.py app:app'
      And what the server's settings do to AutoGen: preload, workers, timeout, recycling.

  docker run --rm --env-file .env IMAGE autogen-vitals doctor --json
      In the image, with its environment, for a program to read.
"""


def add_to(commands: Subparsers) -> None:
    """Add it to the command line."""
    parser = add_command(commands, "doctor", _run, _SUMMARY, _DETAILS)
    parser.add_argument("--server-config", type=Path, metavar="FILE", help="gunicorn's: gunicorn.conf.py")
    # Not "command", which is how the parser keeps what is to be run.
    parser.add_argument(
        "--command", dest="service", default="", metavar="COMMAND", help="that starts the service, in quotes"
    )
    parser.add_argument("--work-dir", type=Path, metavar="FOLDER", help="that code executors are given")
    parser.add_argument("--json", action="store_true", help="as JSON, schema 1")


def _run(arguments: argparse.Namespace) -> int:
    if not are_installed("The doctor", {"rich": "local"}):
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What its encoding cannot say is a question mark, and no reason to fail.
        sys.stdout.reconfigure(errors="replace")
    # Here, because they are many files.
    from rich.console import Console

    from autogen_vitals.local.doctor.checks import Surroundings
    from autogen_vitals.local.doctor.examination import count, examine
    from autogen_vitals.local.doctor.view import as_json, show

    results = examine(
        Surroundings(server_config=arguments.server_config, command=arguments.service, work_dir=arguments.work_dir)
    )
    if arguments.json:
        print(json.dumps(as_json(results), indent=2))
    else:
        show(results, Console(highlight=False))
    return 1 if count(results)["fail"] else 0
