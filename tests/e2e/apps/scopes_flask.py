"""Flask."""

from __future__ import annotations

import asyncio
from typing import Any

import scopes
from flask import Flask, Response

app = Flask(__name__)


@app.get("/health")
def health() -> dict[str, Any]:
    return scopes.facts()


@app.get("/ask")
def ask() -> dict[str, Any]:
    return scopes.ask_sync()


@app.get("/stream")
def stream() -> Response:
    asyncio.run(scopes.answer())
    return Response(scopes.stream_sync(), content_type="application/json")


@app.get("/fail")
def fail() -> None:
    scopes.fail_sync()


@app.errorhandler(500)
def failed(error: Any) -> tuple[dict[str, Any], int]:
    return scopes.facts(), 500
