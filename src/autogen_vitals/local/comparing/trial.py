"""One boot of one variant: started, asked, watched, stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from autogen_vitals.local.comparing.driving import Answer, drive
from autogen_vitals.local.comparing.measuring import Told, measure
from autogen_vitals.local.comparing.requests import Probe, Request
from autogen_vitals.local.comparing.serving import Served, kill, living, wait_until, weights
from autogen_vitals.local.comparing.variants import ServerName, Variant, command, environment
from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.service import ServiceError, free_port
from autogen_vitals.local.stub_model import StubModel

_IN_TURN_EACH = 2
_UNDER_WAY_SECONDS = 0.3
_TOLD_SECONDS = 10.0
_REPLACED_SECONDS = 30.0
_TELEMETRY_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """What is compared, and how.

    Attributes:
        app: as the server is given it, ``module:name``.
        directory: where the server runs.
        arguments: the user's own, for the server.
        requests: sent by turns, ``count`` in all; after the first few ``concurrency`` at once.
        repeat: how often each variant is booted.
        real_model: leave the model's address and key alone.
        think_seconds: how long each reply of the stub model takes, so that requests overlap.
        ready_path: what is asked until the app answers; any status will do.
        start_seconds, request_seconds: how long to wait for an answer, the first and each.
    """

    app: str
    directory: Path
    server: ServerName
    variants: tuple[Variant, ...]
    requests: tuple[Request, ...]
    arguments: tuple[str, ...] = ()
    count: int = 40
    concurrency: int = 8
    repeat: int = 3
    real_model: bool = False
    think_seconds: float = 0.1
    ready_path: str = "/"
    start_seconds: float = 60.0
    request_seconds: float = 60.0

    @property
    def places(self) -> frozenset[str]:
        """What any of the requests has a place for."""
        return frozenset(place for request in self.requests for place in request.places)


@dataclass(frozen=True)
class Trial:
    """What one boot came to.

    Attributes:
        repeat: which of the boots of its variant, from 1.
        failure: why it did not start, the end of its log included; empty where it did.
        boot_seconds: from its start to the first answer.
        told_prompts, mixed_prompts: prompts with a canary, and with those of several requests, as the stub model saw
            them; 0 without it.
        weights_mib: resident memory of each worker.
        killed: the pid of the worker that was killed; 0 for none.
        replaced: whether another came for it; ``None``: not asked, or not known.
        ended: what the server ended with before it was asked to stop; ``None`` where it did not.
    """

    variant: Variant
    repeat: int
    failure: str = ""
    boot_seconds: float = 0.0
    answers: tuple[Answer, ...] = ()
    told_prompts: int = 0
    mixed_prompts: int = 0
    weights_mib: tuple[float, ...] = ()
    killed: int = 0
    replaced: bool | None = None
    ended: int | None = None
    told: Told | None = None


def run_trial(options: Options, variant: Variant, repeat: int, scratch: Path) -> Trial:
    """Boot the variant, ask it, and stop it.

    Args:
        scratch: an empty folder, for its log and its exit records.
    """
    with ExitStack() as stack:
        model = None if options.real_model else stack.enter_context(StubModel(think_seconds=options.think_seconds))
        receiver = stack.enter_context(Receiver())
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        server = stack.enter_context(
            Served(
                command(options.server, options.app, variant, port, options.arguments),
                directory=options.directory,
                environment=environment(receiver, model, scratch),
                url=url,
                log=scratch / "server.log",
            )
        )
        began = time.monotonic()
        try:
            server.wait_for_answer(options.ready_path, options.start_seconds)
        except ServiceError as error:
            server.stop()
            return Trial(variant, repeat, failure=str(error), told=measure(receiver.logs))
        trial = Trial(variant, repeat, boot_seconds=time.monotonic() - began)
        server.wait_for_everybody(variant.workers, receiver)
        return _asked(trial, options, server, url, receiver, model)


def _asked(
    trial: Trial, options: Options, server: Served, url: str, receiver: Receiver, model: StubModel | None
) -> Trial:
    assassin = _Assassin(server, receiver, model) if trial.variant.kill else None
    answers = drive(
        url,
        _asks(options),
        options.concurrency,
        options.request_seconds,
        in_turn=_IN_TURN_EACH * trial.variant.workers,
        kill=assassin,
    )
    if assassin is not None and assassin.killed:
        trial = replace(trial, killed=assassin.killed, replaced=assassin.is_replaced())
    trial = replace(trial, answers=tuple(answers), weights_mib=weights(living(server.workers(receiver))))
    # What is told on a schedule has come by then; the rest comes as the server stops.
    wait_until(lambda: not server.is_running, _TELEMETRY_SECONDS)
    ended = server.exit_code
    server.stop()
    told = measure(receiver.logs)
    if trial.killed:
        # What they say of its end is our own doing.
        told = replace(told, findings=tuple(found for found in told.findings if not found.rule.startswith("AG5")))
    return replace(
        trial,
        ended=ended,
        told_prompts=0 if model is None else model.told_prompts,
        mixed_prompts=0 if model is None else model.mixed_prompts,
        told=told,
    )


def _asks(options: Options) -> Sequence[tuple[Request, Probe]]:
    return [(options.requests[number % len(options.requests)], Probe(number)) for number in range(options.count)]


class _Assassin:
    """Kills a worker while requests are under way."""

    def __init__(self, server: Served, receiver: Receiver, model: StubModel | None) -> None:
        self.killed = 0
        self._server = server
        self._receiver = receiver
        self._model = model
        self._before: set[int] = set()

    async def prepare(self) -> None:
        """Wait for a worker to tell that it is there: on a busy machine it may have served before."""
        await asyncio.to_thread(wait_until, lambda: bool(self._server.workers(self._receiver)), _TOLD_SECONDS)

    async def __call__(self) -> None:
        """Kill one of them, if there is any."""
        # Until the model has been asked; for a moment where that cannot be seen, or the app asks none.
        asked = self._asked()
        await asyncio.to_thread(wait_until, lambda: self._asked() > asked, _UNDER_WAY_SECONDS)
        workers = self._server.workers(self._receiver)
        self._before = workers | self._server.children()
        for pid in sorted(living(workers)):
            if kill(pid):
                self.killed = pid
                return

    def is_replaced(self) -> bool:
        """Whether a worker has come that had not been there before, and has told so; else whether it is on its way."""
        return wait_until(
            lambda: bool(living(self._server.workers(self._receiver) - self._before)), _REPLACED_SECONDS
        ) or bool(living(self._server.children() - self._before))

    def _asked(self) -> int:
        return 0 if self._model is None else self._model.requests
