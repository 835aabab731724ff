"""Findings of a test's own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _records_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In the folder that all processes of a user share, one that another test has killed would be told of here."""
    monkeypatch.setenv("OTEL_PYTHON_AUTOGEN_STATE_DIR", str(tmp_path_factory.mktemp("state")))
