"""OpenTelemetry's variables: which are set, whether they contradict each other, and whether anybody listens.

Of values are told only words out of a known list, and of an endpoint its scheme, host and port.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Surroundings, fail, ok, skipped, warning
from autogen_vitals.settings import _KINDS

_SIGNALS = ("TRACES", "METRICS", "LOGS")
_PROTOCOLS = ("grpc", "http/protobuf", "http/json")
_EXPORTERS = ("otlp", "none", "console", "prometheus", "zipkin", "otlp_proto_grpc", "otlp_proto_http")
_PORTS = {"grpc": 4317, "http": 4318}
_INSTANCE = "service.instance.id"
_UNKNOWN = "a value that is not known here"


def _names(around: Surroundings) -> Iterator[Outcome]:
    names = sorted(name for name in around.environ if name.startswith("OTEL_"))
    if not names:
        yield ok("none is set: OTLP to this machine, by gRPC, as unknown_service")
        return
    yield ok(f"set: {', '.join(names)}")
    words = [f"{name}={word}" for name in names if (word := _harmless(around, name))]
    if words:
        yield ok(", ".join(words))


def _harmless(around: Surroundings, name: str) -> str:
    value = around.value(name).lower()
    known: tuple[str, ...] = ()
    if name.endswith("_PROTOCOL"):
        known = _PROTOCOLS
    elif name in {f"OTEL_{signal}_EXPORTER" for signal in _SIGNALS}:
        known = _EXPORTERS
    elif name == "OTEL_SDK_DISABLED":
        known = ("true", "false")
    words = [word.strip() for word in value.split(",")]
    return value if known and all(word in known for word in words) else ""


def _settings(around: Surroundings) -> Iterator[Outcome]:
    for variable, kind in _KINDS.values():
        value = around.environ.get(variable)
        if not value:
            continue
        try:
            kind.parse(value)
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError):
            yield warning(f"{variable} is not accepted, its default holds", f"it takes {kind.accepted}")
    known = {variable for variable, _ in _KINDS.values()}
    for name in sorted(name for name in around.environ if name.startswith("OTEL_PYTHON_AUTOGEN_")):
        if name not in known:
            yield warning(f"there is no setting {name}", f"there are {', '.join(sorted(known))}")
    if around.value("OTEL_PYTHON_AUTOGEN_ENABLED").lower() in ("false", "0"):
        yield fail("OTEL_PYTHON_AUTOGEN_ENABLED=false: this package does nothing", "take it away")


def _switched_off(around: Surroundings) -> Iterator[Outcome]:
    if around.value("OTEL_SDK_DISABLED").lower() == "true":
        yield fail("OTEL_SDK_DISABLED=true: nothing is exported", "take it away")
        return
    for signal in _SIGNALS:
        if around.value(f"OTEL_{signal}_EXPORTER").lower() == "none":
            what = "no crash, exit or finding is told" if signal == "LOGS" else f"no {signal.lower()}"
            yield warning(f"OTEL_{signal}_EXPORTER=none: {what}", "otlp, which is the default")
    if around.value("OTEL_TRACES_SAMPLER").lower() in ("always_off", "parentbased_always_off"):
        yield warning("OTEL_TRACES_SAMPLER switches all traces off", "parentbased_always_on, which is the default")
    if around.value("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE").lower() == "delta":
        yield warning("metrics are delta, which Prometheus refuses", "cumulative, which is the default, for our boards")


def _resource(around: Surroundings) -> Iterator[Outcome]:
    pairs = [pair.partition("=") for pair in around.value("OTEL_RESOURCE_ATTRIBUTES").split(",") if pair.strip()]
    names = [name.strip() for name, _, _ in pairs]
    if any(not equals for _, equals, _ in pairs):
        yield warning("a part of OTEL_RESOURCE_ATTRIBUTES is not name=value, and is left out", "name=value,name=value")
    if not around.value("OTEL_SERVICE_NAME") and "service.name" not in names:
        yield warning("the service has no name: it is unknown_service on the boards", "OTEL_SERVICE_NAME=<name>")
    else:
        yield ok("the service has a name")
    if _INSTANCE in names:
        yield warning(
            f"{_INSTANCE} is in OTEL_RESOURCE_ATTRIBUTES: workers share it, and overwrite each other's metrics",
            "take it out; give the pod's name as k8s.pod.name",
            "AG801",
        )


def _headers(around: Surroundings) -> Iterator[Outcome]:
    for name in ("OTEL_EXPORTER_OTLP_HEADERS", *(f"OTEL_EXPORTER_OTLP_{signal}_HEADERS" for signal in _SIGNALS)):
        parts = [part for part in around.value(name).split(",") if part.strip()]
        odd = [str(number) for number, part in enumerate(parts, 1) if not re.match(r"\s*[!-<>-~]+\s*=", part)]
        if odd:
            yield warning(
                f"{name}: part {', '.join(odd)} is not name=value, and is not sent",
                "name=value,name=value; a blank in a value is %20, a comma %2C",
            )


def _endpoints(around: Surroundings) -> Iterator[Outcome]:
    if around.value("OTEL_SDK_DISABLED").lower() == "true":
        yield skipped("the SDK is switched off")
        return
    asked: dict[tuple[str, int], str] = {}
    for signal in _SIGNALS:
        exporters = around.value(f"OTEL_{signal}_EXPORTER").lower() or "otlp"
        if "otlp" not in exporters:
            continue
        variable, given = _endpoint_of(around, signal)
        protocol = _protocol_of(around, signal)
        if protocol not in _PROTOCOLS:
            yield fail(f"the protocol for {signal.lower()} is {_UNKNOWN}", "grpc or http/protobuf")
            continue
        port = _PORTS["grpc" if protocol == "grpc" else "http"]
        place = _place(given, port) if given else ("localhost", port)
        if place is None:
            yield fail(f"{variable} is no proper URL", "http://HOST:4317 for gRPC, http://HOST:4318 for HTTP")
            continue
        if place not in asked:
            yield from _contradiction(variable, protocol, place[1], given)
        asked.setdefault(place, variable if given else "")
    for (host, port), variable in asked.items():
        yield _reached(around, host, port, variable)


def _endpoint_of(around: Surroundings, signal: str) -> tuple[str, str]:
    for variable in (f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        if around.value(variable):
            return variable, around.value(variable)
    return "OTEL_EXPORTER_OTLP_ENDPOINT", ""


def _protocol_of(around: Surroundings, signal: str) -> str:
    own = around.value(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL")
    # What the SDK and the distro take where nothing is said.
    return (own or around.value("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc").lower()


def _place(endpoint: str, default: int) -> tuple[str, int] | None:
    """Host and port, and nothing else of it: there may be a password in it, or a key in its path."""
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or re.fullmatch(r"[A-Za-z0-9._:%\-]{1,253}", host) is None:
        return None
    return host, port or (443 if parts.scheme == "https" else default)


def _contradiction(variable: str, protocol: str, port: int, given: str) -> Iterator[Outcome]:
    if protocol == "grpc" and port == _PORTS["http"]:
        yield fail(
            f"{variable} has port 4318, which speaks HTTP, and the protocol is grpc",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or port 4317",
        )
    elif protocol != "grpc" and port == _PORTS["grpc"]:
        yield fail(
            f"{variable} has port 4317, which speaks gRPC, and the protocol is {protocol}",
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or port 4318",
        )
    if protocol != "grpc" and given and "://" not in given:
        yield fail(f"{variable} has no scheme: by HTTP nothing is sent", "http:// or https:// before the host")


def _reached(around: Surroundings, host: str, port: int, variable: str) -> Outcome:
    problem = around.connect(host, port)
    where = f"{host}:{port}"
    if not problem:
        return ok(f"{where} can be reached (TCP; nothing was sent)")
    if variable:
        return fail(f"{where}, of {variable}, cannot be reached: {problem}", "start what listens there, or correct it")
    return warning(
        f"{where}, where telemetry goes unless you say otherwise, cannot be reached: {problem}",
        "start a Collector there, or OTEL_EXPORTER_OTLP_ENDPOINT; autogen-vitals run needs neither",
    )


TELEMETRY = Group(
    "Telemetry",
    (
        Check("otel-variables", "variables", _names),
        Check("autogen-settings", "our settings", _settings),
        Check("telemetry-off", "switched off", _switched_off),
        Check("resource", "resource", _resource),
        Check("otlp-headers", "headers", _headers),
        Check("otlp-endpoints", "endpoints", _endpoints),
    ),
)
