"""Quart."""

from __future__ import annotations

from typing import Any

import scopes
from quart import Quart, Response

app = Quart(__name__)


@app.get("/health")
async def health() -> dict[str, Any]:
    return scopes.facts()


@app.get("/ask")
async def ask() -> dict[str, Any]:
    return await scopes.ask()


@app.get("/stream")
async def stream() -> Response:
    await scopes.answer()
    return Response(scopes.stream(), content_type="application/json")


@app.get("/fail")
async def fail() -> None:
    await scopes.fail()


@app.errorhandler(500)
async def failed(error: Any) -> tuple[dict[str, Any], int]:
    return scopes.facts(), 500
