"""``autogen-vitals check`` on real modules, in real fresh processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.cli import main

pytest.importorskip("rich")
pytest.importorskip("opentelemetry.distro", reason="takes the extra local")
pytest.importorskip("autogen_ext.models.openai")

pytestmark = pytest.mark.e2e

CANARY = "sk-c4n4ryc4n4ryc4n4ry"
SECRETS = {
    "OPENAI_API_KEY": CANARY,
    "AZURE_OPENAI_API_KEY": f"azure-{CANARY}",
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {CANARY}",
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:{CANARY}@127.0.0.1:1",
    # What would hide from the measuring process what it is to see.
    "OTEL_SDK_DISABLED": "true",
    "OTEL_TRACES_SAMPLER": "always_off",
}

HEALTHY = """\
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient

print("CANARY")
client = None


async def build():
    global client
    if client is None:
        client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    return AssistantAgent("writer", client)
"""
REBUILDING = """\
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient


def build():
    client = OpenAIChatCompletionClient(model="gpt-4o-mini")  # this one
    return AssistantAgent("writer", client)
"""
REGRESSED = """\
import time

import heavy
from autogen_core.memory import ListMemory
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient

client = None


class Archive(ListMemory):
    def __init__(self):
        time.sleep(1)
        super().__init__()


async def build():
    global client
    if client is None:
        client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    return AssistantAgent("writer", client, memory=[Archive()])  # this one
"""


def line_of(source: str, mark: str = "# this one") -> int:
    return next(number for number, line in enumerate(source.splitlines(), 1) if mark in line)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the app is; with secrets around it, none of which is in a file afterwards."""
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "100")
    yield tmp_path
    for file in tmp_path.glob("*.*"):
        if file.suffix != ".py":
            assert CANARY not in file.read_text(), file


@pytest.fixture
def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """All that has been printed, in which there is no secret."""

    def text() -> str:
        captured = capsys.readouterr()
        both = captured.out + captured.err
        assert CANARY not in both
        return both

    return text


def app(folder: Path, source: str, name: str = "app") -> None:
    (folder / f"{name}.py").write_text(source.replace("CANARY", CANARY))


def result(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text())


def test_a_client_that_each_call_builds_is_named_with_its_line(folder: Path, told: Callable[[], str]) -> None:
    """The second call builds it again: the gate fails, and says which line; the agent is each call's own."""
    app(folder, REBUILDING)
    assert main(["check", "app:build", "--repeat", "1", "--budget", "reinit=0", "--json", "result.json"]) == 1
    line = line_of(REBUILDING)
    text = told()
    assert text.startswith("FAIL  app:build: too much reinit")
    assert f"reinit OpenAIChatCompletionClient at app.py:{line}" in text
    assert "1 sample is too few" in text
    again = {init["type"]: init for init in result(folder)["inits"]}
    assert again["OpenAIChatCompletionClient"]["needless"]
    assert again["AssistantAgent"]["again"] == 1
    assert not again["AssistantAgent"]["needless"]


def test_a_regression_against_the_baseline_is_caught_and_named(folder: Path, told: Callable[[], str]) -> None:
    """A healthy start writes its baseline and passes; a heavy import and a slow init are named, each with its place;
    the baseline stays as it was until it is to be updated."""
    app(folder, HEALTHY)
    arguments = ["check", "app:build", "--repeat", "1", "--baseline", "startup.json"]
    assert main([*arguments, "--budget", "reinit=0", "--junit", "startup.xml"]) == 0
    assert "written, for there was none: startup.json" in told().replace("\n", " ")
    written = (folder / "startup.json").read_text()
    assert json.loads(written)["measures"]["init"] > 0

    app(folder, "import time\n\ntime.sleep(4)\n", "heavy")
    app(folder, REGRESSED)
    assert main([*arguments, "--json", "result.json"]) == 1
    text = told()
    assert text.startswith("FAIL  app:build: too much total")
    assert "import heavy: +4." in text
    assert f"init Archive at app.py:{line_of(REGRESSED)}: +1." in text
    grown = [grown["what"] for grown in result(folder)["grown"]]
    assert grown[0] == "heavy"
    assert "Archive" in grown
    assert (folder / "startup.json").read_text() == written

    app(folder, REBUILDING)
    assert main([*arguments, "--update"]) == 0
    assert "updated: startup.json" in told()
    assert json.loads((folder / "startup.json").read_text())["measures"]["reinit"] == 1


