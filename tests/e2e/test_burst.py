"""Many requests at once in one worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

from .conftest import Start
from .harness import CLIENT, ONLY_AT_STOP, UVICORN, model_environment
from .telemetry import Telemetry

pytestmark = pytest.mark.e2e

BURST = 10


@pytest.fixture
def slow_model() -> Iterator[StubModel]:
    """Slow enough for all requests to be in progress together."""
    with StubModel(think_seconds=1.0) as stub:
        yield stub


@pytest.mark.parametrize(
    ("app", "client_inits", "then"), [("per_request:app", 1, "rebuild"), ("shared_client:app", 0, "reconnect")]
)
def test_concurrent_requests_do_not_mix(
    app: str,
    client_inits: int,
    then: str,
    start: Start,
    receiver: Receiver,
    telemetry: Telemetry,
    slow_model: StubModel,
) -> None:
    """Of ten requests at once one is cold, and each counts exactly the inits it made itself.

    With a shared client none finds a connection that is free.
    """
    server = start(UVICORN, receiver.environment("burst"), ONLY_AT_STOP, model_environment(slow_model), app=app)
    server.wait_ready()
    answers = server.get_all(["/ask?q=hello"] * BURST)
    server.stop()

    assert {answer.status for answer in answers} == {200}
    entries = telemetry.entries()
    spans = [entries[answer.body["trace_id"]] for answer in answers]
    assert max(span.start_ns for span in spans) < min(span.end_ns for span in spans), "they were not all at once"
    assert Counter(span.attributes.get("autogen.start.type") for span in spans) == {"cold": 1, then: BURST - 1}
    counts = Counter(span.attributes.get("autogen.request.init.count") for span in spans)
    assert counts == {client_inits + 1: BURST}, "inits a request"
    in_requests = Counter(span.trace_id for span in telemetry.inits() if span.trace_id in entries)
    assert in_requests == (dict.fromkeys((span.trace_id for span in spans), 1) if client_inits else {})
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT, phase="request") == client_inits * BURST
    runs = Counter(span.trace_id for span in telemetry.named("invoke_agent assistant"))
    assert runs == dict.fromkeys((span.trace_id for span in spans), 1), "one run in each request's trace"
    assert telemetry.counted("autogen.request.duration") == BURST
