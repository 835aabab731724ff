"""The one call, and a block around each request: nothing else here tells where one begins."""

import asyncio
from typing import Any

import autogen_vitals

autogen_vitals.enable()

import flask_per_request  # noqa: E402
from flask import Flask, request  # noqa: E402

app = Flask(__name__)
app.get("/health")(flask_per_request.health)


@app.get("/ask")
def ask() -> dict[str, Any]:
    with autogen_vitals.request("ask"):
        reply = asyncio.run(flask_per_request.answer(request.args["q"]))
    return {**flask_per_request.health(), "built": flask_per_request.built, "reply": reply}
