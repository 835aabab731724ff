"""The one installation of this process, whoever asks for it: ``enable()``, the instrumentor, ``autogen-vitals run``.

Not in the instrumentor, whose base class takes as long to import as most of this package: ``enable()`` does without.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from opentelemetry import _logs, metrics, trace

from autogen_vitals.declarative import is_disabled_in_config_file
from autogen_vitals.environment_variables import AUTOGEN_VITALS_ATTACHED
from autogen_vitals.guard import guarded
from autogen_vitals.instrumentation import Instrumentation
from autogen_vitals.settings import load_settings
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
"""Keywords that are no settings."""

_installed: Instrumentation | None = None


def installed() -> Instrumentation | None:
    """What is installed now."""
    return _installed


def install(**kwargs: Any) -> None:
    """Install everything, unless it is installed. Never raises: what is wrong is told in the log.

    Args:
        **kwargs: the fields of ``autogen_vitals.settings.Settings``; ``tracer_provider``, ``meter_provider`` and
            ``logger_provider`` to use instead of the global ones; ``set_up_sdk``: where the application has no SDK.
    """
    global _installed
    if _installed is not None:
        return
    try:
        settings = load_settings({name: value for name, value in kwargs.items() if name not in _CONVENTIONAL})
        if not settings.enabled or is_disabled_in_config_file():
            _logger.info("autogen-vitals is switched off by its setting 'enabled'")
            return
        attached = _attached_providers()
        instrumentation = Instrumentation(settings, *(attached or _providers(kwargs)), tells_all=attached is not None)
    except Exception:
        _logger.exception("autogen-vitals could not be set up; the application runs without it")
        return
    try:
        instrumentation.install()
        _installed = instrumentation
    except Exception:
        instrumentation.uninstall()
        _logger.exception("autogen-vitals could not be installed and has undone what it did")


def uninstall() -> None:
    """Undo it."""
    global _installed
    instrumentation, _installed = _installed, None
    if instrumentation is not None:
        instrumentation.uninstall()


@guarded
def all_instrumented() -> None:
    """The last instrumentation, whoever's, is done: what comes now is the application's."""
    if _installed is not None:
        _installed.tracker.startup.installed()


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
