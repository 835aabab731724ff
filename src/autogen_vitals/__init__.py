"""Start-up and crash vitals for AutoGen services, as OpenTelemetry spans and metrics.

Zero code::

    opentelemetry-instrument uvicorn --workers 2 app:app

One call, before or after AutoGen is imported::

    import autogen_vitals

    autogen_vitals.enable()

Signals: ``docs/signals.md``. Settings: ``autogen_vitals.settings.Settings``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autogen_vitals.version import __version__

if TYPE_CHECKING:
    from autogen_vitals.instrumentor import AutogenVitalsInstrumentor
    from autogen_vitals.lifecycle.boundaries import RequestBlock

__all__ = ["enable", "disable", "flush", "request", "warm_up", "AutogenVitalsInstrumentor", "__version__"]

# Nothing heavy at import: what each of these needs is imported when it is called.


def enable(**settings: Any) -> None:
    """Instrument this process. Call it once, anywhere; a second call does nothing.

    Uses the OpenTelemetry providers the application has set; where it has set none, sets up the SDK with OTLP
    exporters from the standard ``OTEL_*`` variables. Never raises for telemetry's sake: what is wrong is one warning
    in the log, with the fix in it.

    Args:
        **settings: the fields of ``autogen_vitals.settings.Settings``, each also an environment variable
            ``OTEL_PYTHON_AUTOGEN_<NAME>``; and ``tracer_provider``, ``meter_provider`` to use instead of the global
            ones.
    """
    from autogen_vitals import enabling

    enabling.enable(**settings)


def disable() -> None:
    """Undo ``enable``: every patched attribute is what it was. Runs in progress still end as they would have."""
    from autogen_vitals import enabling

    enabling.disable()


def flush(timeout: float = 5.0) -> bool:
    """Export what has been recorded so far. For handlers of a worker's end that this package does not know, and for the
    end of each invocation where the platform freezes the process after it.

    Args:
        timeout: seconds to wait at the most, whatever the exporter does.

    Returns:
        Whether everything was handed to the exporters in time.
    """
    from autogen_vitals import enabling

    return bool(enabling.flush(timeout))


def request(name: str) -> RequestBlock:
    """One unit of served work: what is built and run in the block belongs to it.

    For queue workers, schedulers, functions of a cloud platform, and servers that this package does not know and whose
    requests have no SERVER or CONSUMER span. Both ``with`` and
    ``async with``; inside another request it changes nothing::

        with autogen_vitals.request("nightly-report"):
            ...

    Args:
        name: what kind of work it is; a few values, not an id.
    """
    from autogen_vitals import enabling

    return enabling.request(name)


async def warm_up(client: Any, *tools_or_workbenches: Any) -> None:
    """Pay before the first request what the first request would pay: to be awaited while the server starts.

    ::

        @asynccontextmanager
        async def lifespan(app):
            app.state.model_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
            await autogen_vitals.warm_up(app.state.model_client, search, mcp_workbench)
            yield

    Rehearses a model call without a network (lazy imports, the building of request, reply and tool schemas), starts
    workbenches, collects garbage, and opens one connection by a ``HEAD`` of the client's base URL, without credentials.
    No token is spent. The rehearsal is for AutoGen's OpenAI, Azure OpenAI and Anthropic clients; for others, what is
    known is done. To be awaited in each worker, on the event loop that will serve: connections belong to it.

    Never fails the start: what goes wrong is one warning in the log ``autogen_vitals``, and the rest goes on. Works
    without ``enable()`` too. The event loop is blocked during the rehearsal, some 0.3 to 0.8 s, as the first call would
    have blocked it. The HTTP client drops a connection that is idle for 5 s unless it was given another
    ``keepalive_expiry``; the rest lasts as long as the process.

    Args:
        client: the model client that will serve.
        *tools_or_workbenches: tools (functions too) to rehearse with, workbenches to start, and further clients.

    Raises:
        asyncio.CancelledError: the start was cancelled.
    """
    from autogen_vitals import enabling

    await enabling.warm_up((client, *tools_or_workbenches))


def __getattr__(name: str) -> Any:
    if name == "AutogenVitalsInstrumentor":
        from autogen_vitals import clock as clock  # first: it notes the time
        from autogen_vitals.instrumentor import AutogenVitalsInstrumentor

        return AutogenVitalsInstrumentor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
