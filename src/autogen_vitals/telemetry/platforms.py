"""Where a process runs, by what its platform documents to be in the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Span

from autogen_vitals import semconv
from autogen_vitals.records import Record


class Platform(Record, frozen=True):
    """One platform.

    Attributes:
        variable: it alone sets it, in every process.
        name: what the conventions call it.
        told: attribute → variable.
    """

    variable: str
    name: str | None
    told: Mapping[str, str]


# As the resource detectors of these platforms do it. Kubernetes is not among them: what its downward API puts into
# OTEL_RESOURCE_ATTRIBUTES is the user's to say, and in the resource.
PLATFORMS: tuple[Platform, ...] = (
    Platform(
        "AWS_LAMBDA_FUNCTION_NAME",
        "aws_lambda",
        {
            semconv.FAAS_NAME: "AWS_LAMBDA_FUNCTION_NAME",
            semconv.FAAS_VERSION: "AWS_LAMBDA_FUNCTION_VERSION",
            # The conventions want the log stream.
            semconv.FAAS_INSTANCE: "AWS_LAMBDA_LOG_STREAM_NAME",
        },
    ),
    Platform(
        "FUNCTIONS_EXTENSION_VERSION",
        "azure.functions",
        {semconv.FAAS_NAME: "WEBSITE_SITE_NAME", semconv.FAAS_INSTANCE: "WEBSITE_INSTANCE_ID"},
    ),
    # What a replica is to be called no convention says; its name is the host's.
    Platform("CONTAINER_APP_REPLICA_NAME", "azure.container_apps", {}),
    # Cloud Run's, and that of every other Knative: which of them, the environment does not say.
    Platform("K_SERVICE", None, {semconv.FAAS_NAME: "K_SERVICE", semconv.FAAS_VERSION: "K_REVISION"}),
)


def platform_attributes(span: Span) -> dict[str, str]:
    """What the environment says and the resource of ``span`` does not: a detector of the user's knows more."""
    resource: Any = getattr(span, "resource", None)
    known: Mapping[str, object] = getattr(resource, "attributes", {})
    platform = next((one for one in PLATFORMS if os.environ.get(one.variable)), None)
    if platform is None:
        return {}
    told = {semconv.CLOUD_PLATFORM: platform.name or ""}
    told |= {name: os.environ.get(variable, "") for name, variable in platform.told.items()}
    return {name: value for name, value in told.items() if value and name not in known}
