"""``autogen-vitals demo``."""

from __future__ import annotations

import argparse

from autogen_vitals.local.commands.parsing import Subparsers, add_command
from autogen_vitals.local.commands.requirements import SERVING, are_installed

_SUMMARY = "run example apps on two workers and show what their requests paid for, and what crashed"
_DETAILS = """\
Starts a stub model and an OTLP receiver on loopback ports, runs the example app under
"opentelemetry-instrument uvicorn --workers 2 app:app", sends it requests, stops it, and reports for
each worker the cold start and the inits, for each route what its requests spent in inits, and which
line of code is to blame. Then an app that crashes: a key that is missing at import, a team that two
requests share, a worker that is killed in the middle of a request. Nothing leaves this machine. Takes
half a minute, on a busy machine more.

examples:
  autogen-vitals demo
  autogen-vitals demo > story.txt    plain text, 80 columns wide
"""
_NEEDS = {
    **SERVING,
    "fastapi": "local",
    "opentelemetry.distro": "local",
    "opentelemetry.instrumentation.fastapi": "local",
    "autogen_agentchat": "autogen",
    "openai": "autogen",
    "tiktoken": "autogen",
}


def add_to(commands: Subparsers) -> None:
    """Add it to the command line."""
    add_command(commands, "demo", _run, _SUMMARY, _DETAILS)


def _run(_: argparse.Namespace) -> int:
    if not are_installed("The demo", _NEEDS):
        return 1
    # Here, because it imports what the check above has just found.
    from autogen_vitals.local.demo import run_demo

    return run_demo()
