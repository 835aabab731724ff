"""The instrumentor that ``opentelemetry-instrument`` loads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from autogen_vitals import installing
from autogen_vitals.instrumentation import Instrumentation


class _Configured:
    """Imported when it is asked for: dataclasses take their time."""

    def __get__(self, instance: object, owner: type) -> type:
        from autogen_vitals.configuration import Configuration

        return Configuration


class AutogenVitalsInstrumentor(BaseInstrumentor):
    """Instruments AutoGen: init apart from run, re-initialisation, start types, process context.

    ``AutogenVitalsInstrumentor().instrument()`` does what ``opentelemetry-instrument`` does; keyword arguments are
    the settings, and ``tracer_provider``, ``meter_provider``, ``logger_provider`` and ``set_up_sdk`` (what ``enable()``
    adds: set up the SDK where the application has none). Nothing is imported: what is not there yet is patched when the
    application imports it.
    """

    configuration = _Configured()
    """What declarative configuration validates the ``autogen_vitals`` node into: a dataclass."""

    @property
    def installed(self) -> Instrumentation | None:
        """What is installed now, also by ``enable()``."""
        return installing.installed()

    # BaseInstrumentor keeps this itself, and would not know of enable().
    @property
    def _is_instrumented_by_opentelemetry(self) -> bool:
        return installing.installed() is not None

    @_is_instrumented_by_opentelemetry.setter
    def _is_instrumented_by_opentelemetry(self, value: bool) -> None: ...

    def instrumentation_dependencies(self) -> Collection[str]:
        """None that must all be there: any AutoGen will do, and it is looked for when it is imported.

        The loader of ``opentelemetry-instrument`` reads the extra ``instruments-any`` of the distribution instead.
        """
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        # An exception from here would keep the loader from loading the instrumentations after this one.
        installing.install(**kwargs)

    def _uninstrument(self, **kwargs: Any) -> None:
        installing.uninstall()
