"""Who is measured: what each installs, and in which states of OpenTelemetry it has something to do.

How each is enabled is in ``enabling.py``, which runs in the subject's own environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["api", "off", "batch"]
"""No SDK; the SDK with the sampler ``always_off``; the SDK with batch processor, metric reader, and exporters that
drop."""

MODES: tuple[Mode, ...] = ("api", "off", "batch")
MODE_TITLES: dict[Mode, str] = {"api": "no SDK", "off": "sampled out", "batch": "batch processor"}

AUTOGEN = ("autogen-agentchat ~= 0.7.5", "autogen-ext[openai] ~= 0.7.5", "openai >= 2, < 3")
SDK = ("opentelemetry-sdk ~= 1.45.0", "opentelemetry-exporter-otlp-proto-http ~= 1.45.0", "wrapt >= 1.16, < 3")
ZERO_CODE = ("opentelemetry-distro ~= 0.66b0",)
# Without these, pip tries older ones of some against newer ones of others until it gives up.
TRACELOOP = tuple(
    f"opentelemetry-instrumentation{name} ~= 0.66b0"
    for name in ("", "-logging", "-redis", "-requests", "-sqlalchemy", "-threading", "-urllib3")
)


@dataclass(frozen=True)
class Subject:
    """One of those that are measured.

    Attributes:
        name: its folder in ``.venv-bench``, unless ``environment`` names another's.
        title: its column.
        requirements: what pip installs beside AutoGen; ``-e`` stands for this package.
        modes: the states of OpenTelemetry in which its runs are measured. One that sets up an SDK of its own has only
            ``batch``.
        environment: the subject whose environment it shares.
        zero_code: whether ``opentelemetry-instrument`` enables it.
        settings: environment variables of its processes.
    """

    name: str
    title: str
    requirements: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ("batch",)
    environment: str = ""
    zero_code: bool = False
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Of its virtual environment."""
        return self.environment or self.name

    @property
    def installs(self) -> tuple[str, ...]:
        """All that pip is asked for."""
        return (*AUTOGEN, *SDK, *self.requirements)


BARE = "bare"
NATIVE = "autogen"
OURS = "ours"
LIKE = "ours-like"
"""Ours with what AutoGen's own spans tell of, and no more: the model's calls are left out."""

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        BARE,
        "AutoGen without its spans",
        modes=MODES,
        environment=NATIVE,
        settings={"AUTOGEN_DISABLE_RUNTIME_TRACING": "true"},
    ),
    Subject(NATIVE, "AutoGen's own spans", ZERO_CODE, modes=MODES, zero_code=True),
    Subject(OURS, "autogen-vitals", ("-e", *ZERO_CODE), modes=MODES, zero_code=True),
    Subject(
        LIKE,
        "autogen-vitals, `model_spans=off`",
        environment=OURS,
        settings={"OTEL_PYTHON_AUTOGEN_MODEL_SPANS": "off"},
    ),
    Subject(
        "openinference",
        "openinference",
        ("openinference-instrumentation-autogen-agentchat ~= 0.1.22", *ZERO_CODE),
        modes=MODES,
        zero_code=True,
    ),
    Subject("openlit", "openlit", ("openlit ~= 1.45",)),
    Subject("traceloop", "traceloop-sdk", ("traceloop-sdk ~= 0.62", *TRACELOOP)),
    Subject("agentops", "agentops", ("agentops ~= 0.4.21",)),
    Subject("logfire", "logfire", ("logfire[openai] ~= 5.2",)),
    Subject("mlflow", "mlflow", ("mlflow ~= 3.17",)),
)

BY_NAME = {subject.name: subject for subject in SUBJECTS}
