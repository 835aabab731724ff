"""``enabled: false`` in a declarative configuration file (``OTEL_CONFIG_FILE``).

``opentelemetry-instrument`` takes ``enabled`` off the node before an instrumentation sees it, and then loads every
instrumentation again with defaults: without this, ``enabled: false`` would switch nothing off.
"""

from __future__ import annotations

import json
import os
from typing import Any

_FILE_VARIABLES = ("OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE")
_NODE = ("instrumentation/development", "python", "autogen_vitals")


def is_disabled_in_config_file() -> bool:
    """Whether the file names this instrumentation and says ``enabled: false``.

    A file that cannot be read or understood disables nothing: the SDK reports it.
    """
    path = next((os.environ[name] for name in _FILE_VARIABLES if os.environ.get(name)), None)
    if path is None:
        return False
    try:
        with open(path, encoding="utf-8") as file:
            node: Any = _parse(file.read())
        for key in _NODE:
            node = node.get(key) or {}
        return node.get("enabled") is False
    except (OSError, ValueError, AttributeError):
        return False


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        # The SDK needs it to read such a file, hence it is there whenever the file is YAML.
        import yaml  # pyright: ignore[reportMissingModuleSource]
    except ImportError:
        return {}
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(type(error).__name__) from None
