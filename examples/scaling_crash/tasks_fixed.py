"""The fixed agents in Celery tasks: a client for each pool process, agents for each task."""

from __future__ import annotations

import os
from typing import Any

import fixed
from celery import Celery
from celery.signals import worker_process_init

REDIS = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

app = Celery("tasks_fixed", broker=REDIS, backend=REDIS)
app.conf.broker_connection_retry_on_startup = True


@worker_process_init.connect
def start(**_: Any) -> None:
    """In each pool process, after its fork."""
    fixed.start()


@app.task(name="ask")
def ask(question: str) -> dict[str, Any]:
    agents = fixed.agents()
    return fixed.answer(fixed.chat(agents.user(), agents.assistant("assistant"), question))
