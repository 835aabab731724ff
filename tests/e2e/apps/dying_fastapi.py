"""A worker that dies when it is asked to, or does not come up; with FastAPI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import dying
from fastapi import FastAPI
from worker_facts import worker_facts

dying.boot()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    if dying.planned_failure() == "lifespan":
        dying.tell("lifespan")
        raise RuntimeError("there is no database")
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, Any]:
    return worker_facts()


@app.get("/work")
async def work(way: str, mark: str) -> dict[str, Any]:
    await dying.work(way, mark)
    return worker_facts()
