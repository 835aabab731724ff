"""Classic AutoGen behind real servers: what the app counted is what arrived, by process."""

from __future__ import annotations

from collections import Counter

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import ONLY_AT_STOP, UVICORN_WORKERS, Answer, Launcher, built_by, served_by
from .telemetry import Telemetry, by_pid
from .test_celery import Tasks, tasks  # noqa: F401 - a fixture

pytestmark = pytest.mark.e2e
pytest.importorskip("autogen")

GTHREAD = "gunicorn -w 2 -k gthread --threads 4 -b 127.0.0.1:{port} "
GUNICORN = Launcher("gunicorn-gthread", GTHREAD + "{app}", 2, "classic_flask:app")
GUNICORN_PRELOAD = Launcher("gunicorn-gthread-preload", GTHREAD + "--preload {app}", 2, "classic_flask:app")
UVICORN = Launcher("uvicorn-workers", UVICORN_WORKERS.command, 2, "classic_fastapi:app", server="uvicorn")
# Agents are cheap: each init has a span all the same.
AT_STOP = {**ONLY_AT_STOP, "OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD": "0"}
AGENTS_AND_CLIENTS = ("AssistantAgent", "OpenAIWrapper", "UserProxyAgent")


def chats(answers: list[Answer]) -> Counter[int]:
    """Chats by worker, the app's own count."""
    return Counter({answer.pid: max(a.body["chats"] for a in answers if a.pid == answer.pid) for answer in answers})


def check(answers: list[Answer], telemetry: Telemetry, kind: str = "SERVER") -> None:
    """Agents for each request: inits, re-inits, runs, start types and traces are the app's own counts."""
    built = built_by(answers)
    for type_name in AGENTS_AND_CLIENTS:
        assert by_pid(telemetry.inits(type_name)) == built, f"init spans of {type_name} by worker"
        assert telemetry.counted("autogen.init.duration", component_type=type_name) == sum(built.values()), type_name
        assert telemetry.summed("autogen.reinits", component_type=type_name) == sum(built.values()) - len(built)
    runs = [span for span in telemetry.spans if span.name in ("invoke_workflow assistant", "chat gpt-4o-mini")]
    assert Counter((span.name, span.attributes["process.pid"]) for span in runs) == Counter(
        {(name, pid): count for pid, count in chats(answers).items() for name in {span.name for span in runs}}
    )
    assert telemetry.counted("gen_ai.invoke_workflow.duration") == len(answers)
    assert telemetry.counted("gen_ai.client.operation.duration") == len(answers)
    entries = telemetry.entries(kind)
    for pid, requests in Counter(answer.pid for answer in answers).items():
        told = Counter(entries[a.body["trace_id"]].attributes["autogen.start.type"] for a in answers if a.pid == pid)
        assert told == Counter({"cold": 1, "rebuild": requests - 1}), f"start types of {pid}"
    assert {entries[a.body["trace_id"]].attributes["autogen.request.init.count"] for a in answers} == {2}
    asked = {answer.body["trace_id"] for answer in answers}
    assert {span.trace_id for span in runs} == asked, "each chat, and each model's call, is in its request's trace"
    assert telemetry.counted("autogen.request.duration") == len(answers)
    assert not telemetry.events("autogen.crash")


@served_by(GUNICORN, long=[GUNICORN_PRELOAD])
def test_agents_for_each_request_behind_gunicorn(
    launcher: Launcher, start: Start, receiver: Receiver, telemetry: Telemetry
) -> None:
    """The crash article's second program: right for agents, and each of them builds a client again."""
    server = start(launcher, receiver.environment("classic"), AT_STOP).wait_ready(2)
    answers = server.ask("/ask?q=hello", 16, 2)
    assert server.stop() == 0
    check(answers, telemetry)


def test_agents_that_the_import_builds(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """Its first program: each worker's import builds its own, once, and requests are cold or warm."""
    server = start(GUNICORN, receiver.environment("classic"), AT_STOP, {"AGENTS": "global"}).wait_ready(2)
    answers = server.ask("/global?q=hello", 16, 2)
    assert server.stop() == 0
    workers = {answer.pid for answer in answers}
    for type_name in AGENTS_AND_CLIENTS:
        assert by_pid(telemetry.inits(type_name)) == dict.fromkeys(workers, 1)
    assert {span.attributes["autogen.phase"] for span in telemetry.inits("AssistantAgent")} == {"import"}
    assert telemetry.summed("autogen.reinits") == 0
    entries = telemetry.entries()
    told = Counter(entries[answer.body["trace_id"]].attributes["autogen.start.type"] for answer in answers)
    assert told["cold"] == len(workers)
    assert told["rebuild"] == 0
    assert by_pid(telemetry.named("invoke_workflow assistant")) == chats(answers)


def test_agents_that_the_master_builds_are_counted_once(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """Its first program under --preload: what the master built is the master's, in every sum."""
    server = start(GUNICORN_PRELOAD, receiver.environment("classic"), AT_STOP, {"AGENTS": "global"}).wait_ready(2)
    answers = server.ask("/global?q=hello", 16, 2)
    assert server.stop() == 0
    for type_name in AGENTS_AND_CLIENTS:
        assert by_pid(telemetry.inits(type_name)) == {server.pid: 1}
        assert telemetry.counted("autogen.init.duration", component_type=type_name) == 1
    assert telemetry.summed("autogen.reinits") == 0
    assert telemetry.counted("gen_ai.invoke_workflow.duration") == len(answers)


def test_a_group_chat_for_each_request(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """A manager of each request is a team that is built again, and one workflow span a request."""
    server = start(GUNICORN, receiver.environment("classic"), AT_STOP).wait_ready(2)
    answers = server.ask("/group?q=hello", 10, 2)
    assert server.stop() == 0
    for type_name in ("GroupChat", "GroupChatManager"):
        assert by_pid(telemetry.inits(type_name)) == built_by(answers)
    assert by_pid(telemetry.named("invoke_workflow chat_manager")) == chats(answers)
    assert telemetry.counted("gen_ai.invoke_workflow.duration") == len(answers)


@pytest.mark.parametrize("path", ["/ask", pytest.param("/thread", marks=pytest.mark.long)])
def test_agents_for_each_request_behind_uvicorn(
    path: str, start: Start, receiver: Receiver, telemetry: Telemetry
) -> None:
    """Asynchronous chats ask their model in a thread, AG2's run() is a thread: each in its request's trace."""
    autogen = pytest.importorskip("autogen")
    if path == "/thread" and not hasattr(autogen.ConversableAgent, "run_iter"):
        pytest.skip("this version has no run()")
    server = start(UVICORN, receiver.environment("classic"), AT_STOP).wait_ready(2)
    answers = server.ask(f"{path}?q=hello", 12, 2)
    server.stop()
    check(answers, telemetry)


def test_agents_for_each_task(
    start: Start,
    redis_url: str,
    tasks: Tasks,  # noqa: F811
    receiver: Receiver,
    telemetry: Telemetry,
) -> None:
    """In the children of Celery's pool, which end with the worker."""
    command = "opentelemetry-instrument celery -A classic_celery worker --pool prefork -l INFO --without-gossip"
    server = start.command(
        [*command.split(), "--without-mingle", "--concurrency", "2"],
        {"REDIS_URL": redis_url},
        receiver.environment("classic"),
        AT_STOP,
    )
    tasks.wait_ready(server)
    bodies = tasks.ask(8)
    while len({body["pid"] for body in bodies}) < 2:
        bodies += tasks.ask(2)
    assert server.stop() == 0
    check([Answer(200, body) for body in bodies], telemetry, "CONSUMER")
