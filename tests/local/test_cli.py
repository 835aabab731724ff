"""The command line: what it says when it is asked, and when it cannot do what it is asked."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys

import pytest
from packaging.version import Version

from autogen_vitals.cli import main
from autogen_vitals.local.demo import example_directory
from autogen_vitals.version import __version__


def exit_code(*arguments: str) -> object:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    return exited.value.code


def reaches_workers() -> bool:
    # Before 0.64b0 spawned workers are not instrumented, or their telemetry does not say whose it is.
    try:
        recent = Version(importlib.metadata.version("opentelemetry-distro")) >= Version("0.64b0")
    except importlib.metadata.PackageNotFoundError:
        return False
    entry_points = importlib.metadata.entry_points(group="opentelemetry_instrumentor")
    return recent and any(entry_point.name == "autogen_vitals" for entry_point in entry_points)


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` names the program and its version."""
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"autogen-vitals {__version__}\n"


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` shows commands to copy."""
    assert exit_code("--help") == 0
    out = capsys.readouterr().out
    assert "autogen-vitals demo\n" in out
    assert "opentelemetry-instrument uvicorn app:app\n" in out


COMMANDS = ("run", "report", "compare", "check", "doctor", "explain", "demo", "completion")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What it does, and lines to copy, no wider than a terminal can show."""
    assert exit_code(command, "--help") == 0
    out = capsys.readouterr().out
    assert f"autogen-vitals {command}" in out.partition("\n\n")[2]
    assert max(map(len, out.splitlines())) <= 110


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_what_completes_it_knows_the_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And bash takes it."""
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in COMMANDS)
    assert "stub-model" in script
    if shell == "bash" and (bash := shutil.which("bash")) is not None:
        done = subprocess.run([bash, "-n"], input=script, text=True, capture_output=True)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("demo", "--nonsense")])
def test_what_makes_no_sense_is_a_usage_error(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to do, or an unknown thing to do, exits with 2 and the usage."""
    assert exit_code(*arguments) == 2
    assert "usage: autogen-vitals" in capsys.readouterr().err


def test_help_needs_no_extra() -> None:
    """The command line itself comes up without what its commands need."""
    code = "import sys; sys.modules['rich'] = sys.modules['uvicorn'] = None; import autogen_vitals.cli"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry.distro") is None, reason="the extra itself is not installed here"
)
@pytest.mark.parametrize(
    ("missing", "extras"),
    [
        (["rich"], "local"),
        (["autogen_agentchat"], "autogen"),
        (["opentelemetry.distro", "openai"], "local,autogen"),
    ],
)
def test_a_missing_extra_is_named_with_its_remedy(
    missing: list[str], extras: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where something is not installed the demo says what, and the command that installs it."""
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["demo"]) == 1
    err = capsys.readouterr().err
    assert f"The demo needs {', '.join(missing)}," in err
    assert f"pip install 'autogen-vitals[{extras}]'" in err


def test_the_example_app_is_found() -> None:
    """The demo runs the very app that the examples show."""
    assert (example_directory() / "app.py").is_file()


@pytest.mark.e2e
@pytest.mark.skipif(not reaches_workers(), reason="takes this package, installed, and a recent opentelemetry-distro")
def test_the_demo_tells_its_story() -> None:
    """Two real workers, real requests: their cold starts are compared, and the route that builds its client is blamed,
    by file and line.
    """
    pytest.importorskip("autogen_ext.models.openai")
    code = "import sys; from autogen_vitals.cli import main; sys.exit(main(['demo']))"
    # Without a terminal, and with variables that would send its telemetry elsewhere or nowhere.
    hostile = {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "WARM_UP": "1"}
    hostile["COLUMNS"] = "240"
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, **hostile}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "/per-request is guilty: app.py:" in run.stdout
    assert run.stdout.count("(uvicorn)") == 2
    waterfalls = run.stdout.partition("Cold start without warm_up")[2].partition("First request")[0]
    without, _, with_it = waterfalls.partition("Cold start with warm_up")
    for waterfall, is_warmed_up in ((without, False), (with_it, True)):
        assert waterfall.count("worker ") == 2
        # Paid before the worker is ready, or by its first request; whatever the caller's environment says.
        assert (waterfall.index("\n warm_up ") < waterfall.index("\nfirst request")) is is_warmed_up
    assert "The first request of a worker took" in run.stdout
    assert "Not all telemetry" not in run.stdout
    assert "a crash loop" in run.stdout
    for told in ("missing_credentials", "team_already_running", "by SIGKILL; told by process"):
        assert told in run.stdout
