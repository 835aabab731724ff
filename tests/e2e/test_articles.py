"""The examples that are broken, and the same ones put right: what each server's workers tell of them.

A line that is at fault ends with the rules that name it. What is told must be these lines and no others; inits,
re-inits and runs must be what the app itself has counted. Left out are the rules that compare latencies, for whether
they fire is the machine's doing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

from .articles import (
    ROUNDS,
    Example,
    Served,
    check_inits,
    check_nothing_is_wrong,
    check_runs,
    counts_of,
    crashes,
    lines_told,
    only,
    said_by,
    severities,
    since_the_fork,
)
from .conftest import Start
from .harness import CLIENT, Launcher, Server, free_port, served_by
from .telemetry import Telemetry
from .test_celery import Tasks, tasks  # noqa: F401 - a fixture

pytestmark = pytest.mark.e2e

THINKS = 0.1
"""Seconds that the model takes, so that requests which are sent at once overlap."""

UVICORN = Launcher("uvicorn-workers", "uvicorn --port {port} --workers 2 --timeout-worker-healthcheck 60 {app}", 2)
_GUNICORN = "gunicorn -w 2 -b 127.0.0.1:{port} "
COLD_START = (
    UVICORN,
    Launcher("gunicorn-uvicorn", _GUNICORN + "-k uvicorn_worker.UvicornWorker {app}", 2),
    Launcher("gunicorn-uvicorn-preload", _GUNICORN + "--preload -k uvicorn_worker.UvicornWorker {app}", 2),
)
SCALING_CRASH = tuple(
    Launcher(
        f"gunicorn-{kind}{preload}",
        # With more threads than one gunicorn makes a gthread worker of any sync one.
        f"{_GUNICORN} -k {kind} --threads {threads} {preload.replace('-', ' --', 1)} {{app}}",
        2,
    )
    for kind, threads in (("sync", 1), ("gthread", 4))
    for preload in ("", "-preload")
)

# One whose workers import the app, and one whose master has. What its threads share: test_run.py.
a_cold_start = served_by(COLD_START[0], long=COLD_START[1:])
a_scaling_crash = served_by(SCALING_CRASH[1], long=[SCALING_CRASH[0], *SCALING_CRASH[2:]])


@pytest.fixture
def model() -> Iterator[StubModel]:
    """A model that thinks."""
    with StubModel(think_seconds=THINKS) as stub:
        yield stub


@pytest.fixture
def cold_start(tmp_path: Path, receiver: Receiver) -> Example:
    return Example.copied("cold_start", tmp_path, receiver)


@pytest.fixture
def scaling_crash(tmp_path: Path, receiver: Receiver) -> Example:
    return Example.copied("scaling_crash", tmp_path, receiver)


# --- a cold start -------------------------------------------------------------------------------------------------


@a_cold_start
def test_a_cold_start_broken(launcher: Launcher, start: Start, cold_start: Example, receiver: Receiver) -> None:
    """Each line that makes the service slow, or its users share a conversation, is named by each worker."""
    # How long a first use takes is the machine's doing: here, nearly any is too long.
    cold_start.variables["OTEL_PYTHON_AUTOGEN_THRESHOLDS"] = "AG106=5"
    served = Served(start, cold_start, launcher, "broken", receiver)
    server, telemetry, preload = served.server, served.telemetry, "preload" in launcher.name
    served.until_told("AG601", "warning", lambda: server.get_all(["/ask?q=use the tool"] * 2))
    served.until_told("AG205", "error", lambda: server.get_all(["/ask?q=hello"] * 4))
    served.until_told("AG205", "warning", lambda: server.get_all(["/ask?q=hello"]))
    served.until_told("AG103", "warning", lambda: server.get_all(["/prices?q=use the tool"] * 2))
    served.until_told("AG604", "warning", lambda: server.get_all(["/prices?q=use the tool"] * 2))
    served.until_told("AG605", "warning", lambda: served.refused("/ask-now?q=hello"))
    at_end = served.stop()

    marks, file = cold_start.marked(), cold_start.folder / "broken.py"
    for pid in served.workers:
        expected = marks if preload else marks - only(marks, "AG202")
        assert lines_told(telemetry, file, pid) == expected
    assert lines_told(telemetry, file, server.pid) == (only(marks, "AG201") if preload else set())
    assert severities(telemetry, {*served.workers, server.pid}) == {
        **{rule: {"warning"} for rule in ("AG101", "AG103", "AG106", "AG601", "AG604", "AG605")},
        **({"AG202": {"info"}} if preload else {}),
        "AG102": {"info"},
        "AG201": {"warning"} if preload else {"info"},
        "AG205": {"error", "warning"},
    }
    assert crashes(telemetry) == {(pid, "AttributeError") for pid in served.workers}

    counts = since_the_fork(served, at_end) if preload else at_end
    importing = 1 if preload else 2
    for kind in (CLIENT, "AssistantAgent"):
        check_inits(telemetry, kind, counts_of(kind, counts), sites=2 + importing)
    check_inits(telemetry, "PriceList", counts_of("PriceList", counts), sites=2)
    check_runs(telemetry, counts_of("runs", counts), "invoke_agent support", "invoke_agent prices")


@a_cold_start
def test_a_cold_start_fixed(launcher: Launcher, start: Start, cold_start: Example, receiver: Receiver) -> None:
    """A client, a store and tools for each worker, an agent for each request: nobody has anything to change."""
    served = Served(start, cold_start, launcher, "fixed", receiver)
    server, telemetry = served.server, served.telemetry
    server.ask("/ask?q=use the tool", 12, 2, each=5)
    server.get_all(["/ask?q=hello"] * 8)
    server.ask("/prices?q=use the tool", 8, 2, each=4)
    alice = server.post("/chat", {"q": "I am Alice"}).body["state"]
    server.post("/chat", {"q": "I am Bob"})
    alice = server.post("/chat", {"q": "Who am I?", "state": alice}).body["state"]
    assert ("I am Alice" in str(alice), "I am Bob" in str(alice)) == (True, False)
    served.until_told("AG102", "info", lambda: server.get_all(["/ask?q=hello"] * 2))
    at_end = served.stop()

    check_nothing_is_wrong(telemetry, served.workers)
    for kind in (CLIENT, "PriceList"):
        assert set(counts_of(kind, at_end).values()) == {1}
        check_inits(telemetry, kind, counts_of(kind, at_end), sites=2)
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT, init_stage="warm_up") == 2
    check_inits(telemetry, "AssistantAgent", counts_of("AssistantAgent", at_end), sites=4)
    check_runs(telemetry, counts_of("runs", at_end), "invoke_agent support", "invoke_agent prices")


# --- a crash when scaling -----------------------------------------------------------------------------------------


@a_scaling_crash
def test_a_scaling_crash_broken(launcher: Launcher, start: Start, scaling_crash: Example, receiver: Receiver) -> None:
    """Each line that two workers, or two users, cannot share is named by each worker."""
    pytest.importorskip("autogen")
    served = Served(start, scaling_crash, launcher, "broken", receiver)
    server, telemetry, preload = served.server, served.telemetry, "preload" in launcher.name
    threads = "gthread" in launcher.name
    # With --preload one at a time: two workers would read from one connection, and then anything may happen.
    served.ask_in_turn("/chat?q=hello", 2)
    served.ask_in_turn("/group?q=hello", 2)
    if threads and not preload:
        served.until_told("AG206", "error", lambda: server.get_all(["/chat?q=hello"] * 8))
    if threads:
        manager = scaling_crash.line("manager = ")
        served.until_told("AG206", "error", lambda: server.get_all(["/group?q=hello"] * 8), manager)
    # Two runs at once in one worker, or a worker that comes to a folder in which another one is: that other one, which
    # was there first, has nothing to tell.
    both = ["/code?number=1", "/code?number=2"]
    served.until_told("AG401", "error", lambda: server.get_all(both), workers=2 if threads else 1)
    served.until_told("AG304", "warning", lambda: served.refused("/live-config"))
    at_end = served.stop()

    marks, file, assistant = (
        scaling_crash.marked(),
        scaling_crash.folder / "broken.py",
        scaling_crash.line("assistant = "),
    )
    absent = only(marks, "AG301") | (set() if preload else only(marks, "AG202"))
    if not threads:
        absent |= only(marks, "AG206")
    elif preload:
        absent |= {("AG206", assistant)}
    at_import = only(marks, "AG201", "AG302")
    # A forked worker has imported nothing, and uses no group chat itself.
    if preload:
        absent |= only(marks, "AG302") | {("AG201", scaling_crash.line("group = "))}
    first = set() if threads else only(marks, "AG401")
    for pid in served.workers:
        assert lines_told(telemetry, file, pid) | first == marks - absent
    assert lines_told(telemetry, file, server.pid) == (at_import if preload else set())
    assert severities(telemetry, {*served.workers, server.pid}) == {
        "AG201": {"warning"} if preload else {"info"},
        "AG302": {"warning"},
        "AG304": {"warning"},
        "AG401": {"error"},
        **({"AG202": {"error", "info"}} if preload else {}),
        **({"AG206": {"error"}} if threads else {}),
    }
    used_before = {line for _, rule, severity, _, line in said_by(telemetry) if (rule, severity) == ("AG202", "error")}
    assert used_before == ({assistant} if preload else set()), "what the master has used"
    assert crashes(telemetry) == {(pid, "TypeError") for pid in served.workers}

    counts = since_the_fork(served, at_end) if preload else at_end
    importing = 1 if preload else 2
    refused = sum(counts_of("refused", counts).values())
    for kind in ("UserProxyAgent", "GroupChat", "GroupChatManager"):
        check_inits(telemetry, kind, counts_of(kind, counts), sites=importing)
    agents = counts_of("AssistantAgent", counts)
    check_inits(telemetry, "AssistantAgent", agents, sites=2 * importing + 2, refused=refused)
    check_inits(telemetry, "OpenAIWrapper", agents, sites=2 * importing)
    check_runs(telemetry, counts_of("chats", counts), "invoke_workflow assistant", "invoke_workflow chat_manager")
    check_runs(telemetry, counts_of("code", counts), "execute_code")


@a_scaling_crash
def test_a_scaling_crash_fixed(launcher: Launcher, start: Start, scaling_crash: Example, receiver: Receiver) -> None:
    """A client for each worker, agents and a folder for each run: any number of workers and users may come."""
    pytest.importorskip("autogen")
    served = Served(start, scaling_crash, launcher, "fixed", receiver)
    server, telemetry = served.server, served.telemetry
    server.ask("/chat?q=hello", 8, 2, each=4)
    server.get_all(["/chat?q=hello", "/group?q=hello"] * 4)
    server.ask("/group?q=hello", 6, 2, each=2)
    printed = [answer.body["reply"] for answer in server.get_all([f"/code?number={number}" for number in range(6)])]
    assert printed == [str(number) for number in range(6)], "each has its own result"
    served.until_told("AG102", "info", lambda: server.get_all(["/chat?q=hello"] * 2))
    at_end = served.stop()

    check_nothing_is_wrong(telemetry, served.workers)
    assert set(counts_of("OpenAIWrapper", at_end).values()) == {1}
    for kind in ("OpenAIWrapper", "AssistantAgent", "UserProxyAgent", "GroupChat", "GroupChatManager"):
        check_inits(telemetry, kind, counts_of(kind, at_end), sites=2)
    check_runs(telemetry, counts_of("chats", at_end), "invoke_workflow assistant", "invoke_workflow chat_manager")
    check_runs(telemetry, counts_of("code", at_end), "execute_code")


@pytest.mark.parametrize(
    ("app", "beginning"),
    [("broken", "API_KEY = "), pytest.param("fixed", '            "api_key": ', marks=pytest.mark.long)],
)
def test_a_key_that_is_not_there(
    app: str, beginning: str, start: Start, scaling_crash: Example, telemetry: Telemetry
) -> None:
    """No worker comes up, read at import or in the factory: each tells of the line, and the master of their end."""
    pytest.importorskip("autogen")
    folder = scaling_crash.folder
    serve = f"gunicorn -c {folder}/gunicorn.conf.py --chdir {folder} -b 127.0.0.1:{free_port()} {app}:app"
    command = ["env", "-u", "OPENAI_API_KEY", "opentelemetry-instrument", *serve.split()]
    server = start.command(command, scaling_crash.variables)
    assert server.wait() != 0
    workers = {pid for pid, _ in crashes(telemetry)}
    assert workers
    assert crashes(telemetry) == {(pid, "KeyError") for pid in workers}
    for pid in workers:
        line = scaling_crash.line(beginning, f"{app}.py")
        assert lines_told(telemetry, folder / f"{app}.py", pid) == {("AG301", line)}
    assert severities(telemetry, workers) == {"AG301": {"error"}}
    assert severities(telemetry, {server.pid}) == {"AG502": {"error"}}
    ended = {event.attributes["process.pid"]: event.attributes for event in telemetry.events("autogen.process.exit")}
    assert set(ended) <= workers
    assert {(told["autogen.exit.reason"], told["autogen.phase"]) for told in ended.values()} == {
        ("boot_failure", "import" if app == "broken" else "startup")
    }


def celery_worker(start: Start, example: Example, module: str, redis_url: str, concurrency: int) -> Server:
    command = f"opentelemetry-instrument celery --workdir {example.folder} -A {module} worker -l INFO"
    options = f"--without-gossip --without-mingle --prefetch-multiplier 1 --concurrency {concurrency}"
    return start.command([*command.split(), *options.split()], example.variables, {"REDIS_URL": redis_url})


def test_agents_of_the_main_process_in_tasks(
    start: Start,
    scaling_crash: Example,
    telemetry: Telemetry,
    redis_url: str,
    tasks: Tasks,  # noqa: F811
) -> None:
    """What Celery's main process has built, and used, is told of by the child that uses it, too."""
    pytest.importorskip("autogen")
    # One child: two would read from one connection, and then anything may happen.
    server = celery_worker(start, scaling_crash, "tasks_broken", redis_url, 1)
    tasks.wait_ready(server)
    answers = [tasks.ask(1)[0] for _ in range(3)]
    (child,) = {answer["pid"] for answer in answers}
    assert server.stop() == 0

    marks, file = scaling_crash.marked(), scaling_crash.folder / "broken.py"
    assistant = scaling_crash.line("assistant = ")
    assert lines_told(telemetry, file, server.pid) == only(marks, "AG201", "AG302")
    assert lines_told(telemetry, file, child) == {("AG201", assistant), ("AG202", assistant)}
    # That it is going to fork is not known yet while it imports.
    assert severities(telemetry, {server.pid}) == {"AG201": {"info"}, "AG302": {"warning"}}
    assert severities(telemetry, {child}) == {"AG201": {"warning"}, "AG202": {"error"}}
    assert not crashes(telemetry)
    of_main = Counter(answers[-1]["did"]) - Counter({"chats": len(answers)})
    for kind in ("AssistantAgent", "UserProxyAgent", "GroupChat", "GroupChatManager"):
        check_inits(telemetry, kind, {server.pid: of_main[kind]}, sites=of_main[kind])
    check_runs(telemetry, {server.pid: of_main["chats"], child: len(answers)}, "invoke_workflow assistant")


def test_agents_for_each_task(
    start: Start,
    scaling_crash: Example,
    telemetry: Telemetry,
    redis_url: str,
    tasks: Tasks,  # noqa: F811
) -> None:
    """A client for each child, agents for each task: nobody has anything to change."""
    pytest.importorskip("autogen")
    server = celery_worker(start, scaling_crash, "tasks_fixed", redis_url, 2)
    tasks.wait_ready(server)
    counts: dict[int, Counter[str]] = {}
    for _ in range(ROUNDS):
        for answer in tasks.ask(4):
            counts[answer["pid"]] = max(counts.get(answer["pid"], Counter()), Counter(answer["did"]))
        # The third task of a child is the first of which there is something to tell, and one chat is the start's.
        if len(counts) == 2 and min(count["chats"] for count in counts.values()) >= 4:
            break
    assert server.stop() == 0

    check_nothing_is_wrong(telemetry, set(counts))
    for kind in ("OpenAIWrapper", "AssistantAgent", "UserProxyAgent"):
        check_inits(telemetry, kind, counts_of(kind, counts), sites=2)
    assert set(counts_of("OpenAIWrapper", counts).values()) == {1}
    check_runs(telemetry, counts_of("chats", counts), "invoke_workflow assistant")
