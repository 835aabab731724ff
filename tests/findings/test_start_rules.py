"""What a start pays, and what is left to the first request: AG104, AG105, AG106, AG201 and AG302."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import ModelInfo, UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from guilty_lines import guilty, named
from model_server import ModelServer
from observed import Vitals

import autogen_vitals
from autogen_vitals.lifecycle.process import current as process

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
MESSAGE = [UserMessage(content="x", source="user")]
TESTS = Path(__file__).parents[1]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model on a port of its own."""
    with ModelServer() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Writes a module into a folder on ``sys.path``; none of them is imported after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = set(sys.modules)

    def write(name: str, source: str) -> Path:
        file = tmp_path / f"{name}.py"
        file.write_text(source)
        importlib.invalidate_caches()
        return file

    yield write
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def run(program: str, tmp_path: Path, **environment: str) -> tuple[list[dict[str, Any]], Path]:
    """What is found in a process of its own, in which nothing has been imported or used; and its program's file."""
    file = tmp_path / "service.py"
    file.write_text(HEAD + program + TAIL)
    variables = {
        **os.environ,
        "PYTHONPATH": f"{TESTS}{os.pathsep}{tmp_path}",
        "PYTHONWARNINGS": "ignore",
        # A busy machine keeps every loop waiting, AG604.
        "OTEL_PYTHON_AUTOGEN_LOOP_BLOCKED_THRESHOLD": "0",
    }
    result = subprocess.run(
        [sys.executable, str(file)], env={**variables, **environment}, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1]), file


HEAD = """\
import asyncio, importlib, json
from observed import Vitals
import autogen_vitals
vitals = Vitals()
vitals.enable()
from autogen_core.models import ModelInfo, UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from model_server import ModelServer
INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
MESSAGE = [UserMessage(content="x", source="user")]
def client_of(model):
    return OpenAIChatCompletionClient(model="stub", api_key="sk-x", base_url=model.url, model_info=INFO)
"""
TAIL = """
with ModelServer() as model:
    asyncio.run(main(model))
print(json.dumps(vitals.findings()))
"""

# --- AG106 first-use-warm-up-in-request -------------------------------------------------------------------------------


def test_a_first_call_in_a_request_pays_for_the_warm_up(tmp_path: Path) -> None:
    """It is told how much, and where it is made; and that importing inside it is no other rule's matter."""
    found, file = run(
        """
async def main(model):
    client = client_of(model)
    with autogen_vitals.request("ask"):
        await client.create(MESSAGE)  # AG106
    with autogen_vitals.request("ask"):
        await client.create(MESSAGE)
    await client.close()
""",
        tmp_path,
        OTEL_PYTHON_AUTOGEN_THRESHOLDS="AG106=3",  # a fast machine may be within the rule's own number
    )
    assert [said["autogen.finding.rule"] for said in found] == ["AG106"]
    (said,) = found
    assert named(said) == guilty(str(file), "AG106")
    assert said["autogen.finding.severity"] == "warning"
    assert 0.02 < said["autogen.finding.duration"] < 10
    assert 0 < said["autogen.finding.share"] <= 1
    assert "of its" in said["autogen.finding.evidence"]


def test_a_client_that_was_warmed_up_is_not_told(tmp_path: Path) -> None:
    """Nor one that is first called by a script, which has nobody else to let pay."""
    found, _ = run(
        """
async def main(model):
    client = client_of(model)
    await autogen_vitals.warm_up(client)
    with autogen_vitals.request("ask"):
        await client.create(MESSAGE)
    await client.close()
""",
        tmp_path,
    )
    assert found == []
    found, _ = run(
        """
async def main(model):
    client = client_of(model)
    await client.create(MESSAGE)
    await client.close()
""",
        tmp_path,
    )
    assert found == []


# --- AG105 slow-import-in-request -------------------------------------------------------------------------------------

SLOW = "import time; time.sleep(0.4)\n"
SLOWER = "import time; time.sleep(0.6)\n"
QUICK = "import time; time.sleep(0.02)\n"


@pytest.fixture
def patient(silent_vitals: Vitals) -> Vitals:
    """With a limit that no quick import comes near, however busy the machine is."""
    silent_vitals.enable(thresholds="AG105=300")
    return silent_vitals


def agent_of(names: tuple[str, ...]) -> None:
    """What a request does: import some modules, and build something of AutoGen's."""
    for name in names:
        importlib.import_module(name)  # AG105
    ReplayChatCompletionClient(["a"], INFO)


def test_a_slow_import_in_the_first_request_is_named(patient: Vitals, project: Callable[..., Path]) -> None:
    """With the line that imports, how long it took, and what else was slow."""
    project("slow_import_a", SLOW)
    project("slow_import_b", SLOWER)
    project("quick_import", QUICK)
    with autogen_vitals.request("ask"):
        agent_of(("slow_import_a", "slow_import_b", "quick_import"))
    found = patient.finding("AG105")
    assert named(found) == guilty(__file__, "AG105")
    assert found["autogen.finding.severity"] == "warning"
    assert found["autogen.operation"] == "import slow_import_b"
    assert found["autogen.finding.count"] == 2, found["autogen.finding.evidence"]
    assert 1 <= found["autogen.finding.duration"] < 10
    assert "slow_import_a" in found["autogen.finding.evidence"]
    assert "quick_import" not in found["autogen.finding.evidence"]