def test_the_start_up_of_an_app_is_part_of_it(folder: Path, told: Callable[[], str]) -> None:
    """What its lifespan builds counts, once, and is no rebuild."""
    pytest.importorskip("fastapi")
    app(
        folder,
        """\
from contextlib import asynccontextmanager
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app):
    app.state.client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    yield


app = FastAPI(lifespan=lifespan)
""",
    )
    assert main(["check", "app:app", "--repeat", "1", "--json", "result.json"]) == 0
    assert "its app started (lifespan)" in told()
    said = result(folder)
    assert said["what"] == "ASGI app"
    assert [(init["type"], init["count"], init["again"]) for init in said["inits"]] == [
        ("OpenAIChatCompletionClient", 1, 0)
    ]


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("def build():\n    raise LookupError('CANARY')\n", [], "raised LookupError at app.py:2, when it was called"),
        ("import os\n\nos.environ['NO_SUCH_KEY']\n", [], "raised KeyError"),
        ("import sys\n\nsys.exit('CANARY')\n", [], "raised SystemExit"),
        ("import os, signal\n\nos.kill(os.getpid(), signal.SIGKILL)\n", [], "was ended by SIGKILL"),
        ("import time\n\ntime.sleep(600)\n", ["--timeout", "3"], "not ready within 3 s"),
    ],
)
def test_an_app_that_does_not_start_is_told_apart_from_a_slow_one(
    source: str, options: list[str], said: str, folder: Path, told: Callable[[], str]
) -> None:
    """Exit status 4, the class of the exception and the user's line, and not what it says; JUnit has it as an error,
    and no baseline is written."""
    app(folder, source)
    arguments = ["check", "app:build", "--baseline", "startup.json", "--junit", "startup.xml", *options]
    assert main(arguments) == 4
    text = told()
    assert said in text
    assert "python -c 'import app; app.build()'" in text
    assert 'errors="1"' in (folder / "startup.xml").read_text()
    assert not (folder / "startup.json").exists()


def test_without_a_key_the_stub_is_offered_and_does(
    folder: Path, told: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CI has none; what the app builds with the stub's is what it would build."""
    for name in SECRETS:
        monkeypatch.delenv(name)
    app(folder, HEALTHY)
    assert main(["check", "app:build"]) == 4
    text = told()
    assert "OpenAIError" in text
    assert "--stub-model" in text
    assert main(["check", "app:build", "--stub-model", "--repeat", "1"]) == 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere.app:build", "there is no module 'nowhere'"),
        ("app:nothing", "app has no 'nothing'. It has: build"),
        ("app:build", "cannot be called without model"),
        ("app build", "it takes MODULE:FACTORY"),
        ("app:", "it takes MODULE:FACTORY"),
    ],
)
def test_a_target_that_makes_no_sense_is_a_usage_error(
    target: str, said: str, folder: Path, told: Callable[[], str]
) -> None:
    """Exit status 2, and what would make sense."""
    app(folder, "def build(model):\n    return model\n")
    assert main(["check", target]) == 2
    assert said in told()


@pytest.mark.parametrize(
    "options", [["--budget", "inits=1s"], ["--tolerance", "20"], ["--update"], ["--repeat", "0"], ["--calls", "0"]]
)
def test_an_option_that_makes_no_sense_is_a_usage_error(
    options: list[str], folder: Path, told: Callable[[], str]
) -> None:
    """Exit status 2, before anything is started."""
    assert main(["check", "app:build", *options]) == 2
    assert told().startswith("autogen-vitals check: ")
