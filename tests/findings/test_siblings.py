"""AG405 and AG801: what processes of one service have in common on one machine, and should not, or have not."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals import semconv

# Serves one request, tells which findings that gave, and lives until nobody listens. With "fork", a child serves one
# afterwards; with "as-before" that has the resource that its parent has, which an SDK before 1.43 leaves it.
PROGRAM = """
import asyncio, json, os, sys
import httpx
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
import autogen_vitals

state_dir, service, httpx_version, *how = sys.argv[1:]
httpx.__version__ = httpx_version or httpx.__version__
vitals = Vitals()
resource = Resource(json.loads(service))
vitals.tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
vitals.enable(state_dir=state_dir)

def serve():
    with autogen_vitals.request("ask"):
        asyncio.run(AssistantAgent("writer", ReplayChatCompletionClient(["a"])).run(task="x"))
    sys.stdout.write(json.dumps({"pid": os.getpid(), "findings": vitals.findings()}) + "\\n")
    sys.stdout.flush()

serve()
if "fork" in how:
    if os.fork() == 0:
        vitals.log_exporter.clear()
        if "as-before" in how:
            vitals.tracer_provider._resource = resource
        serve()
        os._exit(0)
    os.wait()
sys.stdin.read()
"""

Serve = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Has a new process of the service serve a request; what it has told, and its children. It lives on until the
    test is over."""
    with contextlib.ExitStack() as processes:

        def serve(service: dict[str, str], httpx_version: str = "", *how: str) -> list[dict[str, Any]]:
            tests = str(Path(__file__).parents[1])
            process = processes.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, str(tmp_path / "state"), json.dumps(service), httpx_version, *how],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "PYTHONPATH": tests},
                )
            )
            assert process.stdout is not None
            return [json.loads(process.stdout.readline()) for _ in range(2 if "fork" in how else 1)]

        yield serve


def rules(told: dict[str, Any]) -> list[str]:
    return [said[semconv.FINDING_RULE] for said in ours(told)]


def ours(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the rules of this file; what is slow on this machine is another matter."""
    return [said for said in told["findings"] if said[semconv.FINDING_RULE] in ("AG405", "AG801")]


# --- AG405 --------------------------------------------------------------------------------------------------------


def test_one_version_of_the_service_and_two_of_a_library(serve: Serve) -> None:
    """A warning by who comes second, with both."""
    version = {"service.name": "shop", "service.version": "1.4.2"}
    (first,) = serve(version, "0.27.0")
    assert rules(first) == []
    (second,) = serve(version, "0.28.1")
    (told,) = ours(second)
    assert told[semconv.FINDING_RULE] == "AG405"
    assert told[semconv.FINDING_SEVERITY] == "warning"
    assert told[semconv.FINDING_EVIDENCE].endswith("some have httpx 0.27.0 or 0.28.1")
    assert told[semconv.FINDING_COUNT] == 2


@pytest.mark.parametrize(
    ("service", "httpx_version"),
    [
        ({"service.version": "1.5.0"}, "0.28.1"),
        ({}, "0.28.1"),
        ({"service.version": "1.4.2"}, "0.27.0"),
    ],
    ids=["rolling-deploy", "no-version", "the-same"],
)
def test_no_drift(serve: Serve, service: dict[str, str], httpx_version: str) -> None:
    """Another version of the service has others; of one that is not told nothing is known; or they are the same."""
    serve({"service.name": "shop", "service.version": "1.4.2"}, "0.27.0")
    (told,) = serve({"service.name": "shop", **service}, httpx_version)
    assert rules(told) == []


def test_who_has_ended_is_not_compared_with(serve: Serve, tmp_path: Path) -> None:
    """A service that is stopped and started again with other libraries."""
    version = {"service.name": "shop", "service.version": "1.4.2"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "state"), json.dumps(version), "0.27.0"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    assert subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    (told,) = serve(version, "0.28.1")
    assert rules(told) == []


# --- AG801 --------------------------------------------------------------------------------------------------------

POD = {"service.name": "shop", "service.instance.id": "pod-CANARY"}


def test_two_processes_with_one_identity(serve: Serve) -> None:
    """An error by who comes second; it says who the other is, and whether all have it from the environment."""
    (first,) = serve(POD)
    assert rules(first) == []
    (second,) = serve(POD)
    (told,) = ours(second)
    assert told[semconv.FINDING_RULE] == "AG801"
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert f"process {second['pid']} exports" in told[semconv.FINDING_EVIDENCE]
    assert f"as {first['pid']}, which live" in told[semconv.FINDING_EVIDENCE]
    assert "opentelemetry-sdk 1.43" in told[semconv.FINDING_REMEDY]


def test_an_identity_that_the_environment_gives(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """To all workers: then that is what is to be changed."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-CANARY")
    serve(POD)
    (second,) = serve(POD)
    (told,) = ours(second)
    assert "OTEL_RESOURCE_ATTRIBUTES" in told[semconv.FINDING_EVIDENCE]
    assert "k8s.pod.name" in told[semconv.FINDING_REMEDY]
    assert "CANARY" not in str(told)


@pytest.mark.parametrize("other", [{"service.instance.id": "another"}, {}], ids=["another", "none"])
def test_processes_with_identities_of_their_own(serve: Serve, other: dict[str, str]) -> None:
    """Or with none: there is nothing that they share."""
    serve({"service.name": "shop", **other})
    (told,) = serve(POD)
    assert rules(told) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_that_has_its_parents_identity(serve: Serve) -> None:
    """As an SDK leaves it that does not renew it."""
    parent, child = serve(POD, "", "fork", "as-before")
    assert child["pid"] != parent["pid"]
    assert rules(parent) == []
    (told,) = ours(child)
    assert told[semconv.FINDING_RULE] == "AG801"
    assert f"as {parent['pid']}, which live" in told[semconv.FINDING_EVIDENCE]
