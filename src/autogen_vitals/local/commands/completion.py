"""``autogen-vitals completion``."""

from __future__ import annotations

import argparse
import sys

from autogen_vitals.local.commands.parsing import Subparsers, add_command
from autogen_vitals.local.commands.requirements import are_installed

_SUMMARY = "print what makes your shell complete commands and options"
_DETAILS = """\
Prints a script for your shell, which completes the commands of autogen-vitals and their options.

examples:
  eval "$(autogen-vitals completion bash)"     in this shell; for all of them, in ~/.bashrc
  eval "$(autogen-vitals completion zsh)"      in ~/.zshrc, after compinit
"""
_SHELLS = ("bash", "zsh", "tcsh")


def add_to(commands: Subparsers) -> None:
    """Add it to the command line."""
    parser = add_command(commands, "completion", _run, _SUMMARY, _DETAILS)
    parser.add_argument("shell", choices=_SHELLS, help="which shell")


def _run(arguments: argparse.Namespace) -> int:
    if not are_installed("autogen-vitals completion", {"shtab": "local"}):
        return 1
    import shtab

    sys.stdout.write(shtab.complete(arguments.parser, shell=arguments.shell) + "\n")
    return 0
