"""The tests against a real Prometheus are not left out where nobody would notice."""

from __future__ import annotations

import os
from pathlib import Path

import prometheus
import pytest


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No program is anywhere."""
    monkeypatch.setattr(prometheus, "_CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return monkeypatch


def test_a_ci_that_could_have_fetched_it_fails(nowhere: pytest.MonkeyPatch) -> None:
    """As root, ``scripts/system-tools`` can do all that it takes."""
    nowhere.setenv("CI", "true")
    nowhere.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(pytest.fail.Exception, match=r"needs promtool: .*scripts/system-tools"):
        prometheus.tool("promtool")


@pytest.mark.parametrize(("ci", "user"), [("", 0), ("true", 1000)])
def test_elsewhere_a_skip_says_why(ci: str, user: int, nowhere: pytest.MonkeyPatch) -> None:
    """And how to have it."""
    nowhere.setenv("CI", ci)
    nowhere.setattr(os, "geteuid", lambda: user)
    with pytest.raises(pytest.skip.Exception, match=r"needs promtool: .*scripts/system-tools"):
        prometheus.tool("promtool")


def test_one_that_does_not_run_is_none(nowhere: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program of another architecture, say."""
    nowhere.delenv("CI", raising=False)
    broken = tmp_path / "promtool"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(pytest.skip.Exception):
        prometheus.tool("promtool")
