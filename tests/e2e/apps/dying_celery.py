"""A Celery worker whose children die when they are asked to, or that does not come up."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import dying
from celery import Celery
from worker_facts import worker_facts

dying.boot()

app = Celery("dying_celery", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_prefetch_multiplier = 1


@app.task(name="work")
def work(way: str, mark: str) -> dict[str, Any]:
    asyncio.run(dying.work(way, mark))
    return worker_facts()
