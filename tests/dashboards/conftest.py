"""The scenario, played once for all processes of a test run, and a Prometheus that has seen it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import history
import prometheus
import pytest
import scenario
from e2e.crashing import Once
from prometheus import Prometheus
from scenario import Played


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    folder = tmp_path_factory.getbasetemp()
    return Once((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "dashboards")


@pytest.fixture(scope="session")
def played(once: Once) -> Played:
    """The scenario."""
    return once.of("scenario", scenario.play)


@pytest.fixture(scope="session")
def written(once: Once, request: pytest.FixtureRequest) -> Path:
    """The history of the scenario: a data folder that nobody serves."""
    for name in ("prometheus", "promtool"):
        prometheus.tool(name)
    # Nothing is played for tests that are left out.
    played: Played = request.getfixturevalue("played")

    def write(folder: Path) -> Path:
        history.write(played, folder)
        return folder

    return once.of("history", write)


@pytest.fixture(scope="session")
def past(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A server that has the history of the scenario, and nothing else."""
    with history.serve(written, tmp_path_factory.mktemp("prometheus") / "data") as server:
        yield server