def test_what_start_up_or_a_script_has_imported_or_a_quick_import_is_not(
    patient: Vitals, project: Callable[..., Path]
) -> None:
    """Only imports inside a request that is served, and only if they are slow."""
    project("slow_import_c", SLOW)
    project("quick_import_2", QUICK)
    importlib.import_module("slow_import_c")
    with autogen_vitals.request("ask"):
        agent_of(("slow_import_c", "quick_import_2"))
    assert patient.installed.tracker.startup.open is False
    assert not patient.findings("AG105")


def test_what_a_script_imports_while_it_runs_is_not(vitals: Vitals, project: Callable[..., Path]) -> None:
    """Nobody else waits for it."""
    project("slow_import_d", SLOW)

    class Imports(ReplayChatCompletionClient):
        async def create(self, *args: Any, **given: Any) -> Any:
            importlib.import_module("slow_import_d")
            return await super().create(*args, **given)

    asyncio.run(AssistantAgent("a", Imports(["a"], INFO)).run(task="x"))
    assert "slow_import_d" in sys.modules
    assert not vitals.findings("AG105")


def test_what_a_first_use_imports_is_another_rules(vitals: Vitals, project: Callable[..., Path]) -> None:
    """Even if it is the app's own client that imports it."""
    project("slow_import_e", SLOW)

    class ImportsLate(ReplayChatCompletionClient):
        async def create(self, *args: Any, **given: Any) -> Any:
            importlib.import_module("slow_import_e")
            return await super().create(*args, **given)

    async def ask() -> None:
        with autogen_vitals.request("ask"):
            await ImportsLate(["a"], INFO).create(MESSAGE)

    asyncio.run(ask())
    assert [said["autogen.finding.rule"] for said in vitals.findings()] == ["AG106"]


# --- AG104 startup-regressed ------------------------------------------------------------------------------------------


def start(vitals: Vitals) -> None:
    """A whole cold start: that of this process, the tests before this one and all."""
    with autogen_vitals.request("ask"):
        OpenAIChatCompletionClient(model="stub", api_key="sk-x", model_info=INFO)
    assert vitals.spans("autogen.startup")


def test_a_start_over_the_users_limit_says_what_it_was_made_of(
    silent_vitals: Vitals, project: Callable[..., Path]
) -> None:
    """Its stages, the largest first, and the slowest imports."""
    silent_vitals.enable(thresholds="AG104=0.01")
    project("slow_import_f", SLOW)
    importlib.import_module("slow_import_f")
    start(silent_vitals)
    found = silent_vitals.finding("AG104")
    (span,) = silent_vitals.spans("autogen.startup")
    assert (span.end_time or 0) > (span.start_time or 0)
    assert found["autogen.finding.severity"] == "warning"
    assert found["autogen.finding.duration"] > 0.06
    evidence = found["autogen.finding.evidence"]
    assert "slow_import_f" in evidence
    shares = [float(stage.split(" ")[1]) for stage in evidence.split(": ")[1].split("; ")[0].split(", ")]
    assert len(shares) > 1
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("thresholds", ["", "AG104=86400"])
def test_a_start_within_the_limit_or_without_one_is_nobodys_business(silent_vitals: Vitals, thresholds: str) -> None:
    """However long it was."""
    silent_vitals.enable(thresholds=thresholds)
    start(silent_vitals)
    assert not silent_vitals.findings("AG104")


# --- AG201 import-time-construction -----------------------------------------------------------------------------------

GLOBAL = """\
from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import ModelInfo
from autogen_ext.models.replay import ReplayChatCompletionClient

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)


def build():
    return AssistantAgent("built", ReplayChatCompletionClient(["a"] * 9, INFO))


assistant = AssistantAgent("global", ReplayChatCompletionClient(["a"] * 9, INFO))  # AG201
"""


def test_what_is_built_at_import_is_worth_knowing(vitals: Vitals, project: Callable[..., Path]) -> None:
    """In a process that imports the app for itself it is no more than that; what is built later is not told at all."""
    file = project("app_of_globals", GLOBAL)
    app = importlib.import_module("app_of_globals")
    found = {said["autogen.component.type"]: said for said in vitals.findings("AG201")}
    assert set(found) == {"AssistantAgent", "ReplayChatCompletionClient"}
    assert named(found["AssistantAgent"]) == guilty(str(file), "AG201")
    assert {said["autogen.finding.severity"] for said in found.values()} == {"info"}
    app.build()
    assert len(vitals.findings("AG201")) == 2


