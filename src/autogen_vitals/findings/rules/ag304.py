"""AG304 live-object-in-config."""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_WALK_LIMIT = 50
_NOT_PICKLED = "send its name and build it on the other side: whoever can read the pickle can read the API key"


class LiveObjectInConfig(Rule):
    """A configuration holds something that lives: a client, a lock, a file. It cannot be copied, and classic AutoGen
    copies each ``llm_config``.

    And a model client that came out of a pickle: what it was built with went with it, its API key too, if it was given
    one. ``copy`` and ``deepcopy`` restore a client in the same way, and nothing leaves the process by that.
    """

    id = "AG304"
    name = "live-object-in-config"
    severity = "warning"
    remedy = "put names and plain values into configurations; give clients to what takes clients"
    categories = ("not_serialisable",)
    kinds = ("model_client",)
    stages = ("restore",)

    @classmethod
    def concerns_crash(cls, crash: Crash) -> bool:
        """If it ended an init."""
        return crash.category in cls.categories and crash.escaped == "init"

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire, and say where in the configuration it is."""
        # Not needed by a process in which nothing fails.
        from autogen_vitals.findings.culprits import whereabouts

        return self.about_crash(
            crash,
            f"{crash.error_type} ended {crash.operation}, for it could not copy what it was given"
            f"{whereabouts(crash.error, self.about.sites)}",
        )

    def init_ended(self, observation: Observation) -> Finding | None:
        """Fire about a model client that was unpickled."""
        if observation.error is not None:
            return None
        if self._is_copied():
            return None
        return self.about_init(
            observation,
            f"{observation.type} was restored from a pickle, and what it was built with is in there: an API key too, "
            "if it was given one",
            remedy=_NOT_PICKLED,
        )

    def _is_copied(self) -> bool:
        """Whether ``copy`` is what restores it, which happens on the present stack."""
        frame: FrameType | None = sys._getframe(1)
        for _ in range(_WALK_LIMIT):
            if frame is None:
                return False
            if not self.about.sites.is_skipped(frame):
                return frame.f_globals.get("__name__") == "copy"
            frame = frame.f_back
        return False


RULE = LiveObjectInConfig
