"""What is said of the platform: what it documents to be in the environment, and no more."""

from __future__ import annotations

import os
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN

from autogen_vitals.lifecycle.process import ProcessFacts
from autogen_vitals.telemetry.platforms import PLATFORMS, platform_attributes

LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "answer",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/25/[7]abc",
}
AZURE_FUNCTIONS = {"FUNCTIONS_EXTENSION_VERSION": "~4", "WEBSITE_SITE_NAME": "answer", "WEBSITE_INSTANCE_ID": "i1"}
CONTAINER_APPS = {
    "CONTAINER_APP_NAME": "answer",
    "CONTAINER_APP_REVISION": "answer--r1",
    "CONTAINER_APP_REPLICA_NAME": "answer--r1-abc",
}
CLOUD_RUN = {"K_SERVICE": "answer", "K_REVISION": "answer-00001", "K_CONFIGURATION": "answer"}
KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "answer-abc"}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No platform's environment."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "K_", "CONTAINER_APP", "WEBSITE_", "FUNCTIONS_")):
            monkeypatch.delenv(name)


def told(resource: dict[str, Any] | None = None) -> dict[str, str]:
    provider = TracerProvider(resource=Resource(resource or {}), shutdown_on_exit=False)
    return platform_attributes(provider.get_tracer("test").start_span("x"))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (
            LAMBDA,
            {
                "cloud.platform": "aws_lambda",
                "faas.name": "answer",
                "faas.version": "7",
                "faas.instance": "2026/11/25/[7]abc",
            },
        ),
        (AZURE_FUNCTIONS, {"cloud.platform": "azure.functions", "faas.name": "answer", "faas.instance": "i1"}),
        (CONTAINER_APPS, {"cloud.platform": "azure.container_apps"}),
        # Knative sets these as well.
        (CLOUD_RUN, {"faas.name": "answer", "faas.version": "answer-00001"}),
        (KUBERNETES, {}),
        ({}, {}),
    ],
    ids=["lambda", "azure-functions", "container-apps", "cloud-run", "kubernetes", "none"],
)
def test_a_platform_is_known_by_its_variables(
    environment: dict[str, str], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is said that they do not say."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert told() == expected


def test_what_the_resource_says_is_not_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user, or a detector of theirs, knows more."""
    for name, value in LAMBDA.items():
        monkeypatch.setenv(name, value)
    assert told({"cloud.platform": "mine", "faas.name": "mine", "faas.instance": "mine"}) == {"faas.version": "7"}
    assert platform_attributes(INVALID_SPAN)["faas.name"] == "answer", "a span without a resource"


def test_every_platform_has_a_variable_of_its_own() -> None:
    """Else the first would be taken for the other."""
    assert len({platform.variable for platform in PLATFORMS}) == len(PLATFORMS)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("on-demand", "on_demand"),
        ("provisioned-concurrency", "provisioned"),
        ("snap-start", "provisioned"),
        ("lambda-managed-instances", "provisioned"),
        ("something new", "process_start"),
        (None, "process_start"),
    ],
)
def test_lambda_says_why_it_starts(value: str | None, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words that it documents; others are not guessed at."""
    if value is not None:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", value)
    assert ProcessFacts(0).start_reason == reason


@pytest.mark.parametrize("environment", [CLOUD_RUN, CONTAINER_APPS, KUBERNETES, AZURE_FUNCTIONS])
def test_no_other_platform_says_why(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """That an instance scales from zero, say, is not in its environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ProcessFacts(0).start_reason == "process_start"
