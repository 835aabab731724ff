"""Environment, keyword arguments and declarative configuration become one frozen ``Settings``."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal

from autogen_vitals import environment_variables as env
from autogen_vitals.records import Record, names_of
from autogen_vitals.vocabulary import MessageMode

_logger = logging.getLogger("autogen_vitals")

NativeSpansMode = Literal["replace", "keep"]
ModelSpansMode = Literal["auto", "on", "off"]


class Settings(Record, frozen=True):
    """Every setting, with a default nobody needs to touch.

    Attributes:
        enabled: whether to instrument at all.
        native_spans: ``replace`` AutoGen's own spans, or ``keep`` them beside ours.
        model_spans: chat spans and metrics ``auto`` (unless another instrumentation makes them), ``on`` or ``off``.
        init_span_threshold: milliseconds from which on an init has a span of its own.
        flush_timeout: seconds a process that is being stopped may wait for the last export.
        import_tree: whether every module imported during the start is recorded, not only top-level packages.
        loop_heartbeat: milliseconds between two looks at an event loop that runs AutoGen; 0 switches that off.
        loop_blocked_threshold: milliseconds for which an event loop may stand still; 0 switches that off.
        exit_record: whether each process keeps the small file that says, when it is killed, what it was doing.
        state_dir: folder of these files; empty: the first of $XDG_RUNTIME_DIR, /dev/shm and the folder for temporary
            files that will do.
        exception_messages: tell what a library says of its own (``known``), ``all`` messages, or ``none``; keys,
            tokens and passwords are taken out of whatever is told.
        findings: whether the rules are asked about what is observed.
        silence: ids and globs of rules that are not.
        thresholds: of rules by id, the number that decides, in place of their own.
    """

    enabled: bool = True
    native_spans: NativeSpansMode = "replace"
    model_spans: ModelSpansMode = "auto"
    init_span_threshold: float = 1.0
    flush_timeout: float = 3.0
    import_tree: bool = False
    loop_heartbeat: float = 50.0
    loop_blocked_threshold: float = 200.0
    exit_record: bool = True
    state_dir: str = ""
    exception_messages: MessageMode = "known"
    findings: bool = True
    silence: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])


class _Kind(Record, frozen=True):
    parse: Callable[[Any], Any]
    accepted: str


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}[str(value).strip().lower()]


def _one_of(*words: str) -> _Kind:
    def parse(value: Any) -> str:
        word = str(value).strip().lower()
        if word not in words:
            raise ValueError(word)
        return word

    return _Kind(parse, " or ".join(repr(word) for word in words))


def _not_negative(value: Any) -> float:
    number = float(value)
    # Also refuses nan, which compares false with everything.
    if isinstance(value, bool) or not 0 <= number < float("inf"):
        raise ValueError(value)
    return number


def _globs(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    return tuple(_glob(word) for word in words if word.strip())


def _glob(word: str) -> str:
    # Anything else would silence nothing, which nobody would notice.
    if re.fullmatch(r"AG[0-9*?\[\]-]*|\*", word.strip()) is None:
        raise ValueError(word)
    return word.strip()


def _numbers(value: Any) -> Mapping[str, float]:
    pairs: Any = value.items() if isinstance(value, Mapping) else (pair.split("=") for pair in value.split(","))
    numbers: dict[str, float] = {}
    for rule, number in pairs:
        if re.fullmatch(r"AG\d{3}", rule.strip()) is None:
            raise ValueError(rule)
        numbers[rule.strip()] = _not_negative(number)
    return numbers


_SWITCH = _Kind(_boolean, "'true' or 'false'")
_MILLISECONDS = _Kind(_not_negative, "a number of milliseconds, 0 or more")

_KINDS: Mapping[str, tuple[str, _Kind]] = {
    "enabled": (env.OTEL_PYTHON_AUTOGEN_ENABLED, _SWITCH),
    "native_spans": (env.OTEL_PYTHON_AUTOGEN_NATIVE_SPANS, _one_of("replace", "keep")),
    "model_spans": (env.OTEL_PYTHON_AUTOGEN_MODEL_SPANS, _one_of("auto", "on", "off")),
    "init_span_threshold": (env.OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD, _MILLISECONDS),
    "flush_timeout": (env.OTEL_PYTHON_AUTOGEN_FLUSH_TIMEOUT, _Kind(_not_negative, "a number of seconds, 0 or more")),
    "import_tree": (env.OTEL_PYTHON_AUTOGEN_IMPORT_TREE, _SWITCH),
    "loop_heartbeat": (env.OTEL_PYTHON_AUTOGEN_LOOP_HEARTBEAT, _MILLISECONDS),
    "loop_blocked_threshold": (env.OTEL_PYTHON_AUTOGEN_LOOP_BLOCKED_THRESHOLD, _MILLISECONDS),
    "exit_record": (env.OTEL_PYTHON_AUTOGEN_EXIT_RECORD, _SWITCH),
    "state_dir": (env.OTEL_PYTHON_AUTOGEN_STATE_DIR, _Kind(os.fspath, "a folder")),
    "exception_messages": (env.OTEL_PYTHON_AUTOGEN_EXCEPTION_MESSAGES, _one_of("known", "all", "none")),
    "findings": (env.OTEL_PYTHON_AUTOGEN_FINDINGS, _SWITCH),
    "silence": (env.OTEL_PYTHON_AUTOGEN_SILENCE, _Kind(_globs, "ids of rules or globs, such as 'AG102,AG4*'")),
    "thresholds": (env.OTEL_PYTHON_AUTOGEN_THRESHOLDS, _Kind(_numbers, "rules and numbers, such as 'AG101=5'")),
}


def load_settings(given: Mapping[str, Any]) -> Settings:
    """Settings from ``given``, else from the environment, else the defaults.

    A value that is not accepted is one warning that names the setting, the value and what is accepted; then the
    default holds. A name that is no setting is a warning too.
    """
    for name in given:
        if name not in _KINDS:
            _logger.warning("autogen-vitals: there is no setting %r; there are %s", name, ", ".join(_KINDS))
    chosen: dict[str, Any] = {}
    for name in names_of(Settings):
        variable, kind = _KINDS[name]
        source, value = name, given.get(name)
        if value is None:
            source, value = variable, os.environ.get(variable) or None
        if value is None:
            continue
        try:
            chosen[name] = kind.parse(value)
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
            _logger.warning(
                "autogen-vitals: %s=%r is not accepted: it takes %s; using the default, %r",
                source,
                value,
                kind.accepted,
                getattr(Settings(), name),
            )
    return Settings(**chosen)
