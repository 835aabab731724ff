"""What enabling costs a process that does not use AutoGen: nothing of AutoGen's, or of any server's, is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

FOREIGN = (
    "autogen_agentchat",
    "autogen_core",
    "autogen_ext",
    "openai",
    "httpx",
    "fastapi",
    "starlette",
    "uvicorn",
    "gunicorn",
    "celery",
    "flask",
    "rich",
    "pydantic",
)
NO_EXPORTERS = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


@pytest.mark.parametrize(
    "code",
    [
        "import autogen_vitals",
        "import autogen_vitals; autogen_vitals.enable()",
        "import autogen_vitals; autogen_vitals.enable(); autogen_vitals.flush(1); autogen_vitals.disable()",
        "from autogen_vitals import AutogenVitalsInstrumentor as A; A().instrument()",
    ],
)
def test_nothing_foreign_is_imported(code: str) -> None:
    """``python -X importtime`` lists no module of AutoGen, of the model's SDK or of a server."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env={**_environment(), **NO_EXPORTERS},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import")}
    assert "autogen_vitals" in imported
    assert {name for name in imported if name.partition(".")[0] in FOREIGN} == set()


def test_the_import_alone_is_light() -> None:
    """``import autogen_vitals`` brings neither the SDK nor wrapt: what a function needs comes when it is called."""
    code = (
        "import sys, autogen_vitals; print(sorted(m for m in sys.modules if m.startswith(('opentelemetry', 'wrapt'))))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=_environment(), capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.strip() == "[]"


def test_enabling_in_code_does_without_the_instrumentor() -> None:
    """Its base class brings ``packaging`` and its parsers, a megabyte: only who asks for it pays for it."""
    code = (
        "import sys, autogen_vitals as a; a.enable(); a.flush(1); a.disable(); "
        "brought = {'packaging', 'opentelemetry.instrumentation.instrumentor'}; "
        "print(*brought.intersection(sys.modules)); "
        "a.AutogenVitalsInstrumentor; print(brought.issubset(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**_environment(), **NO_EXPORTERS},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert result.stdout.split() == ["True"]


def _environment() -> dict[str, str]:
    import os

    # sys.path may hold what PYTHONPATH does not, as under pytest's rootdir.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
