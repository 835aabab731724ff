"""AutoGen, the SDKs it calls, OpenTelemetry: which versions, and whether they fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Surroundings, fail, ok, release, skipped, warning

_FAMILY = ("autogen-core", "autogen-agentchat", "autogen-ext")
_CLASSIC = ("pyautogen", "ag2", "autogen", "autogen-agentchat")
_OLDEST = (0, 4, 9)
_DRIFT = "AG405"
_API, _SDK = "opentelemetry-api", "opentelemetry-sdk"
_STABLE = (_API, _SDK, "opentelemetry-exporter-otlp", "opentelemetry-exporter-otlp-proto-http",
           "opentelemetry-exporter-otlp-proto-grpc", "opentelemetry-exporter-otlp-proto-common",
           "opentelemetry-proto")  # fmt: skip
_RENEWS_IDENTITY = (1, 43)
_REACHES_WORKERS = (0, 64)
_INSTRUMENTORS = "opentelemetry_instrumentor"
_OURS = "autogen_vitals"


def _autogen(around: Surroundings) -> Iterator[Outcome]:
    found = {name: around.versions[name] for name in _FAMILY if name in around.versions}
    if not found:
        if not around.providers("autogen"):
            yield fail("AutoGen is not installed in this environment", "pip install 'autogen-vitals[autogen]'", "AG406")
        return
    told = ", ".join(f"{name} {version}" for name, version in found.items())
    modern = {name: version for name, version in found.items() if release(version) >= (0, 4)}
    if len({release(version) for version in modern.values()}) > 1:
        newest = max(modern.values(), key=release)
        pins = " ".join(f"{name}=={newest}" for name in modern)
        yield fail(f"{told}: they do not agree with each other", f"pip install {pins}, and pin them together", _DRIFT)
    elif modern and release(next(iter(modern.values()))) < _OLDEST:
        yield warning(f"{told}: older than what was tested", "0.4.9 or later")
    else:
        yield ok(told)
    if "autogen-agentchat" in modern and "autogen-ext" not in found:
        yield warning("autogen-ext is missing: no model clients", "pip install 'autogen-ext[openai]'", "AG406")


def _classic(around: Surroundings) -> Iterator[Outcome]:
    providers = around.providers("autogen")
    named = ", ".join(f"{name} {around.versions.get(name.lower(), '?')}" for name in providers)
    if len(providers) > 1:
        yield fail(
            f"the module autogen comes from {named}: they have overwritten each other's files",
            f"uninstall all of them, then install one: pip uninstall {' '.join(providers)}",
            _DRIFT,
        )
    elif providers:
        yield ok(f"the module autogen comes from {named}")
    else:
        empty = [name for name in _CLASSIC[:3] if name in around.versions]
        if empty:
            yield warning(
                f"{empty[0]} {around.versions[empty[0]]} is installed, but brings no module autogen",
                "import autogen_agentchat; or pip install 'ag2<1' for code that imports autogen",
                "AG406",
            )
        else:
            yield ok("no classic AutoGen (module autogen)")


def _openai(around: Surroundings) -> Iterator[Outcome]:
    version = around.versions.get("openai")
    if version is None:
        yield skipped("openai is not installed")
        return
    transport = next((name for name in ("httpx2", "httpx") if name in around.versions), None)
    transport = "httpx" if release(version) < (3,) and "httpx" in around.versions else transport
    told = f"openai {version}" + (f" over {transport} {around.versions[transport]}" if transport else "")
    if release(version) < (2,):
        yield warning(
            f"{told}: it hides 'Event loop is closed' behind two retries of half a second each",
            "look at autogen.retry.count on chat spans; one event loop for each client",
            "AG204",
        )
    else:
        yield ok(told)
    anthropic = around.versions.get("anthropic")
    if anthropic is not None and release(anthropic) >= (1,) and "autogen-ext" in around.versions:
        yield warning(
            f"anthropic {anthropic}: its create() does not take what autogen-ext passes",
            "pip install 'anthropic<1'",
            _DRIFT,
        )


def _versions_agree(around: Surroundings) -> Iterator[Outcome]:
    found = {name: around.versions[name] for name in _STABLE if name in around.versions}
    if _SDK not in found:
        yield fail("opentelemetry-sdk is not installed", "pip install -U autogen-vitals")
        return
    odd = {name: version for name, version in found.items() if release(version)[:2] != release(found[_SDK])[:2]}
    if odd:
        told = ", ".join(f"{name} {version}" for name, version in odd.items())
        yield fail(
            f"opentelemetry-sdk {found[_SDK]}, but {told}",
            "pip install -U " + " ".join(found),
            _DRIFT,
        )
    else:
        yield ok(f"API, SDK and exporters are {found[_SDK]}")


def _identity(around: Surroundings) -> Iterator[Outcome]:
    version = around.versions.get(_SDK)
    if version is not None and release(version) < _RENEWS_IDENTITY:
        yield warning(
            f"opentelemetry-sdk {version}: forked workers share one service.instance.id, and overwrite each other's "
            "metrics",
            "pip install -U 'opentelemetry-sdk>=1.43'",
            "AG801",
        )
    elif version is not None:
        yield ok("each worker gets a service.instance.id of its own")


def _distro(around: Surroundings) -> Iterator[Outcome]:
    version = around.versions.get("opentelemetry-distro")
    if version is None:
        others = [name for name in around.entry_points("opentelemetry_distro") if name != "distro"]
        if others:
            yield ok(f"the distro is {', '.join(others)}")
        else:
            yield warning(
                "opentelemetry-distro is not installed: no zero-code instrumentation",
                "pip install opentelemetry-distro; autogen_vitals.enable() does without",
            )
    elif release(version) < _REACHES_WORKERS:
        yield warning(
            f"opentelemetry-distro {version}: the workers of uvicorn --workers are not instrumented",
            "pip install -U 'opentelemetry-distro>=0.64b0'",
        )
    else:
        yield ok(f"opentelemetry-distro {version}")


def _entry_point(around: Surroundings) -> Iterator[Outcome]:
    disabled = {name.strip() for name in around.value("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS").split(",")}
    if _OURS not in around.entry_points(_INSTRUMENTORS):
        yield fail(
            "opentelemetry-instrument does not find autogen-vitals: its entry point is not installed",
            "pip install --force-reinstall --no-deps autogen-vitals, in the environment of the service",
        )
    elif _OURS in disabled or "*" in disabled:
        yield fail(
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS has autogen_vitals",
            "take it out; OTEL_PYTHON_AUTOGEN_ENABLED=false is the way to switch it off",
        )
    else:
        yield ok("opentelemetry-instrument finds autogen-vitals")


PACKAGES = Group(
    "Packages",
    (
        Check("autogen", "AutoGen", _autogen),
        Check("classic-autogen", "classic AutoGen", _classic),
        Check("model-sdks", "model SDKs", _openai),
        Check("opentelemetry-versions", "OpenTelemetry", _versions_agree),
        Check("instance-identity", "worker identity", _identity),
        Check("distro", "distro", _distro),
        Check("entry-point", "entry point", _entry_point),
    ),
)
