"""``autogen-vitals report``."""

from __future__ import annotations

import argparse
import os
import sys

from autogen_vitals.local.commands.parsing import Subparsers, add_command, add_store
from autogen_vitals.local.commands.requirements import SERVING, are_installed

_SUMMARY = "show again what was recorded of a run, or compare two runs"
_DETAILS = """\
Prints what "autogen-vitals run" has recorded: what to fix first, then cold starts, inits, requests,
connections, crashes and findings. With two runs: what has changed from the first to the second, such
as before and after a fix.

A run is named by its id, by the beginning of one, or by the path of its file; the newest is shown
where none is named. Runs are in the folder .autogen-vitals of the directory that they were started in.

examples:
  autogen-vitals report                              the newest run
  autogen-vitals report --list                       the runs that there are
  autogen-vitals report 20261129-0912                the one whose id begins so
  autogen-vitals report 20261129-0912 20261129-0930  what has changed
  autogen-vitals report --html report.html           one file, for a browser or a ticket
  autogen-vitals report --json - | jq .verdict       for programs; docs/report.md names the fields
"""
_PAGE = {"jinja2": "local"}


def add_to(commands: Subparsers) -> None:
    """Add it to the command line."""
    parser = add_command(commands, "report", _run, _SUMMARY, _DETAILS)
    parser.add_argument("run", nargs="?", metavar="RUN", help="the run, or the first of two; the newest by default")
    parser.add_argument("other", nargs="?", metavar="RUN_B", help="the second, which is compared with the first")
    parser.add_argument("--list", action="store_true", help="list the runs that there are, and nothing else")
    parser.add_argument("--html", metavar="FILE", help="write it into this file, as HTML")
    parser.add_argument("--json", metavar="FILE", help="write it into this file, as JSON; - is the standard output")
    add_store(parser)


def _run(arguments: argparse.Namespace) -> int:
    if not are_installed("autogen-vitals report", {**SERVING, **(_PAGE if arguments.html else {})}):
        return 1
    # Here, because they import what the check above has just found.
    from autogen_vitals.local.store import StoreError

    try:
        return _do(arguments)
    except StoreError as error:
        print(error, file=sys.stderr)
    except BrokenPipeError:
        # Whoever reads it has read enough; nor is the interpreter to fail of that as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"{error.filename or 'The report'} cannot be written: {error.strerror}.", file=sys.stderr)
    return 1


def _do(arguments: argparse.Namespace) -> int:
    from autogen_vitals.local.report.command import open_console, write_comparison, write_reports
    from autogen_vitals.local.report.list_view import show_runs
    from autogen_vitals.local.store import list_runs, load

    console = open_console()
    if arguments.list:
        show_runs(list_runs(arguments.store), console)
        return 0
    html, json = arguments.html, arguments.json
    terminal = not (html or json)
    first = load(arguments.run, arguments.store)
    if arguments.other:
        second = load(arguments.other, arguments.store)
        write_comparison(first, second, html=html, json=json, terminal=terminal, console=console)
    else:
        write_reports(first, html=html, json=json, terminal=terminal, console=console)
    return 0
