"""The doctor's checks of interpreter, packages, keys, programs, folders, telemetry and limits: each finds what is
wrong, says what to do, and is silent about the healthy environment next to it."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from made_up_surroundings import VERSIONS, outcomes, surroundings, worst

from autogen_vitals.local.doctor.checks import Flags, why_unreachable
from autogen_vitals.local.doctor.examination import examine


def test_a_healthy_environment_has_nothing_to_fix(tmp_path: Path) -> None:
    """No warning and no failure in any check."""
    results = examine(surroundings(tmp_path, environ={"OTEL_PYTHON_AUTOGEN_STATE_DIR": os.fspath(tmp_path)}))
    wrong = [
        (result.check.id, outcome)
        for result in results
        for outcome in result.outcomes
        if outcome.status in ("warning", "fail")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("check", "status", "found", "changes"),
    [
        ("python-version", "fail", "Python 3.9", {"python": (3, 9)}),
        ("python-version", "warning", "newer", {"python": (3, 15)}),
        ("python-flags", "fail", "-E", {"flags": Flags(ignores_environment=True)}),
        ("python-flags", "fail", "-I", {"flags": Flags(isolated=True, ignores_environment=True)}),
        ("python-flags", "fail", "-S", {"flags": Flags(no_site=True)}),
        ("command-flags", "fail", "-I", {"command": "python3.11 -I -m uvicorn app:app"}),
        ("autogen", "fail", "not agree", {"versions": {"autogen-ext": "0.7.4"}}),
        ("autogen", "warning", "older", {"versions": dict.fromkeys(("autogen-core", "autogen-agentchat"), "0.4.5")
                                         | {"autogen-ext": "0.4.5"}}),
        ("autogen", "warning", "autogen-ext is missing", {"versions": {"autogen-ext": None}}),
        ("autogen", "fail", "not installed", {"versions": dict.fromkeys(VERSIONS)}),
        ("classic-autogen", "fail", "overwritten", {"providers": lambda module: ["ag2", "pyautogen"]}),
        ("classic-autogen", "warning", "no module autogen", {"versions": {"pyautogen": "0.10.0"}}),
        ("model-sdks", "warning", "Event loop is closed", {"versions": {"openai": "1.99.0", "httpx": "0.28.1"}}),
        ("model-sdks", "warning", "anthropic 2.12.0", {"versions": {"anthropic": "2.12.0"}}),
        ("opentelemetry-versions", "fail", "api 1.40.0", {"versions": {"opentelemetry-api": "1.40.0"}}),
        ("opentelemetry-versions", "fail", "not installed", {"versions": {"opentelemetry-sdk": None}}),
        ("instance-identity", "warning", "service.instance.id", {"versions": {"opentelemetry-sdk": "1.42.1"}}),
        ("distro", "warning", "not instrumented", {"versions": {"opentelemetry-distro": "0.63b1"}}),
        ("distro", "warning", "not installed", {"versions": {"opentelemetry-distro": None},
                                                "entry_points": lambda group: []}),
        ("entry-point", "fail", "does not find", {"entry_points": lambda group: []}),
        ("entry-point", "fail", "DISABLED", {"environ": {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "autogen_vitals"}}),
        ("other-instrumentations", "fail", "breaks", {"versions": {"traceai-autogen": "0.2.0"}}),
        ("other-instrumentations", "warning", "agent and tool spans, too",
         {"versions": {"openinference-instrumentation-autogen-agentchat": "0.1.22"}}),
        ("other-instrumentations", "ok", "step aside", {"versions": {"opentelemetry-instrumentation-openai": "1"}}),
        ("doubled-spans", "warning", "two spans", {"versions": {"openlit": "1"},
                                                   "environ": {"OTEL_PYTHON_AUTOGEN_MODEL_SPANS": "on"}}),
        ("model-keys", "warning", "no key", {"environ": {"OPENAI_API_KEY": None}}),
        ("model-keys", "warning", "ANTHROPIC_API_KEY is set, but empty", {"environ": {"ANTHROPIC_API_KEY": " "}}),
        ("azure-openai", "warning", "AZURE_OPENAI_ENDPOINT", {"environ": {"AZURE_OPENAI_API_KEY": "k"}}),
        ("key-shape", "warning", "OPENAI_API_KEY begins or ends", {"environ": {"OPENAI_API_KEY": "sk-x\n"}}),
        ("key-shape", "warning", "OPENAI_API_KEY begins or ends", {"environ": {"OPENAI_API_KEY": "'sk-x'"}}),
        ("programs", "fail", "PATH is empty", {"environ": {"PATH": ""}}),
        ("programs", "warning", "sh, bash, python", {"which": lambda program: None}),
        ("docker-daemon", "warning", "No such file", {"versions": {"docker": "7"}}),
        ("docker-daemon", "skipped", "nothing that would use it", {}),
        ("docker-daemon", "skipped", "another machine", {"environ": {"DOCKER_HOST": "tcp://u:secret@far.away:2376"}}),
        ("autogen-settings", "warning", "NATIVE_SPANS is not accepted",
         {"environ": {"OTEL_PYTHON_AUTOGEN_NATIVE_SPANS": "perhaps"}}),
        ("autogen-settings", "warning", "no setting OTEL_PYTHON_AUTOGEN_NATIVESPANS",
         {"environ": {"OTEL_PYTHON_AUTOGEN_NATIVESPANS": "keep"}}),
        ("autogen-settings", "fail", "does nothing", {"environ": {"OTEL_PYTHON_AUTOGEN_ENABLED": "false"}}),
        ("telemetry-off", "fail", "OTEL_SDK_DISABLED", {"environ": {"OTEL_SDK_DISABLED": "True"}}),
        ("telemetry-off", "warning", "no crash", {"environ": {"OTEL_LOGS_EXPORTER": "none"}}),
        ("telemetry-off", "warning", "delta",
         {"environ": {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "DELTA"}}),
        ("resource", "warning", "unknown_service", {"environ": {"OTEL_SERVICE_NAME": None}}),
        ("resource", "warning", "service.instance.id",
         {"environ": {"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=pod-1"}}),
        ("otlp-headers", "warning", "part 2", {"environ": {"OTEL_EXPORTER_OTLP_HEADERS": "a=b,Bearer x"}}),
        ("otlp-endpoints", "fail", "speaks HTTP", {"environ": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318"}}),
        ("otlp-endpoints", "fail", "speaks gRPC", {"environ": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4317",
                                                              "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}}),
        ("otlp-endpoints", "fail", "no scheme", {"environ": {"OTEL_EXPORTER_OTLP_ENDPOINT": "otel:4318",
                                                             "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}}),
        ("otlp-endpoints", "fail", "protocol", {"environ": {"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"}}),
        ("otlp-endpoints", "fail", "no proper URL", {"environ": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[:::x"}}),
        ("otlp-endpoints", "warning", "unless you say otherwise", {"connect": lambda host, port: "refused"}),
        ("otlp-endpoints", "fail", "otel:4317, of OTEL_EXPORTER_OTLP_ENDPOINT, cannot be reached: refused",
         {"environ": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel"}, "connect": lambda host, port: "refused"}),
        ("work-dir", "fail", "does not exist", {"work_dir": Path("/nowhere/at/all")}),
        ("work-dir", "fail", "is a file", {"work_dir": Path(__file__)}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_with_its_fix(
    check: str, status: str, found: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    """One thing is wrong, and its check says so; what is to be done about it is said where there is something."""
    outcome = worst(check, surroundings(tmp_path, **changes))
    assert (outcome.status, found in outcome.found) == (status, True), outcome
    assert bool(outcome.fix) is (status in ("warning", "fail")), outcome


def test_each_endpoint_is_asked_once_and_only_for_what_is_sent(tmp_path: Path) -> None:
    """A signal with another endpoint is another place; one that is not exported by OTLP is none."""
    asked: list[tuple[str, int]] = []

    def connect(host: str, port: int) -> str:
        asked.append((host, port))
        return ""

    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://[::1]:9090/api/v1/otlp",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
        "OTEL_LOGS_EXPORTER": "none",
    }
    outcomes("otlp-endpoints", surroundings(tmp_path, environ=environ, connect=connect))
    assert asked == [("collector", 443), ("::1", 9090)]


def test_a_port_that_listens_is_told_from_one_that_does_not() -> None:
    """By a real connection, in a limited time."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert why_unreachable("127.0.0.1", port) == ""
    assert why_unreachable("127.0.0.1", port) != ""


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Docker's socket is a unix socket")
def test_a_docker_daemon_is_found_by_its_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its usual place; it is not asked anything."""
    (tmp_path / "var/run").mkdir(parents=True)
    # The path of a socket may have 107 characters, and a test's folder may be deep.
    monkeypatch.chdir(tmp_path / "var/run")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("docker.sock")
        listener.listen()
        (outcome,) = outcomes(
            "docker-daemon",
            surroundings(tmp_path, versions={"docker": "7"}, environ={"DOCKER_HOST": "unix://docker.sock"}),
        )
    assert outcome.status == "ok"


def test_exit_records_need_a_folder_that_is_private(tmp_path: Path) -> None:
    """One that others may enter is a warning, one that cannot be made a failure, none asked for is skipped; and what
    was made for the sake of looking is gone afterwards."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    missing, impossible = tmp_path / "missing", Path(__file__, "inside-a-file")

    def check(**environ: str) -> tuple[str, str]:
        outcome = worst("state-folder", surroundings(tmp_path, environ=environ))
        return outcome.status, outcome.found

    assert check(OTEL_PYTHON_AUTOGEN_STATE_DIR=os.fspath(shared))[0] == "warning"
    assert check(OTEL_PYTHON_AUTOGEN_STATE_DIR=os.fspath(missing))[0] == "ok"
    assert not missing.exists()
    assert check(OTEL_PYTHON_AUTOGEN_STATE_DIR=os.fspath(impossible))[0] == "fail"
    assert check(OTEL_PYTHON_AUTOGEN_EXIT_RECORD="false")[0] == "skipped"
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755


