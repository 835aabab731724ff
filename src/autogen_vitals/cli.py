"""The command line, ``autogen-vitals``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from autogen_vitals.version import __version__

_DESCRIPTION = "See what an AutoGen service pays for at start-up and in each request, as OpenTelemetry."
_EXAMPLES = """\
examples:
  autogen-vitals demo
      Run a small FastAPI app on two workers with a stub model (no key, no network) and see which of
      its routes builds its model client again for each request, where, and what that costs.

  autogen-vitals explain AG205
      What a finding means, how it is known, and the fix, with code. Without a rule: all of them.

  opentelemetry-instrument uvicorn app:app
      Your own service, unchanged, to any OTLP endpoint: this package is found by itself.
"""
_DEMO = "run example apps on two workers and show what their requests paid for, and what crashed"
_DEMO_DETAILS = """\
Starts a stub model and an OTLP receiver on loopback ports, runs the example app under
"opentelemetry-instrument uvicorn --workers 2 app:app", sends it requests, stops it, and reports for
each worker the cold start and the inits, for each route what its requests spent in inits, and which
line of code is to blame. Then an app that crashes: a key that is missing at import, a team that two
requests share, a worker that is killed in the middle of a request. Nothing leaves this machine. Takes
half a minute, on a busy machine more.
"""
_EXPLAIN = "say what a finding means and what to do about it"
_EXPLAIN_DETAILS = """\
Prints the page of a rule: what one sees, how it is known, why it happens, the fix with code, and when
to ignore it.

examples:
  autogen-vitals explain              all rules, in a line each
  autogen-vitals explain AG205        the page of this one
  autogen-vitals explain loop-closed  the same, by its name
  autogen-vitals explain pickle       those whose pages speak of it
"""
_DEMO_NEEDS = {
    "rich": "local",
    "uvicorn": "local",
    "fastapi": "local",
    "httpx": "local",
    "opentelemetry.distro": "local",
    "opentelemetry.instrumentation.fastapi": "local",
    "autogen_agentchat": "autogen",
    "openai": "autogen",
    "tiktoken": "autogen",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments, without the program's name; those of this process by default.

    Returns:
        The exit status: 0 when the command did what it says, 1 when not, 130 after Ctrl+C.

    Raises:
        SystemExit: after ``--help`` and ``--version`` (0), and on arguments that make no sense (2).
    """
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="autogen-vitals",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo", help=_DEMO, description=_DEMO_DETAILS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    demo.set_defaults(command=_demo)
    explain = commands.add_parser(
        "explain", help=_EXPLAIN, description=_EXPLAIN_DETAILS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    explain.add_argument("rule", nargs="?", metavar="RULE", help="id, name, or a word to look for")
    explain.set_defaults(command=_explain)
    return parser


def _explain(arguments: argparse.Namespace) -> int:
    # Here, because the rules are many files.
    from autogen_vitals.local.explain import explain

    return explain(arguments.rule)


def _demo(_: argparse.Namespace) -> int:
    missing = [name for name in _DEMO_NEEDS if not _is_installed(name)]
    if missing:
        extras = ",".join(dict.fromkeys(_DEMO_NEEDS[name] for name in missing))
        print(f"The demo needs {', '.join(missing)}, which cannot be found. To install:", file=sys.stderr)
        print(f"  pip install 'autogen-vitals[{extras}]'", file=sys.stderr)
        return 1
    # Here, because it imports what the check above has just found.
    from autogen_vitals.local.demo import run_demo

    return run_demo()


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        # The package that would contain it.
        return False
