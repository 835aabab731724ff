"""What the commands' parsers share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

# The class is private, and what add_subparsers() returns.
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Subparsers, name: str, run: Callable[[argparse.Namespace], int], summary: str, details: str
) -> argparse.ArgumentParser:
    """A parser for ``autogen-vitals NAME``, to which its arguments are to be added.

    Args:
        run: does it; answers the exit status.
        summary: its line in ``autogen-vitals --help``.
        details: what ``autogen-vitals NAME --help`` says, examples last.
    """
    parser = commands.add_parser(
        name, help=summary, description=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(command=run)
    return parser


def add_store(parser: argparse.ArgumentParser) -> None:
    """The option that says where runs are kept."""
    parser.add_argument(
        "--store",
        metavar="DIR",
        type=Path,
        default=Path(".autogen-vitals"),
        help="folder in which runs are kept (default: %(default)s)",
    )
