"""What gunicorn's master builds under --preload is counted once, whatever happens to its workers."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import CLIENT, GUNICORN_UVICORN, GUNICORN_UVICORN_PRELOAD, ONLY_AT_STOP, SOON, Answer, Server, built_by
from .telemetry import Telemetry, by_pid

pytestmark = pytest.mark.e2e

_ARRIVAL_SECONDS = 30.0


def test_client_of_the_master_is_counted_once(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """With everything built in the master before it forks, the sum over all processes is what the master built."""
    server = start(
        GUNICORN_UVICORN_PRELOAD, receiver.environment("preload"), ONLY_AT_STOP, app="import_time:app"
    ).wait_ready(2)
    answers = server.ask("/ask?q=hello", 10, 2)
    server.stop()

    assert {answer.body["imported_in"] for answer in answers} == {server.pid}, "the master has imported the app"
    for type_name in (CLIENT, "AssistantAgent"):
        assert by_pid(telemetry.inits(type_name)) == {server.pid: 1}, f"init spans of {type_name}"
        assert telemetry.counted("autogen.init.duration", component_type=type_name) == 1, type_name
        assert telemetry.summed("autogen.reinits", component_type=type_name) == 0, type_name
    assert {span.attributes["autogen.phase"] for span in telemetry.inits()} == {"import"}
    _check_start_types(answers, telemetry, {"cold": 1}, otherwise="warm")


def test_without_preload_each_worker_counts_its_own(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """The same app without --preload: each worker imports it, so each worker's client is counted."""
    server = start(GUNICORN_UVICORN, receiver.environment("no-preload"), ONLY_AT_STOP, app="import_time:app")
    server.wait_ready(2)
    answers = server.ask("/ask?q=hello", 6, 2)
    server.stop()

    workers = {answer.pid for answer in answers}
    assert by_pid(telemetry.inits()) == dict.fromkeys(workers, 1)
    assert {span.attributes["autogen.phase"] for span in telemetry.inits()} == {"import"}
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT) == 2
    assert telemetry.summed("autogen.reinits", component_type=CLIENT) == 0


def test_sums_survive_the_death_of_a_worker(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """A worker is killed and replaced: what it had exported stays, and its successor counts only its own."""
    server = start(
        GUNICORN_UVICORN_PRELOAD, receiver.environment("killed"), SOON, {"FLUSH_AT_IMPORT": "1"}, app="import_time:app"
    )
    server.wait_ready(2)
    answers = server.ask("/rebuild?q=hello", 8, 2)
    built = sum(built_by(answers).values())
    arrived = receiver.wait_for(
        # The master's own may come at any time; the workers' are what the victim must have delivered.
        lambda _: (
            telemetry.counted("autogen.init.duration", component_type=CLIENT, phase="request") == built
            and telemetry.counted("autogen.request.duration") == len(answers)
            and sum(by_pid(telemetry.named("invoke_agent rebuilt")).values()) == len(answers)
        ),
        _ARRIVAL_SECONDS,
    )
    assert arrived, f"{telemetry.counted('autogen.init.duration', component_type=CLIENT, phase='request')} of {built}"

    # Workers are forked from this master, this one's successor too: what its histograms hold by then, the workers
    # would export again. (They forget it; that depends on names of the SDK's that are not public.)
    held_back = telemetry.counted("autogen.init.duration", component_type=CLIENT, phase="import")
    assert held_back == 0, "a process that forks workers puts nothing into its histograms before its own end"

    victim = answers[0].pid
    os.kill(victim, signal.SIGKILL)
    answers += _until_replaced(server, victim)
    answers += server.ask("/rebuild?q=hello", 6, 2)
    server.stop()

    made = built_by(answers)
    assert victim in made
    assert len(made) == 3, "two workers and the successor"
    assert by_pid(telemetry.inits()) == made + Counter({server.pid: 1})
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT) == sum(made.values()) + 1
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT, phase="import") == 1
    assert telemetry.counted("autogen.request.duration") == len(answers)
    assert telemetry.summed("autogen.reinits", component_type=CLIENT) == sum(made.values()) - len(made)
    _check_start_types(answers, telemetry, {"cold": 1}, otherwise="rebuild")


def _until_replaced(server: Server, victim: int) -> list[Answer]:
    """Requests until a process that had not answered before does. The victim's own connections are refused none."""
    known = {answer.pid for answer in server.answers}
    answers: list[Answer] = []
    for _ in range(400):
        answers += server.get_all(["/rebuild?q=hello"])
        if answers[-1].pid not in known:
            return answers
    raise server.failed(f"worker {victim} was not replaced")


def _check_start_types(answers: list[Answer], telemetry: Telemetry, once: dict[str, int], otherwise: str) -> None:
    entries = telemetry.entries()
    for pid, requests in Counter(answer.pid for answer in answers).items():
        spans = [entries[answer.body["trace_id"]] for answer in answers if answer.pid == pid]
        # Two requests at once take two connections.
        told = Counter(span.attributes["autogen.start.type"].replace("reconnect", "warm") for span in spans)
        assert told == {**once, otherwise: requests - sum(once.values())}, f"start types of worker {pid}"
