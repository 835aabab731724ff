"""Keys and prompts planted wherever telemetry might pick them up are in no exported byte, and in no line of ours."""

from __future__ import annotations

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import ONLY_AT_STOP, UVICORN
from .telemetry import SCOPE, Telemetry

pytestmark = pytest.mark.e2e

KEY = "sk-canary-7f3a"
PROMPT = "prompt-canary-51c8"
TOOL = "tool-canary-9be2"
QUERY = "query-canary-02d4"
CANARIES = (KEY, PROMPT, TOOL, QUERY)


@pytest.mark.parametrize("native_spans", ["replace", "keep"])
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


def _ours(receiver: Receiver) -> list[str]:
    """Everything this package exported, as text; and all logs, for they have no scope here."""
    spans = [span for span in receiver.spans if span.scope == SCOPE]
    points = [point for point in receiver.points if point.scope == SCOPE]
    return [repr(item) for item in (*spans, *points, *receiver.logs)]


def _check_log(log: str) -> None:
    ours = [line for line in log.splitlines() if "autogen-vitals" in line or "autogen_vitals" in line]
    leaking = [line for line in ours if any(canary in line for canary in CANARIES)]
    assert not leaking, f"lines of ours in the log: {leaking}"
