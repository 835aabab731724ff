"""AG403 code-execution-failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals import semconv
from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import EXECUTE_CODE

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_TIMEOUT = 124
_TOO_SLOW = "a longer timeout of the executor, if the code is to take that long; nothing, if it was the model's mistake"


class CodeExecutionFailed(Rule):
    """Code that was executed has failed, or was given up. No more than worth knowing: the model's code may be wrong,
    and it is told so."""

    id = "AG403"
    name = "code-execution-failed"
    severity = "info"
    remedy = "nothing, while it is now and then; what fails each time is missing in the image, or in the prompt"
    operations = (EXECUTE_CODE,)

    def run_ended(self, observation: Observation) -> Finding | None:
        """Fire, unless the code ended with 0."""
        code = observation.facts.get(semconv.CODE_EXIT_CODE)
        if not code or observation.error is not None:
            return None
        if code == _TIMEOUT:
            seconds = observation.duration_ns / 1e9
            return self.about_run(
                observation,
                f"code run by {observation.type} was given up after {seconds:.1f} s: exit code {_TIMEOUT}, a timeout",
                remedy=_TOO_SLOW,
                seconds=seconds,
            )
        return self.about_run(observation, f"code run by {observation.type} ended with exit code {code}")


RULE = CodeExecutionFailed
