"""The node ``autogen_vitals`` of a declarative configuration file, as OpenTelemetry's loader asks for it."""

from __future__ import annotations

from dataclasses import dataclass


# Of the dataclass that the loader asks for: what it does not need would be made at each start.
@dataclass(repr=False, eq=False)
class Configuration:
    """What may stand under ``autogen_vitals`` in a declarative configuration file, and in ``enable(**settings)``.

    Field for field that of ``Settings``; ``None`` is "not given", so that the environment, then the default, holds.
    """

    enabled: bool | None = None
    native_spans: str | None = None
    model_spans: str | None = None
    init_span_threshold: float | None = None
    flush_timeout: float | None = None
    import_tree: bool | None = None
    loop_heartbeat: float | None = None
    loop_blocked_threshold: float | None = None
    exit_record: bool | None = None
    state_dir: str | None = None
    exception_messages: str | None = None
    findings: bool | None = None
    silence: str | list[str] | None = None
    thresholds: str | dict[str, float] | None = None
