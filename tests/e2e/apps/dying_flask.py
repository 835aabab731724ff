"""A worker that dies when it is asked to, or does not come up; with Flask."""

from __future__ import annotations

import asyncio
from typing import Any

import dying
from flask import Flask, request
from worker_facts import worker_facts

dying.boot()

app = Flask(__name__)


@app.get("/health")
def health() -> dict[str, Any]:
    return worker_facts()


@app.get("/work")
def work() -> dict[str, Any]:
    asyncio.run(dying.work(request.args["way"], request.args["mark"]))
    return worker_facts()