def test_a_sitecustomize_ahead_of_opentelemetry_s_is_found(tmp_path: Path) -> None:
    """Python runs the first only; behind it, it is without effect, and without OpenTelemetry's it will be."""
    ours = "/x/opentelemetry/instrumentation/auto_instrumentation"
    (tmp_path / "sitecustomize.py").touch()

    def status(*folders: str) -> str:
        return worst("sitecustomize", surroundings(tmp_path, environ={"PYTHONPATH": os.pathsep.join(folders)})).status

    assert status(os.fspath(tmp_path), ours) == "fail"
    assert status(ours, os.fspath(tmp_path)) == "ok"
    assert status(os.fspath(tmp_path)) == "warning"
    assert status("/elsewhere") == "ok"


@pytest.mark.parametrize(
    ("files", "check", "status", "found"),
    [
        ({"memory.max": "max"}, "memory-limit", "skipped", "no limit"),
        ({"memory.max": "536870912"}, "memory-limit", "ok", "537 MB"),
        ({"memory.max": "134217728"}, "memory-limit", "warning", "134 MB; 1 worker"),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, "memory-limit", "skipped", "no limit"),
        ({"cpu.max": "max 100000"}, "cpu-limit", "skipped", "no limit"),
        ({"cpu.max": "50000 100000"}, "cpu-limit", "warning", "0.50 CPU"),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, "cpu-limit", "ok", "2.0 CPUs"),
        ({"memory.events": "oom 3\noom_kill 2\n"}, "oom-kills", "warning", "2 processes"),
    ],
)
def test_limits_of_the_container_are_read(
    files: dict[str, str], check: str, status: str, found: str, tmp_path: Path
) -> None:
    """Of both versions of control groups."""
    for name, content in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    outcome = worst(check, surroundings(tmp_path))
    assert (outcome.status, found in outcome.found) == (status, True), outcome
