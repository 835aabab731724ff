"""The words of the project, once: component, stage, phase, start type, server, operation.

Every other room imports its nouns from here; this module imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ComponentKind = Literal["agent", "team", "model_client", "tool", "workbench", "code_executor", "memory", "runtime"]

Stage = Literal["construct", "start", "restore"]
"""Which init: the constructor, a second-stage start (container, MCP session, team registration), or an unpickling."""

Phase = Literal["import", "startup", "request", "background", "draining"]
"""Where in the process's life something happened."""

StartType = Literal["cold", "rebuild", "reconnect", "warm"]
"""What a request paid: everything, a construction that was not needed, a connection, nothing."""

ServerKind = Literal["gunicorn", "uvicorn", "celery", "multiprocessing", "plain"]

Moment = Literal["starting", "ready", "draining", "ending", "becomes_fork_server", "becomes_worker"]
"""What a call says about the life of the process: see ``lifecycle.moments``."""

Absorbs = Literal["object", "name", "any"]


@dataclass(frozen=True, eq=False)
class Operation:
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
