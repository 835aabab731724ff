"""The broken agents in Celery tasks: the main process imports them, and forks its pool."""

from __future__ import annotations

import os
from typing import Any

import broken
from celery import Celery

REDIS = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

app = Celery("tasks_broken", broker=REDIS, backend=REDIS)
app.conf.broker_connection_retry_on_startup = True


@app.task(name="ask")
def ask(question: str) -> dict[str, Any]:
    # Wrong: the main process has used these before it forked.
    return broken.answer(broken.chat(broken.assistant, question))
