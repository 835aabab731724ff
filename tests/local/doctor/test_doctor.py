"""``autogen-vitals doctor`` as a whole: what it prints, what it never prints, and how it ends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up_surroundings import surroundings

pytest.importorskip("rich")

from rich.console import Console

from autogen_vitals.cli import main
from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Surroundings, fail, ok, skipped, warning
from autogen_vitals.local.doctor.examination import GROUPS, examine
from autogen_vitals.local.doctor.view import as_json, show

CANARY = "c4n4ryc4n4ry"
SECRETS = {
    "OPENAI_API_KEY": f" '{CANARY}'",
    "AZURE_OPENAI_API_KEY": CANARY,
    "ANTHROPIC_API_KEY": CANARY,
    "AZURE_OPENAI_ENDPOINT": f"https://{CANARY}@azure",
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {CANARY},{CANARY}",
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:{CANARY}@127.0.0.1:1/{CANARY}?key={CANARY}",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:port-{CANARY}",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": CANARY,
    "OTEL_LOGS_EXPORTER": f"otlp,{CANARY}",
    "OTEL_RESOURCE_ATTRIBUTES": f"service.instance.id={CANARY},{CANARY}",
    "OTEL_SERVICE_NAME": CANARY,
    "OTEL_TRACES_SAMPLER_ARG": CANARY,
    "OTEL_PYTHON_AUTOGEN_MODEL_SPANS": CANARY,
    "OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD": CANARY,
    "DOCKER_HOST": f"tcp://user:{CANARY}@localhost:{CANARY}",
    "GUNICORN_CMD_ARGS": f"--env KEY={CANARY} --timeout {CANARY} '",
}
COMMAND = f"KEY={CANARY} gunicorn -w {CANARY} --timeout {CANARY} -k 'x {CANARY}' --env A={CANARY} app:app"


def examined(*outcomes: Outcome) -> str:
    checks = tuple(
        Check(f"check-{number}", f"check {number}", lambda _, outcome=outcome: [outcome])
        for number, outcome in enumerate(outcomes)
    )
    file = io.StringIO()
    results = examine(Surroundings(), [Group("A group", checks)])
    show(results, Console(file=file, width=80, highlight=False))
    return file.getvalue()


@pytest.fixture
def healthy_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The command line looks at a made-up environment, but for the variables, which are this process's."""
    from autogen_vitals.local.doctor import checks

    def around(**asked: object) -> Surroundings:
        return surroundings(tmp_path, **asked)

    monkeypatch.setattr(checks, "Surroundings", around)
    return tmp_path


def test_a_failure_is_exit_status_1_and_warnings_are_not(
    healthy_here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script may go on with what works, though not well."""
    assert main(["doctor", "--command", "gunicorn --preload app:app"]) == 0
    assert capsys.readouterr().out.startswith("Nothing that will not work: ")
    assert main(["doctor", "--work-dir", "/nowhere/at/all"]) == 1
    assert capsys.readouterr().out.startswith("1 thing will not work: ")


def test_each_outcome_has_its_sign_and_its_fix() -> None:
    """Within 80 columns, without colours where there is no terminal."""
    long = "a-long-name-without-any-blank-in-it-" * 4
    text = examined(ok("fine"), warning("odd", "do this", "AG101"), fail(long, "do that"), skipped("not looked at"))
    assert "✔ check 0 fine" in text
    assert "! check 1 odd (AG101)" in text
    assert "fix: do this" in text
    assert "✖ check 2" in text
    assert "- check 3 not looked at" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_where_the_output_is_ascii_the_signs_are() -> None:
    """In a real process with such a standard output; nothing fails for want of a character."""
    code = "import sys; from autogen_vitals.cli import main; main(['doctor'])"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert run.stderr == ""
    assert run.stdout.isascii()
    assert " ok Python " in run.stdout


def test_a_check_that_breaks_is_its_own_failure() -> None:
    """The others go on, and what it says of itself quotes nothing."""

    def breaks(_: Surroundings) -> Iterator[Outcome]:
        yield ok("so far")
        raise RuntimeError(CANARY)

    text = as_json(
        examine(Surroundings(), [Group("A group", (Check("a", "a", breaks), Check("b", "b", lambda _: [ok("well")])))])
    )
    first, second = text["checks"]
    assert (first["status"], second["status"]) == ("fail", "ok")
    assert "could not be run (RuntimeError)" in first["found"]
    assert CANARY not in json.dumps(text)


def test_every_check_has_a_name_of_its_own() -> None:
    """Programs find them by it."""
    ids = [check.id for group in GROUPS for check in group.checks]
    assert len(ids) == len(set(ids))


def test_json_is_for_programs(healthy_here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with a schema, and every check in it."""
    assert main(["doctor", "--json", "--command", "gunicorn --preload app:app"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["schema"], said["passed"]) == (1, True)
    assert {check["id"] for check in said["checks"]} == {check.id for group in GROUPS for check in group.checks}
    (fork,) = [check for check in said["checks"] if check["id"] == "fork"]
    assert (fork["status"], fork["rules"]) == ("warning", ["AG201", "AG202"])


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_secret_is_ever_told(
    form: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever variables, a command and a configuration file have in them, even where it is malformed; and every check
    has come to its end."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "300")
    config = tmp_path / "gunicorn.conf.py"
    config.write_text(f"workers = '{CANARY}'\nraw_env = ['KEY={CANARY}']\nworker_class = '{CANARY} x'\ntimeout = 3\n")
    assert main(["doctor", "--server-config", os.fspath(config), "--command", COMMAND, *form]) == 1
    captured = capfd.readouterr()
    assert "OPENAI_API_KEY" in captured.out
    assert CANARY not in captured.out + captured.err
    assert "could not be run" not in captured.out
