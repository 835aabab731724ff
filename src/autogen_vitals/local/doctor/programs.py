"""What code executors run: programs on PATH, and Docker."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from autogen_vitals.local.doctor.checks import (
    CONNECT_SECONDS,
    Check,
    Group,
    Outcome,
    Surroundings,
    fail,
    ok,
    skipped,
    warning,
)

_NEEDED = ("sh", "bash", "python")
_SOCKET = "var/run/docker.sock"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MISSING = "AG402"
_UNAVAILABLE = "AG404"


def _shells(around: Surroundings) -> Iterator[Outcome]:
    if not around.value("PATH"):
        yield fail(
            "PATH is empty: no program is found by its name", "set it in the image or unit of the service", _MISSING
        )
        return
    missing = [name for name in _NEEDED if around.which(name) is None]
    if missing:
        yield warning(
            f"not on PATH: {', '.join(missing)}",
            "install it in the image, if agents run such code; Python code is run by the interpreter itself",
            _MISSING,
        )
    else:
        yield ok(f"on PATH: {', '.join(_NEEDED)}")


def _mcp(around: Surroundings) -> Iterator[Outcome]:
    if "mcp" not in around.versions:
        yield skipped("mcp is not installed")
        return
    missing = [name for name in ("npx", "uvx") if around.which(name) is None]
    if missing:
        yield skipped(f"not on PATH: {', '.join(missing)}; needed only if an MCP server's command begins with it")
    else:
        yield ok("on PATH: npx, uvx, by which MCP servers are started")


def _docker_cli(around: Surroundings) -> Iterator[Outcome]:
    if around.which("docker") is None:
        yield skipped("docker is not on PATH: AutoGen's executor does without, it speaks to the daemon")
    else:
        yield ok("docker is on PATH")


def _docker_daemon(around: Surroundings) -> Iterator[Outcome]:
    is_used = "docker" in around.versions
    problem = _why_no_daemon(around)
    if problem is None:
        yield skipped("DOCKER_HOST is another machine: not connected to")
    elif not problem:
        yield ok("a daemon listens")
        if not is_used:
            yield skipped("the package docker is not installed", "pip install 'autogen-ext[docker]' for its executor")
    elif is_used:
        yield warning(
            f"no daemon: {problem}",
            "mount the socket into the container, or LocalCommandLineCodeExecutor with a work_dir of its own",
            _UNAVAILABLE,
        )
    else:
        yield skipped(f"no daemon ({problem}), and nothing that would use it")


def _why_no_daemon(around: Surroundings) -> str | None:
    """Empty when one listens; ``None`` when that is not looked at: on another machine."""
    host = around.value("DOCKER_HOST")
    if not host or host.startswith("unix://"):
        path = host.removeprefix("unix://") if host else os.fspath(around.root / _SOCKET)
        return _why_no_socket(path)
    if re.match(r"tcp://", host) is None:
        return None
    try:
        parts = urlsplit(host)
        name, port = parts.hostname or "", parts.port or 2375
    except ValueError:
        return "DOCKER_HOST has no proper port"
    return around.connect(name, port) if name in _LOOPBACK else None


def _why_no_socket(path: str) -> str:
    if not hasattr(socket, "AF_UNIX"):
        return "this system has no such sockets"
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(CONNECT_SECONDS)
            client.connect(path)
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


PROGRAMS = Group(
    "Programs",
    (
        Check("programs", "for executors", _shells),
        Check("mcp-programs", "for MCP servers", _mcp),
        Check("docker-cli", "Docker's CLI", _docker_cli),
        Check("docker-daemon", "Docker's daemon", _docker_daemon),
    ),
)
