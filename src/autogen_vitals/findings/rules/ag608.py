"""AG608 upstream-timeout-during-init."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule, Surroundings

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.connects import Connect
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.requests import Request

_CANCELLED = "CancelledError"


class UpstreamTimeoutDuringInit(Rule):
    """Whoever had asked for a request gave it up while something was started or connected in it, or after more than
    half of its time had gone to what start-up could have paid. That it was a timeout is the likeliest reason.

    Keeps when the observation began that it has told of last.
    """

    id = "AG608"
    name = "upstream-timeout-during-init"
    severity = "warning"
    confidence = "inferred"
    remedy = "start, connect and warm up before the process says that it is ready; a longer timeout upstream"
    stages = ("start",)
    trait = "failed"

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._told_ns = 0

    def init_ended(self, observation: Observation) -> Finding | None:
        """A second-stage init that was cancelled: a container, an MCP session."""
        request = observation.request
        if observation.error != _CANCELLED or not _is_served(request):
            return None
        seconds = observation.duration_ns / 1e9
        return self.about_init(
            observation,
            f"a request was given up while {observation.type} was being started in it, for {seconds:.2f} s so far",
            seconds=seconds,
        )

    def connect_failed(self, connect: Connect) -> Finding | None:
        """A connection that was being made."""
        observation = connect.observation
        if connect.error != _CANCELLED or not _is_served(observation.request):
            return None
        self._told_ns = observation.clock_ns
        seconds = connect.duration_ns / 1e9
        return self.about_run(
            observation,
            f"a request was given up while {observation.type} was connecting in it, for {seconds:.2f} s so far",
            seconds=seconds,
        )

    def run_ended(self, observation: Observation) -> Finding | None:
        """The innermost run that was cancelled."""
        request, network = observation.request, observation.network
        if observation.error != _CANCELLED or observation.error_recorded or observation.clock_ns == self._told_ns:
            return None
        if request is None or not _is_served(request):
            return None
        connect_ns = 0 if network is None else network.connect_ns
        spent_ns = request.init_ns + connect_ns + observation.warm_up_ns
        elapsed_ns = observation.clock_ns + observation.duration_ns - request.clock_ns
        if spent_ns * 2 <= elapsed_ns:
            return None
        return self.about_run(
            observation,
            f"a request was given up after {elapsed_ns / 1e9:.2f} s, of which {spent_ns / 1e9:.2f} s had gone to what "
            f"start-up could have paid: {request.init_ns / 1e6:.0f} ms to inits, {connect_ns / 1e6:.0f} ms to "
            f"connecting, {observation.warm_up_ns / 1e6:.0f} ms to a first-use warm-up",
            seconds=spent_ns / 1e9,
            share=min(1.0, spent_ns / elapsed_ns),
        )


def _is_served(request: Request | None) -> bool:
    return request is not None and request.is_served


RULE = UpstreamTimeoutDuringInit