def test_in_a_process_that_forks_workers_it_is_a_warning(
    vitals: Vitals, project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them will have the same object."""
    monkeypatch.setattr(process.facts, "is_fork_server", True)
    project("app_under_preload", GLOBAL)
    importlib.import_module("app_under_preload")
    assert {said["autogen.finding.severity"] for said in vitals.findings("AG201")} == {"warning"}


def test_a_forked_child_that_uses_what_its_parent_built_at_import_is_warned(
    vitals: Vitals, project: Callable[..., Path], in_fork: Callable[[Callable[[], Any]], Any]
) -> None:
    """Of each object once; not of those that it has built itself, nor of those that were built after the import."""
    file = project("app_before_fork", GLOBAL)
    app = importlib.import_module("app_before_fork")
    later = app.build()

    def use() -> list[dict[str, Any]]:
        before = len(vitals.findings("AG201"))
        for agent in (app.build(), later, app.assistant, app.assistant):
            asyncio.run(agent.run(task="x"))
        return vitals.findings("AG201")[before:]

    found = in_fork(use)
    assert {said["autogen.component.type"] for said in found} == {"AssistantAgent", "ReplayChatCompletionClient"}
    assert {said["autogen.finding.severity"] for said in found} == {"warning"}
    assert {(named(said)[0], named(said)[1]) for said in found} == {guilty(str(file), "AG201")}
    assert all(str(os.getpid()) in said["autogen.finding.evidence"] for said in found)


def test_a_script_builds_what_it_needs(tmp_path: Path) -> None:
    """It is not imported by anybody."""
    found, _ = run("client = client_of(ModelServer())\nasync def main(model): ...\n", tmp_path)
    assert found == []


# --- AG302 secret-or-file-read-at-import ------------------------------------------------------------------------------

BUILDS = """
from autogen_core.models import ModelInfo
from autogen_ext.models.replay import ReplayChatCompletionClient
INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
client = ReplayChatCompletionClient(["a"], INFO)
"""


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables and files that are not to be found in anything that is told."""
    for name in ("STORE_API_KEY", "store_token", "DB_PASSWORD_FILE", "MAX_TOKENS", "MODEL", "TOKENIZER"):
        monkeypatch.setenv(name, "sk-CANARY")
    monkeypatch.chdir(tmp_path)
    for name in ("store_token.txt", "prompt.txt"):
        Path(name).write_text("sk-CANARY")


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("name", "read", "told"),
    [
        ("subscript", 'import os\nkey = os.environ["STORE_API_KEY"]  # AG302\n', "STORE_API_KEY"),
        ("get", 'import os\nkey = os.environ.get("store_token", "none")  # AG302\n', "store_token"),
        ("getenv", 'from os import getenv\nkey = str(getenv("DB_PASSWORD_FILE"))  # AG302\n', "DB_PASSWORD_FILE"),
        ("environ", 'from os import environ as e, environ\nkey = environ["STORE_API_KEY"]  # AG302\n', "STORE_API_KEY"),
        ("file", 'with open("./store_token.txt") as file:  # AG302\n    key = file.read()\n', "store_token.txt"),
    ],
)
def test_a_secret_that_a_module_reads_before_it_builds_is_named(
    vitals: Vitals, project: Callable[..., Path], name: str, read: str, told: str
) -> None:
    """By its name and the line that reads it, once; its value nowhere."""
    file = project(f"reads_{name}", read + BUILDS + BUILDS)
    importlib.import_module(f"reads_{name}")
    found = vitals.finding("AG302")
    assert named(found) == guilty(str(file), "AG302")
    assert (found["autogen.finding.severity"], found["autogen.finding.confidence"]) == ("warning", "inferred")
    assert told in found["autogen.finding.evidence"]
    assert "CANARY" not in str(vitals.findings())


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("plain", f'import os\nmodel, most = os.environ["MODEL"], os.environ.get("MAX_TOKENS")\n{BUILDS}'),
        ("default", f'import os\nmodel = os.environ.get("MODEL", "API_KEY")\nword = "API_KEY"\n{BUILDS}'),
        ("variable", f'import os\nname = "MODEL"\nmodel = os.environ[name]\nword = "API_KEY"\n{BUILDS}'),
        ("set", f'import os\nos.environ["STORE_API_KEY"] = "sk-CANARY"\n{BUILDS}'),
        ("config", f'with open("prompt.txt") as file:\n    prompt = file.read()\n{BUILDS}'),
        ("deferred", f'import os\ndef key():\n    return os.environ["STORE_API_KEY"]\n{BUILDS}'),
        ("below", f'import os\n{BUILDS}\nif __name__ == "__main__":\n    print(os.environ["STORE_API_KEY"])\n'),
        ("nothing", 'import os\nkey = os.environ["STORE_API_KEY"]\n'),
    ],
)
def test_what_is_no_secret_or_is_read_later_is_not(
    vitals: Vitals, project: Callable[..., Path], name: str, source: str
) -> None:
    """Plain configuration, what functions read, what only a program does; and modules that build nothing."""
    project(f"does_not_read_{name}", source)
    importlib.import_module(f"does_not_read_{name}")
    assert bool(vitals.findings("AG201")) is (name != "nothing")
    assert not vitals.findings("AG302")
