"""The command line, ``autogen-vitals``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from autogen_vitals.local.commands import check, compare, completion, demo, doctor, explain, report, run
from autogen_vitals.version import __version__

_COMMANDS = (run, report, compare, check, doctor, explain, demo, completion)
_DESCRIPTION = "See where an AutoGen service loses its time and its workers: at start-up, in each request, at its end."
_EXAMPLES = """\
examples:
  autogen-vitals run -- uvicorn app:app --workers 4
      Your service as it is. Send it some requests, press Ctrl+C, and read what to fix first: no
      backend, no change to your code. autogen-vitals report shows it again, or compares two runs.

  autogen-vitals compare app:app --request 'GET /ask?q={word}'
      With one worker and with four: what fails only with several, mixed answers among it, and why.

  autogen-vitals check app.main:build_team --budget reinit=0 --baseline startup.json
      In CI: fails when the start has become slower, and says which import or init did it.

  autogen-vitals doctor
      Versions, keys by name, folders, ports, OpenTelemetry's variables: what is wrong, and the fix.

  autogen-vitals explain AG205
      What a finding means, how it is known, and the fix, with code. Without a rule: all of them.

  autogen-vitals demo
      Two small services with a stub model, no key and no network: what all of this looks like.

With an OpenTelemetry backend there is nothing to run but your own command:
  opentelemetry-instrument uvicorn app:app
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments, without the program's name; those of this process by default.

    Returns:
        The exit status: 0 when the command did what it says, 1 when not, 130 after Ctrl+C.

    Raises:
        SystemExit: after ``--help`` and ``--version`` (0), and on arguments that make no sense (2).
    """
    arguments = parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="autogen-vitals",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # For the command that prints what completes it.
    whole.set_defaults(parser=whole)
    whole.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    return whole
