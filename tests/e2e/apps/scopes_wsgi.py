"""No framework at all. As a program: the standard library's server on the port that is given."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

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


if __name__ == "__main__":
    with make_server("127.0.0.1", int(sys.argv[1]), app) as server:
        server.serve_forever()
