"""Classic AutoGen in Celery's pool: agents for each task."""

from __future__ import annotations

import os
from typing import Any

import classic_agents as agents
from celery import Celery

app = Celery("classic_celery", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.broker_connection_retry_on_startup = True
# Without it one child would fetch the tasks of all.
app.conf.worker_prefetch_multiplier = 1


@app.task(name="ask")
def ask(question: str) -> dict[str, Any]:
    return agents.answered(agents.chat(question, agents.build_user(), agents.build_assistant()))
