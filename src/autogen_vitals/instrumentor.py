"""The instrumentor that ``opentelemetry-instrument`` loads, and that ``enable()`` uses."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from autogen_vitals.declarative import is_disabled_in_config_file
from autogen_vitals.environment_variables import AUTOGEN_VITALS_ATTACHED
from autogen_vitals.instrumentation import Instrumentation
from autogen_vitals.settings import Configuration, load_settings
from autogen_vitals.telemetry.providers import set_up_sdk_if_needed

_logger = logging.getLogger("autogen_vitals")

_CONVENTIONAL = (
    "tracer_provider",
    "meter_provider",
    "logger_provider",
    "skip_dep_check",
    "raise_exception_on_conflict",
    "set_up_sdk",
)


class AutogenVitalsInstrumentor(BaseInstrumentor):
    """Instruments AutoGen: init apart from run, re-initialisation, start types, process context.

    ``AutogenVitalsInstrumentor().instrument()`` does what ``opentelemetry-instrument`` does; keyword arguments are
    the settings, and ``tracer_provider``, ``meter_provider``, ``logger_provider`` and ``set_up_sdk`` (what ``enable()``
    adds: set up the SDK where the application has none). Nothing is imported: what is not there yet is patched when the
    application imports it.
    """

    configuration = Configuration
    """What declarative configuration validates the ``autogen_vitals`` node into."""

    # BaseInstrumentor is a singleton whose __init__ runs at every call: no state is set there.
    _installed: Instrumentation | None = None

    @property
    def installed(self) -> Instrumentation | None:
        """What is installed now."""
        return self._installed

    def instrumentation_dependencies(self) -> Collection[str]:
        """None that must all be there: any AutoGen will do, and it is looked for when it is imported.

        The loader of ``opentelemetry-instrument`` reads the extra ``instruments-any`` of the distribution instead.
        """
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        # An exception from here would keep the loader from loading the instrumentations after this one.
        try:
            settings = load_settings({name: value for name, value in kwargs.items() if name not in _CONVENTIONAL})
            if not settings.enabled or is_disabled_in_config_file():
                _logger.info("autogen-vitals is switched off by its setting 'enabled'")
                return
            attached = _attached_providers()
            instrumentation = Instrumentation(
                settings, *(attached or _providers(kwargs)), tells_all=attached is not None
            )
        except Exception:
            _logger.exception("autogen-vitals could not be set up; the application runs without it")
            return
        try:
            instrumentation.install()
            self._installed = instrumentation
        except Exception:
            instrumentation.uninstall()
            _logger.exception("autogen-vitals could not be installed and has undone what it did")

    def _uninstrument(self, **kwargs: Any) -> None:
        installed, self._installed = self._installed, None
        if installed is not None:
            installed.uninstall()


def _attached_providers() -> tuple[Any, Any, Any] | None:
    """Of a process that ``autogen-vitals run`` watches; others do not pay for the import."""
    if AUTOGEN_VITALS_ATTACHED not in os.environ:
        return None
    from autogen_vitals.telemetry.attached import attached_providers

    return attached_providers()


def _providers(kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Those that were given, and the application's."""
    if kwargs.get("set_up_sdk") and not (kwargs.get("tracer_provider") or kwargs.get("meter_provider")):
        set_up_sdk_if_needed()
    return (
        kwargs.get("tracer_provider") or trace.get_tracer_provider(),
        kwargs.get("meter_provider") or metrics.get_meter_provider(),
        kwargs.get("logger_provider") or _logs.get_logger_provider(),
    )
