"""The words of the project, once: component, stage, phase, start type, server, operation.

Every other room imports its nouns from here; this module imports nothing of ours.
"""

from __future__ import annotations

from typing import Literal

from autogen_vitals.records import Record

ComponentKind = Literal["agent", "team", "model_client", "tool", "workbench", "code_executor", "memory", "runtime"]

Stage = Literal["construct", "start", "restore", "warm_up"]
"""Which init: the constructor, a second-stage start (container, MCP session, team registration), an unpickling, or
``autogen_vitals.warm_up``."""

Phase = Literal["import", "startup", "request", "background", "draining"]
"""Where in the process's life something happened."""

StartType = Literal["cold", "rebuild", "reconnect", "warm"]
"""What a request paid: everything, a construction that was not needed, a connection, nothing."""

ServerKind = Literal["gunicorn", "uvicorn", "celery", "multiprocessing", "plain"]

StartReason = Literal["process_start", "fork", "worker_respawn", "on_demand", "provisioned"]
START_REASONS: dict[StartReason, str] = {
    "process_start": "it was started as a program; what for is not known",
    "fork": "it was forked",
    "worker_respawn": "its master forked it in place of a worker that had ended without being asked to",
    "on_demand": "AWS Lambda started it for an invocation that was waiting",
    "provisioned": "AWS Lambda started it before there was an invocation to wait",
}
"""Why a process was started, as far as it, or its platform, can know: see ``lifecycle.process``."""

ConnectStage = Literal["dns_tcp", "tls"]
"""What a new connection takes: finding and reaching the host, and the TLS handshake."""

StartupStage = Literal[
    "spawn",
    "instrumentation",
    "imports",
    "init",
    "ready",
    "request_init",
    "connect_dns_tcp",
    "connect_tls",
    "gc",
    "warm_up",
    "model_wait",
    "model_stream",
    "tool",
    "request",
]
STARTUP_STAGES: dict[StartupStage, str] = {
    "spawn": "the process, its interpreter, and all that ran before this package was loaded",
    "instrumentation": "this package, and the SDK where it sets that up; under `opentelemetry-instrument` all "
    "instrumentations",
    "imports": "importing, inside the first request too",
    "init": "inits before the first request",
    "ready": "what else the server and the app did until they were ready",
    "request_init": "inits inside the first request",
    "connect_dns_tcp": "connecting: name look-up and TCP",
    "connect_tls": "connecting: the TLS handshake",
    "gc": "garbage collections of the main thread, whatever they interrupted",
    "warm_up": "first-use warm-up, inside the first model calls or in `autogen_vitals.warm_up`",
    "model_wait": "waiting for the model, until its first token or its whole reply",
    "model_stream": "from the first token of a streamed reply to its end",
    "tool": "tool calls of the first request",
    "request": "the rest of the first request",
}
"""The stages of a cold start: every instant of it belongs to exactly one."""

Moment = Literal[
    "starting", "ready", "draining", "ending", "becomes_fork_server", "becomes_supervisor", "becomes_worker"
]
"""What a call says about the life of the process: see ``lifecycle.moments``."""

Category = Literal[
    "team_already_running",
    "agent_shared",
    "use_after_fork",
    "event_loop_closed",
    "bound_to_other_loop",
    "docker_unavailable",
    "missing_binary",
    "closed_file",
    "not_serialisable",
    "missing_credentials",
    "dependency_drift",
    "missing_module",
    "invalid_config",
    "rate_limited",
    "timeout",
    "connection",
    "cancelled",
    "other",
]
CATEGORIES: dict[Category, str] = {
    "team_already_running": "a team was run, reset or loaded while it ran",
    "agent_shared": "one agent object was given to two owners",
    "use_after_fork": "what one process had opened was used by another one",
    "event_loop_closed": "a connection, or a client, outlived the event loop that it was used on",
    "bound_to_other_loop": "a queue, lock or future was used on another event loop than its own",
    "docker_unavailable": "no Docker daemon answered",
    "missing_binary": "a program that was to be run is not installed",
    "closed_file": "a file or the standard input is closed, or has nobody at its other end",
    "not_serialisable": "an object cannot be pickled, copied or dumped",
    "missing_credentials": "there was no key, token or password",
    "dependency_drift": "two installed libraries do not fit each other",
    "missing_module": "a module, or the extra that brings it, is not installed",
    "invalid_config": "a component was given what it does not accept",
    "rate_limited": "the model's provider asked for fewer requests",
    "timeout": "it took longer than it was allowed to",
    "connection": "the other side could not be reached, or hung up",
    "cancelled": "whoever had asked for it gave it up",
    "other": "none of these",
}
"""What an exception that ended a boot, an init, a request or a run means: see ``crashes.categories``."""

Escape = Literal["init", "run", "request", "import", "lifespan", "process", "thread", "loop"]
"""What an exception has ended on its way out."""

ExitReason = Literal["clean", "drained", "recycled", "boot_failure", "exception", "signal", "timeout", "oom", "unknown"]
EXIT_REASONS: dict[ExitReason, str] = {
    "clean": "it came to its end",
    "drained": "it was asked to stop",
    "recycled": "it had done as many tasks as it was to do",
    "boot_failure": "it ended before it could serve",
    "exception": "an exception that nobody caught ended it",
    "signal": "a signal ended it that nobody asks to stop with",
    "timeout": "its supervisor ended it, for it did not answer",
    "oom": "the kernel killed it, for its control group was out of memory",
    "unknown": "it is gone, and how is not known",
}
"""How a process ended."""

NOT_CRASHES: frozenset[ExitReason] = frozenset({"clean", "drained", "recycled"})

Observer = Literal["supervisor", "sibling", "next_start", "self"]
"""Who saw a process end: the one that waited for it, another one of the service, one that came later, itself."""

LifeState = Literal["starting", "ready", "draining", "ended"]
"""How far a process has come, as its exit record says."""

MessageMode = Literal["known", "all", "none"]
"""Which exceptions' messages are told: those whose wording is known to be a library's, all, none; never unredacted."""

Severity = Literal["info", "warning", "error", "critical"]
"""How much a finding matters: worth knowing, costs time, breaks something, keeps breaking everything."""

Confidence = Literal["observed", "inferred"]
"""Whether it was seen, or is the likeliest reason for what was seen."""

Absorbs = Literal["object", "name", "any"]


class Operation(Record, frozen=True, eq=False):
    """A kind of run.

    Attributes:
        name: the value of ``gen_ai.operation.name``, and the first word of the span's name.
        subject: the span attribute that holds the name of what was run, also the second word of the span's name.
        absorbs: which run directly inside a run of this kind is the same operation seen twice, hence not a second
            span: one of the same *object* (``run`` calls ``on_messages``), of the same *name* (a workbench calls the
            tool), or *any* (a caching client calls the real one).
        class_names: without a name of its own, the component's class is the subject.
    """

    name: str
    subject: str | None
    absorbs: Absorbs
    class_names: bool = True


INVOKE_WORKFLOW = Operation("invoke_workflow", "gen_ai.workflow.name", "object")
INVOKE_AGENT = Operation("invoke_agent", "gen_ai.agent.name", "object")
EXECUTE_TOOL = Operation("execute_tool", "gen_ai.tool.name", "name")
CHAT = Operation("chat", "gen_ai.request.model", "any", class_names=False)
EXECUTE_CODE = Operation("execute_code", None, "object")

OPERATIONS: tuple[Operation, ...] = (INVOKE_WORKFLOW, INVOKE_AGENT, EXECUTE_TOOL, CHAT, EXECUTE_CODE)
