"""No framework at all."""

from __future__ import annotations

import json
from typing import Any

import scopes


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])  # as servers expect of who has no lifespan
    path = scope["path"]
    if path == "/fail":
        await scopes.fail()
    if path == "/stream":
        await scopes.answer()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    if path == "/stream":
        async for part in scopes.stream():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    answer = await scopes.ask() if path == "/ask" else scopes.facts()
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
