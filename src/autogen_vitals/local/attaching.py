"""The environment in which every Python process of a command is instrumented, and tells an embedded receiver."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from autogen_vitals import attached
from autogen_vitals.environment_variables import AUTOGEN_VITALS_ATTACHED

_FOLDER = str(Path(attached.__file__).parent)


def attached_environment(endpoint: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a command is to be started with, so that it and its children are watched, without a change to them.

    Unlike under ``opentelemetry-instrument`` the command's own OpenTelemetry stays what it is, ``OTEL_*`` variables
    included; what goes to an OTLP endpoint that they name goes there too.

    Args:
        endpoint: of the receiver, ``http://127.0.0.1:PORT``.
        environment: what it would be started with otherwise; this process's by default.
    """
    before = dict(os.environ if environment is None else environment)
    paths = [path for path in before.get("PYTHONPATH", "").split(os.pathsep) if path and path != _FOLDER]
    return {**before, AUTOGEN_VITALS_ATTACHED: endpoint, "PYTHONPATH": os.pathsep.join([_FOLDER, *paths])}
