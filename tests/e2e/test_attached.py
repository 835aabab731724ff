"""A process that ``autogen-vitals run`` starts is watched, and nothing else about it is changed."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogen_vitals.local.attaching import attached_environment
from autogen_vitals.local.receiver import Receiver

pytestmark = pytest.mark.e2e

AGENT = """
import asyncio
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient

async def ask(task="hello"):
    agent = AssistantAgent("assistant", ReplayChatCompletionClient(["a reply"]))
    return (await agent.run(task=task)).messages[-1].content

if __name__ == "__main__":
    print(asyncio.run(ask()))
"""
OWN_SETUP = """
import asyncio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
assert trace.get_tracer_provider() is provider

from agent import ask
with trace.get_tracer("shop").start_as_current_span("order") as span:
    asyncio.run(ask())
names = [span.name for span in exporter.get_finished_spans()]
assert names == ["order"], names
print(f"{span.get_span_context().trace_id:032x}")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("autogen_ext.models.replay")
    (tmp_path / "agent.py").write_text(AGENT)
    return tmp_path


@pytest.fixture
def backend() -> Iterator[Receiver]:
    """The user's own."""
    with Receiver() as receiver:
        yield receiver


def run(receiver: Receiver, folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = attached_environment(receiver.endpoint, {**os.environ, **variables})
    return subprocess.run(
        command or (sys.executable, "agent.py"),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def events(receiver: Receiver) -> list[str]:
    return [log.event_name for log in receiver.logs]


def span_names(receiver: Receiver) -> set[str]:
    return {span.name for span in receiver.spans if span.scope == "autogen_vitals"}


def test_it_tells_its_spans_points_and_requests(receiver: Receiver, folder: Path) -> None:
    """Without a change to the program, and with nothing on its output but its own."""
    done = run(receiver, folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a reply\n", "")
    assert {"autogen.startup", "init AssistantAgent", "invoke_agent assistant"} <= span_names(receiver)
    assert {point.metric for point in receiver.points} >= {"autogen.init.duration", "autogen.worker.info"}
    (request,) = [log for log in receiver.logs if log.event_name == "autogen.request"]
    assert request.attributes["autogen.request.name"] == "invoke_agent assistant"
    (outermost,) = [span for span in receiver.spans if span.name == "invoke_agent assistant"]
    assert (request.trace_id, request.attributes["process.pid"]) == (
        outermost.trace_id,
        outermost.attributes["process.pid"],
    )


def test_its_own_opentelemetry_stays_what_it_is(receiver: Receiver, folder: Path) -> None:
    """A provider that the program sets is set, and gets what it would; ours are in the same trace."""
    done = run(receiver, folder, sys.executable, "-c", OWN_SETUP)
    assert (done.returncode, done.stderr) == (0, "")
    assert {span.trace_id for span in receiver.spans if span.name.startswith("invoke_agent")} == {done.stdout.strip()}
    assert "order" not in {span.name for span in receiver.spans}


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_the_user_s_backend_gets_all_of_it_too(
    protocol: str, receiver: Receiver, backend: Receiver, folder: Path
) -> None:
    """Where the variables name an OTLP endpoint; one that nobody answers at costs a line in the log."""
    endpoint = backend.endpoint if protocol == "http/protobuf" else "http://127.0.0.1:9"
    done = run(
        receiver,
        folder,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_EXPORTER_OTLP_TIMEOUT="2",
    )
    assert (done.returncode, done.stdout) == (0, "a reply\n")
    assert "invoke_agent assistant" in span_names(receiver)
    if protocol == "http/protobuf":
        assert span_names(backend) == span_names(receiver)
        assert {point.metric for point in backend.points} == {point.metric for point in receiver.points}
        assert events(backend) == events(receiver)


def test_a_sampler_of_the_user_s_does_not_thin_out_the_report(receiver: Receiver, folder: Path) -> None:
    """Nor do a temporality, a histogram or a switch that are meant for the user's backend."""
    done = run(
        receiver,
        folder,
        OTEL_TRACES_SAMPLER="always_off",
        OTEL_SDK_DISABLED="true",
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta",
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION="base2_exponential_bucket_histogram",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "invoke_agent assistant" in span_names(receiver)
    durations = [point for point in receiver.points if point.metric == "autogen.init.duration"]
    assert durations
    assert all(point.cumulative for point in durations)


def test_opentelemetry_instrument_inside_works_as_ever(receiver: Receiver, backend: Receiver, folder: Path) -> None:
    """Its spans go where it was told to; ours are told once, to us."""
    flags = ("--exporter_otlp_endpoint", backend.endpoint, "--exporter_otlp_protocol", "http/protobuf")
    instrument = (sys.executable, "-c", "from opentelemetry.instrumentation.auto_instrumentation import run; run()")
    program = "from opentelemetry import trace; import agent, asyncio; asyncio.run(agent.ask())\n"
    program += "trace.get_tracer('shop').start_span('order').end()"
    done = run(receiver, folder, *instrument, *flags, sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    assert [span.name for span in receiver.spans].count("invoke_agent assistant") == 1
    assert "order" in {span.name for span in backend.spans}
    assert "order" not in {span.name for span in receiver.spans}


def test_children_are_watched(receiver: Receiver, folder: Path) -> None:
    """However they are started: by fork, by spawn, by a shell in between."""
    program = "import multiprocessing, sys, agent, asyncio\n"
    program += "def work():\n    asyncio.run(agent.ask())\n"
    program += "if __name__ == '__main__':\n"
    program += "    for kind in ('fork', 'spawn'):\n"
    program += "        child = multiprocessing.get_context(kind).Process(target=work)\n"
    program += "        child.start(); child.join(); assert child.exitcode == 0\n"
    (folder / "children.py").write_text(program)
    done = run(receiver, folder, "sh", "-c", f"'{sys.executable}' children.py; '{sys.executable}' agent.py")
    assert done.returncode == 0, done.stderr
    pids = {span.attributes["process.pid"] for span in receiver.spans if span.name == "invoke_agent assistant"}
    assert len(pids) == 3


def test_a_sitecustomize_of_the_user_s_has_its_turn(receiver: Receiver, folder: Path) -> None:
    """Ours comes first on the path, and lets it be imported."""
    (folder / "paths").mkdir()
    (folder / "paths" / "sitecustomize.py").write_text("import sys; sys.customized = __file__")
    done = run(
        receiver,
        folder,
        sys.executable,
        "-c",
        "import sys; print(sys.customized, sys.modules['sitecustomize'].__file__)",
        PYTHONPATH=str(folder / "paths"),
    )
    assert done.stdout.split() == [str(folder / "paths" / "sitecustomize.py")] * 2, done.stderr


def test_no_proxy_is_asked_and_no_header_is_sent(folder: Path) -> None:
    """Between the process and us: a proxy would not reach us, and the user's tokens are not for us."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            seen.append(f"{self.path} {self.headers}")
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        environment = attached_environment(
            f"http://127.0.0.1:{server.server_port}",
            {
                **os.environ,
                "HTTP_PROXY": "http://127.0.0.1:9",
                "http_proxy": "http://127.0.0.1:9",
                "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer canary-7d1f",
            },
        )
        subprocess.run([sys.executable, "agent.py"], cwd=folder, env=environment, check=True, timeout=120)
    finally:
        server.shutdown()
        server.server_close()
    assert {line.split()[0] for line in seen} == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    assert "canary-7d1f" not in "".join(seen)


def test_when_run_is_over_it_goes_on_in_silence(receiver: Receiver, folder: Path) -> None:
    """A process that has been left behind does not complain, in its own log, that nobody listens any more."""
    with Receiver() as gone:
        pass
    done = run(gone, folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a reply\n", "")


def test_a_python_without_the_package_runs_as_ever(receiver: Receiver, folder: Path) -> None:
    """Another environment's: it is not watched, and does not notice."""
    venv.create(folder / "other", with_pip=False)
    done = run(receiver, folder, str(folder / "other" / "bin" / "python"), "-c", "print('fine')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n", "")
