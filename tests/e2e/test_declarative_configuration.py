"""A declarative configuration file under the real opentelemetry-instrument."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

FILE = """
file_format: "1.1"
tracer_provider:
  processors:
    - simple:
        exporter:
          console:
instrumentation/development:
  python:
    autogen_vitals:
      enabled: {enabled}
      native_spans: keep
      init_span_threshold: 7
"""
PROGRAM = """
from autogen_vitals import AutogenVitalsInstrumentor

installed = AutogenVitalsInstrumentor().installed
settings = installed and installed._settings
print("settings:", settings and (settings.native_spans, settings.init_span_threshold, settings.flush_timeout))
"""


@pytest.mark.parametrize(("enabled", "settings"), [("true", "('keep', 7.0, 3.0)"), ("false", "None")])
def test_the_file_s_settings_hold(tmp_path: Path, enabled: str, settings: str) -> None:
    """What stands under autogen_vitals is what we run with, and ``enabled: false`` switches us off."""
    file = tmp_path / "otel.yaml"
    file.write_text(FILE.format(enabled=enabled))
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    result = subprocess.run(
        [instrument, sys.executable, "-c", PROGRAM],
        env={**os.environ, "OTEL_CONFIG_FILE": str(file)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"settings: {settings}" in result.stdout, result.stderr


def test_our_settings_are_flags(tmp_path: Path) -> None:
    """opentelemetry-instrument lists them, and a flag arrives."""
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    flags = ["--traces_exporter", "none", "--metrics_exporter", "none", "--logs_exporter", "none"]
    result = subprocess.run(
        [instrument, *flags, "--autogen_native_spans", "keep", sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "settings: ('keep', 1.0, 3.0)" in result.stdout, result.stderr
