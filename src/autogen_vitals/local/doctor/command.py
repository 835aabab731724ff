"""A command that starts a service, taken apart: which server, and those of its options that matter here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

SERVERS = ("gunicorn", "uvicorn", "celery", "hypercorn")
_FLAGS: Mapping[str, Mapping[str, str]] = {
    "gunicorn": {
        "-w": "workers",
        "--workers": "workers",
        "-k": "worker_class",
        "--worker-class": "worker_class",
        "-t": "timeout",
        "--timeout": "timeout",
        "--max-requests": "max_requests",
        "--max-requests-jitter": "max_requests_jitter",
        "-c": "config",
        "--config": "config",
    },
    "uvicorn": {"--workers": "workers", "--limit-max-requests": "max_requests"},
    "hypercorn": {"-w": "workers", "--workers": "workers", "--max-requests": "max_requests"},
    "celery": {
        "-P": "pool",
        "--pool": "pool",
        "-c": "workers",
        "--concurrency": "workers",
        "--max-tasks-per-child": "max_requests",
    },
}
_SWITCHES: Mapping[str, Mapping[str, str]] = {
    "gunicorn": {"--preload": "preload_app", "--reload": "reload"},
    "uvicorn": {"--reload": "reload"},
    "hypercorn": {"--reload": "reload"},
    "celery": {},
}
_PYTHON = re.compile(r"python[0-9.]*(?:\.exe)?|pypy[0-9.]*")


@dataclass(frozen=True)
class Command:
    """What a command says.

    Attributes:
        server: the program; empty where it is none that is known.
        options: those that matter, by the server's own name for the setting; switches are ``"true"``.
        is_instrumented: ``opentelemetry-instrument``, or this package's ``run``, comes before it.
    """

    server: str
    options: dict[str, str] = field(default_factory=dict[str, str])
    is_instrumented: bool = False


def parse_command(text: str) -> Command:
    """Take it apart.

    Raises:
        ValueError: a quote is not closed.
    """
    words = shlex.split(text)
    found = [number for number, word in enumerate(words) if PurePath(word).name in SERVERS]
    before = words[: found[0]] if found else words
    is_instrumented = any(PurePath(word).name in ("opentelemetry-instrument", "autogen-vitals") for word in before)
    if not found:
        return Command("", {}, is_instrumented)
    server = PurePath(words[found[0]]).name
    if server == "celery" and "worker" not in words[found[0] :]:
        # Its scheduler, or one of its tools.
        return Command("", {}, is_instrumented)
    return Command(server, parse_options(server, words[found[0] + 1 :]), is_instrumented)


def parse_options(server: str, words: Sequence[str]) -> dict[str, str]:
    """The options among these words that matter; the last one of a kind holds, as the servers have it."""
    flags, switches = _FLAGS[server], _SWITCHES[server]
    options: dict[str, str] = {}
    pending = ""
    for word in words:
        if pending:
            options[pending], pending = word, ""
            continue
        flag, equals, value = word.partition("=")
        if word in switches:
            options[switches[word]] = "true"
        elif equals and flag.startswith("--") and flag in flags:
            options[flags[flag]] = value
        elif word in flags:
            pending = flags[word]
        elif not word.startswith("--") and word[:2] in flags and len(word) > 2:
            # -w4
            options[flags[word[:2]]] = word[2:]
    return options


def interpreter_flags(text: str) -> str:
    """Of ``-I``, ``-E`` and ``-S``, those with which the command starts Python; empty for none."""
    try:
        words = shlex.split(text)
    except ValueError:
        return ""
    for number, word in enumerate(words):
        if _PYTHON.fullmatch(PurePath(word).name):
            return _flags_after(words[number + 1 :])
        if PurePath(word).name in SERVERS:
            break
    return ""


def _flags_after(words: Sequence[str]) -> str:
    found: list[str] = []
    for word in words:
        if not re.fullmatch(r"-[A-Za-z]+", word) or word[1] in "mc":
            break
        found.extend(f"-{letter}" for letter in word[1:] if letter in "IES")
    return " ".join(dict.fromkeys(found))
