"""A client for each request, behind every server: what the app counted is what arrived, after nothing but a SIGTERM."""

from __future__ import annotations

from collections import Counter

import pytest

from .harness import CLIENT
from .recordings import Recording, recorded
from .telemetry import by_pid

pytestmark = pytest.mark.e2e


@recorded()
def test_each_client_has_its_init_span(recording: Recording) -> None:
    """Each worker's init spans are as many as the clients the app says it built there."""
    assert by_pid(recording.telemetry.inits()) == recording.built, (
        "init spans of the client by worker pid differ from the app's own count: spans were lost at SIGTERM, "
        "or counted for another process"
    )


@recorded()
def test_all_but_the_first_are_reinits(recording: Recording) -> None:
    """In each worker the first client of its site is no re-init, and every later one is, numbered in order."""
    for pid, built in recording.built.items():
        spans = [span for span in recording.telemetry.inits() if span.attributes["process.pid"] == pid]
        told = [(span.attributes["autogen.init.sequence"], span.attributes["autogen.reinit"]) for span in spans]
        assert told == [(number, number > 1) for number in range(1, built + 1)], f"worker {pid}: {told}"


@recorded()
def test_inits_of_requests_are_told_apart(recording: Recording) -> None:
    """Every init is in phase request, at the app's own line, in the app's own function."""
    told = {
        (
            span.attributes["autogen.phase"],
            span.attributes["code.file.path"].rpartition("/")[2],
            span.attributes["code.function.name"],
        )
        for span in recording.telemetry.inits()
    }
    module = recording.launcher.app.partition(":")[0]
    function = {"per_request": "ask", "flask_per_request": "answer"}[module]
    assert told == {("request", f"{module}.py", f"{module}.{function}")}


@recorded()
def test_every_span_has_the_pid_of_its_worker(recording: Recording) -> None:
    """Each span carries the pid, and the parent's pid, of the process that answered the request it belongs to."""
    answered_by = {answer.body["trace_id"]: answer.pid for answer in recording.answers}
    cold_starts = {span.trace_id for span in recording.telemetry.named("autogen.startup")}
    spans = [span for span in recording.telemetry.spans if span.trace_id not in cold_starts]
    assert spans, "no span of autogen_vitals arrived"
    wrong = [
        (span.name, span.attributes["process.pid"], answered_by.get(span.trace_id))
        for span in spans
        if span.attributes["process.pid"] != answered_by.get(span.trace_id)
        or span.attributes["process.parent_pid"] != recording.parents[span.attributes["process.pid"]]
    ]
    assert not wrong, f"(span, its process.pid, the pid that answered): {wrong[:5]}; parents: {recording.parents}"


@recorded()
def test_each_process_is_cold_once(recording: Recording) -> None:
    """Of each worker's requests exactly one SERVER span says cold, all others say rebuild."""
    entries = recording.telemetry.entries()
    for pid, requests in Counter(answer.pid for answer in recording.answers).items():
        spans = [entries[answer.body["trace_id"]] for answer in recording.answers if answer.pid == pid]
        told = Counter(span.attributes.get("autogen.start.type") for span in spans)
        assert told == {"cold": 1, "rebuild": requests - 1}, f"start types of worker {pid}: {told}"


@recorded()
def test_health_checks_have_no_start_type(recording: Recording) -> None:
    """A request that never touches AutoGen, though it is the first of its worker, is neither cold nor warm."""
    asked = {answer.body["trace_id"] for answer in recording.answers}
    others = [span for trace_id, span in recording.telemetry.entries().items() if trace_id not in asked]
    assert others, "no SERVER span of a health check arrived"
    told = {key for span in others for key in span.attributes if key.startswith("autogen.")}
    assert not told, f"attributes on health checks: {told}"


@recorded()
def test_each_request_counts_its_inits(recording: Recording) -> None:
    """Each SERVER span counts two inits, the client and the agent, whatever those build inside."""
    entries = recording.telemetry.entries()
    counts = Counter(
        entries[answer.body["trace_id"]].attributes.get("autogen.request.init.count") for answer in recording.answers
    )
    assert counts == {2: len(recording.answers)}


@recorded()
def test_spans_of_a_request_are_one_tree(recording: Recording) -> None:
    """Client, agent and run hang directly below the request's SERVER span, the model call below the run."""
    entries, spans = recording.telemetry.entries(), recording.telemetry.spans
    for answer in recording.answers:
        trace_id = answer.body["trace_id"]
        root = entries[trace_id].span_id
        parents = {span.name: span.parent_span_id for span in spans if span.trace_id == trace_id}
        run = next(span.span_id for span in spans if span.trace_id == trace_id and span.name.startswith("invoke_agent"))
        assert (parents[f"init {CLIENT}"], parents["invoke_agent assistant"]) == (root, root), parents
        assert parents["chat gpt-4o-mini"] == run, parents


@recorded()
def test_metrics_add_up_over_the_processes(recording: Recording) -> None:
    """Over all processes the init histogram counts every client once, and the re-init counter all but the firsts."""
    telemetry, total = recording.telemetry, sum(recording.built.values())
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT) == total
    assert telemetry.summed("autogen.reinits", component_type=CLIENT) == total - len(recording.built)
    firsts = telemetry.counted("autogen.init.duration", component_type=CLIENT, reinit=False)
    assert firsts == len(recording.built), "first inits, one a worker"


@recorded()
def test_requests_add_up_over_the_processes(recording: Recording) -> None:
    """Over all processes each request, run and model call is counted once, under its start type."""
    telemetry, total, workers = recording.telemetry, len(recording.answers), len(recording.built)
    for metric in (
        "autogen.request.duration",
        "autogen.request.init.duration",
        "gen_ai.invoke_agent.duration",
        "gen_ai.client.operation.duration",
    ):
        told = Counter({kind: telemetry.counted(metric, start_type=kind) for kind in ("cold", "rebuild", "warm")})
        assert told == Counter(cold=workers, rebuild=total - workers), metric


@recorded()
def test_each_worker_has_an_instance_of_its_own(recording: Recording) -> None:
    """No two processes share service.instance.id, so that their series never mix."""
    instances = {
        (point.resource["service.instance.id"], point.attributes["process.pid"])
        for point in recording.telemetry.points("autogen.worker.info")
    }
    assert len({instance for instance, _ in instances}) == len({pid for _, pid in instances}) == len(instances)
