"""Keys and prompts planted wherever telemetry might pick them up are in no exported byte, and in no line of ours."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path

import httpx
import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

from .conftest import Start
from .crashing import NEVER_SECONDS, wait_until
from .harness import ONLY_AT_STOP, UVICORN, Server
from .telemetry import SCOPE, Telemetry

pytestmark = pytest.mark.e2e

KEY = "sk-canary-7f3a"
PROMPT = "prompt-canary-51c8"
TOOL = "tool-canary-9be2"
QUERY = "query-canary-02d4"
TOKEN = "token-canary-b81e"
PASSWORD = "password-canary-c40d"
SECRETS = (KEY, TOKEN, PASSWORD)
CANARIES = (PROMPT, TOOL, QUERY, *SECRETS)


@pytest.mark.parametrize("native_spans", ["replace", pytest.param("keep", marks=pytest.mark.long)])
def test_no_secret_leaves(native_spans: str, start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """Prompts, keys and messages of exceptions stay in the app, also where a model call, a team, a tool or a
    constructor fails with them."""
    server = start(
        UVICORN,
        receiver.environment("secrets"),
        ONLY_AT_STOP,
        {"OPENAI_API_KEY": KEY, "TOOL_CANARY": TOOL, "OTEL_PYTHON_AUTOGEN_NATIVE_SPANS": native_spans},
        app="secrets_app:app",
    ).wait_ready()
    answers = {
        "prompt": server.post("/prompt", {"question": PROMPT}),
        "failing model": server.post("/prompt", {"question": f"{PROMPT} status:400"}),
        "failing tool": server.post("/tool", {"question": PROMPT}),
        "team": server.post("/team", {"question": PROMPT}),
        "failing team": server.post("/team", {"question": f"{PROMPT} status:400"}),
        "failing client": server.post("/broken-client", {}),
    }
    server.stop()

    # The app did meet the secrets: without that, nothing is proven.
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert KEY in answers["failing client"].body["failed"]
    assert TOOL in answers["failing tool"].body["reply"]
    assert "failed" in answers["failing model"].body
    assert "failed" in answers["failing team"].body
    failed = {span.name for span in telemetry.spans if span.status == "ERROR"}
    assert {"init BrokenClient", "execute_tool failing_tool", "invoke_agent assistant"} <= failed, failed

    bodies = receiver.bodies
    assert len(bodies) >= 2, "spans and metrics have arrived"
    # AutoGen's own spans, where they are kept, are AutoGen's to answer for.
    leaks = {canary for canary in CANARIES if any(canary.encode() in body for body in bodies)}
    if native_spans == "keep":
        leaks = {canary for canary in CANARIES if any(canary in text for text in _ours(receiver))}
    assert not leaks, f"exported: {leaks}"
    _check_log(server.log)


def test_no_query_string_in_what_we_export(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """A prompt in the query string, which a server's instrumentation may note, is in nothing of ours."""
    server = start(UVICORN, receiver.environment("secrets"), ONLY_AT_STOP, app="secrets_app:app").wait_ready()
    assert server.get(f"/query?q={QUERY}").status == 200
    server.stop()

    assert telemetry.named("invoke_agent assistant"), "the run has arrived"
    assert not [text for text in _ours(receiver) if QUERY in text]
    _check_log(server.log)


@pytest.mark.parametrize("messages", ["known", "all", pytest.param("none", marks=pytest.mark.long)])
def test_no_secret_in_what_is_told_of_a_crash(
    messages: str, start: Start, receiver: Receiver, telemetry: Telemetry, tmp_path: Path
) -> None:
    """Neither in the events of an exception that quotes them all, nor in the exit record of a process that is killed
    while it asks the model, nor in what the next start makes of that. Prompts in messages only who asks for all gets.
    """
    state = tmp_path / "state"
    environment = {
        "OPENAI_API_KEY": KEY,
        "TOKEN_CANARY": TOKEN,
        "PASSWORD_CANARY": PASSWORD,
        "OTEL_PYTHON_AUTOGEN_EXCEPTION_MESSAGES": messages,
        "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(state),
    }
    with StubModel(think_seconds=NEVER_SECONDS) as slow_model:
        environment["SLOW_MODEL_URL"] = slow_model.base_url.replace("://", f"://user:{PASSWORD}@")
        common = (receiver.environment("secrets"), ONLY_AT_STOP, environment)
        server = start(UVICORN, *common, app="secrets_app:app").wait_ready()
        _post(server, "/crash", PROMPT)
        threading.Thread(target=_post, args=(server, "/think", PROMPT), daemon=True).start()
        wait_until(lambda: slow_model.requests > 0, server, "it did not ask the model")
        records = [path.read_bytes() for path in state.iterdir()]
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        records += [path.read_bytes() for path in state.iterdir()]
        start(UVICORN, *common, app="secrets_app:app").wait_ready().stop()

    assert any(b"chat gpt-4o-mini" in record for record in records), "the record says what it was doing"
    assert not [canary for canary in CANARIES if any(canary.encode() in record for record in records)]
    (crash,) = telemetry.events("autogen.crash")
    assert crash.attributes["error.type"] == "RuntimeError"
    assert ("exception.message" in crash.attributes) == (messages == "all")
    (exited,) = telemetry.events("autogen.process.exit")
    assert exited.attributes["autogen.operation"] == "chat gpt-4o-mini"
    forbidden = SECRETS if messages == "all" else CANARIES
    # The server's span tells of the exception too, and that is its instrumentation's to answer for.
    assert not [canary for canary in forbidden if any(canary in text for text in _ours(receiver))]
    _check_log(server.log)


def _post(server: Server, path: str, question: str) -> None:
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"http://127.0.0.1:{server.port}{path}", json={"question": question}, timeout=60, trust_env=False)


def _ours(receiver: Receiver) -> list[str]:
    """Everything this package exported, as text; and all logs, for they have no scope here."""
    spans = [span for span in receiver.spans if span.scope == SCOPE]
    points = [point for point in receiver.points if point.scope == SCOPE]
    return [repr(item) for item in (*spans, *points, *receiver.logs)]


def _check_log(log: str) -> None:
    ours = [line for line in log.splitlines() if "autogen-vitals" in line or "autogen_vitals" in line]
    leaking = [line for line in ours if any(canary in line for canary in CANARIES)]
    assert not leaking, f"lines of ours in the log: {leaking}"
