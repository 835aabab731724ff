"""AG401 work-dir-shared."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from autogen_vitals.crashes.presence import Presence
from autogen_vitals.findings.rule import Rule, Surroundings
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.vocabulary import EXECUTE_CODE

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.uses import Use

_FOLDER_LIMIT = 256
_RUN_LIMIT = 16

_presence = Presence()
"""The process's own, however often it is instrumented: to another one of its own it would be another process."""
renew_after_fork(_presence, Presence.leave_after_fork)


class _Run(NamedTuple):
    end_ns: int
    executor: Use | None
    request: int


class WorkDirShared(Rule):
    """Code is run in one folder by two at once: requests, executors, or processes that are alive.

    They overwrite each other's scripts and read each other's files, which raises nothing and gives wrong results. Of
    another process it is known that it lives and has run code there.

    Keeps the last ``_RUN_LIMIT`` runs of ``_FOLDER_LIMIT`` folders.
    """

    id = "AG401"
    name = "work-dir-shared"
    severity = "error"
    remedy = "a folder for each run: no work_dir, which makes a temporary one, or tempfile.mkdtemp()"
    operations = (EXECUTE_CODE,)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._runs: dict[str, deque[_Run]] = {}

    def run_ended(self, observation: Observation) -> Finding | None:
        """Compare it with those that have ended since it began, and with other processes."""
        if observation.folder is None:
            return None
        folder = os.path.realpath(observation.folder)
        others = self._overlapping(folder, observation)
        if not os.access(folder, os.W_OK):
            return None
        if others:
            another = "executor" if any(run.executor is not observation.use for run in others) else "request"
            how = f"and meanwhile for another {another} too"
        elif self._is_in_another_process(folder):
            how = f"by process {observation.pid}, and another process that is alive has run code there"
        else:
            return None
        return self.about_component(observation, f"code was run in the folder {folder} {how}")

    def _overlapping(self, folder: str, observation: Observation) -> list[_Run]:
        request = observation.request
        run = _Run(
            observation.clock_ns + observation.duration_ns, observation.use, 0 if request is None else request.number
        )
        runs = self._runs.get(folder)
        if runs is None:
            if len(self._runs) >= _FOLDER_LIMIT:
                self._runs.pop(next(iter(self._runs)), None)
            runs = self._runs[folder] = deque(maxlen=_RUN_LIMIT)
        others = [
            other
            for other in tuple(runs)
            if other.end_ns > observation.clock_ns
            and (other.executor is not run.executor or other.request != run.request)
        ]
        runs.append(run)
        return others

    def _is_in_another_process(self, folder: str) -> bool:
        directory = self.about.state_dir()
        try:
            return directory is not None and _presence.enter(directory, folder)
        except OSError:
            return False  # it cannot be known


RULE = WorkDirShared
