"""No framework at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

import scopes


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/fail":
        scopes.fail_sync()
    body: Iterable[bytes]
    if path == "/stream":
        asyncio.run(scopes.answer())
        body = scopes.stream_sync()
    else:
        body = [json.dumps(scopes.ask_sync() if path == "/ask" else scopes.facts()).encode()]
    start_response("200 OK", [("Content-Type", "application/json")])
    return body
