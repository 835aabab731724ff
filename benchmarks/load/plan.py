"""Who is measured, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.subjects import ZERO_CODE, Subject

from load.states import STATES, State

_SERVED = ("fastapi >= 0.110, < 1", "uvicorn >= 0.29, < 1", "opentelemetry-instrumentation-fastapi ~= 0.66b0")

ALONE = Subject("load-sdk", "the SDK alone", (*ZERO_CODE, *_SERVED))
"""``opentelemetry-instrument`` with FastAPI's instrumentation, and the spans AutoGen makes itself."""
OURS = Subject("load-ours", "autogen-vitals", ("-e", *ZERO_CODE, *_SERVED))
SUBJECTS = (ALONE, OURS)

WORKERS = 2


@dataclass(frozen=True)
class Plan:
    """How much.

    Attributes:
        minutes: all in all, without the installing.
        rounds: windows of each subject in each state.
        clients: that ask at the same time.
        model_seconds: how long each reply of the model takes; a request has two.
    """

    minutes: float = 10.0
    rounds: int = 5
    clients: int = 24
    model_seconds: float = 0.25
    states: tuple[State, ...] = STATES
