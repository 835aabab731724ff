"""What a check is given, and what it answers."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal

Status = Literal["ok", "warning", "fail", "skipped"]

CONNECT_SECONDS = 2.0


@dataclass(frozen=True)
class Outcome:
    """What a check has found.

    Attributes:
        status: ``fail``: it will not work; ``warning``: it works, but; ``skipped``: not looked at.
        found: in a sentence; never a secret.
        fix: what to do; empty where there is nothing to do.
        rule: of the catalogue, which fires when it comes to that; empty for none.
    """

    status: Status
    found: str
    fix: str = ""
    rule: str = ""


def ok(found: str) -> Outcome:
    """As it should be."""
    return Outcome("ok", found)


def warning(found: str, fix: str, rule: str = "") -> Outcome:
    """It works, but."""
    return Outcome("warning", found, fix, rule)


def fail(found: str, fix: str, rule: str = "") -> Outcome:
    """It will not work."""
    return Outcome("fail", found, fix, rule)


def skipped(found: str, fix: str = "") -> Outcome:
    """It could not, or need not, be looked at."""
    return Outcome("skipped", found, fix)


@dataclass(frozen=True)
class Flags:
    """How this interpreter was started: ``-I``, ``-E``, ``-S``."""

    isolated: bool = False
    ignores_environment: bool = False
    no_site: bool = False


@dataclass(frozen=True)
class Surroundings:
    """All that checks look at: this machine's, or a test's.

    Attributes:
        environ: the environment.
        versions: installed distributions by name, in lower case.
        providers: answers the distributions that have a top-level module.
        entry_points: answers the names in a group of entry points.
        which: answers where a program is; ``None`` for nowhere.
        connect: answers why a host and port cannot be reached; empty when they can.
        python, flags: version and start of the interpreter.
        cwd: the current folder.
        work_dir: for code executors, as asked; ``None``: nothing asked.
        server_config: a file of gunicorn's; ``None``: not given.
        command: that starts the service; empty: not given.
        root: of the file system.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    versions: Mapping[str, str] = field(default_factory=lambda: installed_versions())
    providers: Callable[[str], list[str]] = lambda module: packages_of(module)
    entry_points: Callable[[str], list[str]] = lambda group: [
        entry.name for entry in metadata.entry_points(group=group)
    ]
    which: Callable[[str], str | None] = shutil.which
    connect: Callable[[str, int], str] = lambda host, port: why_unreachable(host, port)
    python: tuple[int, int] = (sys.version_info[0], sys.version_info[1])
    flags: Flags = Flags(bool(sys.flags.isolated), bool(sys.flags.ignore_environment), bool(sys.flags.no_site))
    cwd: Path = field(default_factory=Path.cwd)
    work_dir: Path | None = None
    server_config: Path | None = None
    command: str = ""
    root: Path = Path("/")

    def value(self, name: str) -> str:
        """A variable, without blanks around it; empty where it is not set."""
        return self.environ.get(name, "").strip()


@dataclass(frozen=True)
class Check:
    """One thing to look at.

    Attributes:
        id: for programs, such as ``docker-daemon``; stays.
        title: for people.
        run: answers what there is; nothing means that all is well, and no more is to be said.
    """

    id: str
    title: str
    run: Callable[[Surroundings], Iterable[Outcome]]


@dataclass(frozen=True)
class Group:
    """Checks of one subject."""

    title: str
    checks: tuple[Check, ...]


def installed_versions() -> dict[str, str]:
    """Every installed distribution; of two with one name, that which is imported."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = str(distribution.metadata["Name"] or "").lower().replace("_", "-")
        found.setdefault(name, distribution.version)
    return found


def packages_of(module: str) -> list[str]:
    """The distributions that have a top-level module."""
    return sorted(set(metadata.packages_distributions().get(module, [])))


def release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, to compare with."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def why_unreachable(host: str, port: int, seconds: float = CONNECT_SECONDS) -> str:
    """Connect, and hang up.

    Args:
        seconds: to wait at the most, for the name too.

    Returns:
        Why that failed; empty when it did not.
    """
    said: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), seconds).close()
            said.append("")
        except OSError as error:
            said.append(error.strerror or type(error).__name__)

    # In a thread: nothing limits how long a name is looked up.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(seconds)
    return said[0] if said else f"no answer within {seconds:g} s"
