"""Which rule a crash, an end or a re-init falls under, and what to do about it, in a line."""

from __future__ import annotations

from typing import Final, NamedTuple

from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS, NOT_CRASHES, Category, ComponentKind, ExitReason


class Remedy(NamedTuple):
    """The id of the rule, whose page is ``docs/rules/<id>.md`` (empty: none), and a line."""

    rule: str
    line: str


_UPSTREAM = "retries and timeouts of the client, limits of the provider; not the process's fault"

CATEGORY_REMEDIES: Final[dict[Category, str]] = {
    "team_already_running": "one team for each run; share the model client, not the team",
    "agent_shared": "one agent for each session; share the model client, not the agent",
    "use_after_fork": "build it in the worker, after the fork: in the lifespan, not in the master",
    "event_loop_closed": "one event loop for each process; no asyncio.run() for each call",
    "bound_to_other_loop": "one client for each event loop, one team for each run",
    "docker_unavailable": "mount the Docker socket, or use another code executor",
    "missing_binary": "install the program in the image; look at PATH",
    "closed_file": "no human input in workers; open log handlers after the fork",
    "not_serialisable": "pass names and plain data, and build clients on the other side",
    "missing_credentials": "set the key for every worker; read it where the client is built",
    "dependency_drift": "pin together what was tested together",
    "missing_module": "install the package, or the extra that brings it",
    "invalid_config": "correct the argument that the event autogen.crash names",
    "rate_limited": _UPSTREAM,
    "timeout": _UPSTREAM,
    "connection": _UPSTREAM,
    "cancelled": "somebody gave it up: a client that hung up, or a timeout around it",
    "other": "class, file and line are on the event autogen.crash; the category links to how to read it",
}

EXIT_REMEDIES: Final[dict[ExitReason, Remedy]] = {
    "boot_failure": Remedy("AG502", "look under Crashes for what failed in import or start-up, and mend that"),
    "exception": Remedy("", "look under Crashes for its category"),
    "signal": Remedy("AG503", "somebody killed it, or native code failed: open the trace that it interrupted"),
    "timeout": Remedy("AG504", "something kept it from answering: look at Event loop blocked, then raise the timeout"),
    "oom": Remedy("AG505", "a higher memory limit, or fewer workers in the container"),
    "unknown": Remedy("", "nobody saw its status; os._exit leaves no more than a code"),
}

REBUILD_REMEDIES: Final[dict[ComponentKind, Remedy]] = {
    "model_client": Remedy("AG101", "one client for each process and event loop, built at start-up"),
    "agent": Remedy("AG102", "right while it is cheap: agents have state"),
    "team": Remedy("AG102", "right while it is cheap: teams have state"),
    "tool": Remedy("AG103", "build it at start-up, keep what is the user's own out of it"),
    "workbench": Remedy("AG103", "start the session once, at start-up"),
    "code_executor": Remedy("AG103", "start it once, at start-up; give each run a folder of its own"),
    "memory": Remedy("AG103", "open the store once, at start-up"),
    "runtime": Remedy("AG102", "right while it is cheap: a runtime has state"),
}

if CATEGORY_REMEDIES.keys() != CATEGORIES.keys() or EXIT_REMEDIES.keys() != EXIT_REASONS.keys() - NOT_CRASHES:
    raise ValueError("a category or a reason has no remedy here, or is no longer in the vocabulary")
