"""Whether somebody else already makes the spans of a model's SDK."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.settings import ModelSpansMode


def told_elsewhere(mode: ModelSpansMode, model_sdks: Iterable[tuple[str, str]]) -> Callable[[Observation], bool]:
    """A test for model calls that are not ours to tell: see the setting ``model_spans``.

    Args:
        mode: the setting.
        model_sdks: providers, each with a ``module:Class.method`` of its SDK; a provider may have several.

    Asked at each model call, for an instrumentation may come and go: two look-ups and two attribute reads.
    """
    if mode != "auto":
        return lambda observation: mode == "off"

    targets: dict[str, list[str]] = {}
    for provider, target in model_sdks:
        targets.setdefault(provider, []).append(target)

    def is_told(observation: Observation) -> bool:
        return any(map(_is_wrapped, targets.get(observation.provider, ())))

    return is_told


def _is_wrapped(target: str) -> bool:
    # Every OpenTelemetry instrumentation of these SDKs wraps with wrapt; the SDKs' own decorators do not.
    module, _, path = target.partition(":")
    value: Any = sys.modules.get(module)
    for name in path.split("."):
        value = getattr(value, name, None)
    return hasattr(value, "_self_wrapper")
