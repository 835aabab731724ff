"""What runs in each fresh process, with TARGET CALLS LIFESPAN RESULT as its arguments.

Imports the target, calls it if it is a factory, runs the start-up of an ASGI app, and calls the factory again for what
a second request would build. Writes a ``Sample`` or a ``Failure`` to RESULT, and ends at once, whatever threads the app
has left behind.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import time
from pathlib import Path
from typing import Any

import autogen_vitals
from autogen_vitals.crashes.classify import classify
from autogen_vitals.crashes.messages import told
from autogen_vitals.local.checking.instruments import Instruments, resident_bytes
from autogen_vitals.local.checking.sample import Failure, Request, Sample, Step, write
from autogen_vitals.local.checking.target import (
    Lifespan,
    NoAttribute,
    NoModule,
    TakesArguments,
    as_factory,
    is_asgi,
    load,
)


class Measurement:
    """One target, measured once.

    Attributes:
        step: what it is at.
        is_awaited: what the factory answers is awaited.
    """

    def __init__(self, request: Request) -> None:
        self.step: Step = "import"
        self.is_awaited = False
        self._request = request
        self._loop = asyncio.new_event_loop()
        self._lifespan: Lifespan | None = None

    def run(self, instruments: Instruments) -> Sample:
        """Measure it.

        Raises:
            BaseException: what the target raises, and what ``target`` says is wrong with it.
        """
        modules, rss = len(sys.modules), resident_bytes()
        begin = time.perf_counter()
        value = load(self._request)
        factory = as_factory(value) if self._request.attribute else None
        what = "module" if not self._request.attribute else "object"
        if factory is not None:
            what = "factory"
            self.step = "call"
            value = self._call(factory)
        elif is_asgi(value):
            what = "ASGI app"
        has_lifespan = self._request.lifespan and is_asgi(value) and self._start(value)
        total = time.perf_counter() - begin
        stages, packages = instruments.stages(), instruments.packages()
        modules, rss = len(sys.modules) - modules, max(0, resident_bytes() - rss)
        first = instruments.init_count()
        self.step = "call"
        for _ in range(self._request.calls - 1 if factory is not None else 0):
            with autogen_vitals.request("check"):
                self._call(factory)
        if self._lifespan is not None:
            self._lifespan.stop()
        autogen_vitals.flush()
        return Sample(
            what=what,
            lifespan=has_lifespan,
            total=total,
            stages={**stages, "other": max(0.0, total - sum(stages.values()))},
            packages=packages,
            modules=modules,
            rss=rss,
            inits=instruments.inits(first),
            connects=instruments.connects(),
            blocks=instruments.blocks(),
            findings=instruments.findings(),
        )

    def _call(self, factory: Any) -> Any:
        built = factory()
        self.is_awaited = inspect.isawaitable(built)
        return self._loop.run_until_complete(_awaited(built)) if self.is_awaited else built

    def _start(self, app: Any) -> bool:
        self.step = "lifespan"
        self._lifespan = Lifespan(app, self._loop)
        return self._lifespan.start()


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def measure(request: Request) -> Sample | Failure:
    """The sample, or why there is none."""
    instruments = Instruments()
    measurement = Measurement(request)
    try:
        return measurement.run(instruments)
    except NoModule as error:
        return Failure("no_module", "import", names=[str(error)])
    except NoAttribute as error:
        return Failure("no_attribute", "import", names=error.names)
    except TakesArguments as error:
        return Failure("takes_arguments", "call", names=error.names)
    except BaseException as error:
        # SystemExit is what many apps raise that lack something.
        category = classify(error)
        return Failure(
            "raised",
            measurement.step,
            type(error).__qualname__,
            told(error, "known"),
            "" if category == "other" else category,
            instruments.raised_at(error),
            is_awaited=measurement.is_awaited,
        )


def main() -> None:
    """Read the arguments, measure, and end."""
    target, calls, lifespan, result = sys.argv[1:]
    sys.argv = [target]
    if os.getcwd() not in sys.path:
        # As uvicorn and gunicorn do, whatever PYTHONSAFEPATH says.
        sys.path.insert(0, os.getcwd())
    write(Path(result), measure(Request(target, int(calls), lifespan == "yes")))
    os._exit(0)
