"""AG301, AG305, AG306, AG402, AG403, AG404, AG405, AG406: exceptions, and code that fails."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import io
import os
import sys
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_core import CancellationToken, ComponentModel
from autogen_core.code_executor import CodeBlock
from autogen_core.models import ChatCompletionClient
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from guilty_lines import handle, line_of, named, ours
from observed import Vitals

from autogen_vitals import semconv
from autogen_vitals.findings.aftermath import ag406

pytestmark = pytest.mark.filterwarnings("ignore:Using LocalCommandLineCodeExecutor:UserWarning")


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine has is not there."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "DOCKER_")):
            monkeypatch.delenv(name)


def evidence(told: dict[str, Any]) -> str:
    return told[semconv.FINDING_EVIDENCE]


# --- AG301 --------------------------------------------------------------------------------------------------------


def read_key() -> str:
    return os.environ["AGENTS_API_KEY"]


def test_a_key_that_the_environment_lacks(vitals: Vitals) -> None:
    """Its name, the line that reads it, and when."""
    handle(read_key)
    told = vitals.finding("AG301")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert named(told) == line_of(read_key, 1)
    assert "AGENTS_API_KEY is not set" in evidence(told)
    assert "phase request" in evidence(told)
    (crash,) = vitals.events("autogen.crash")
    assert crash.attributes[semconv.FINDING_RULE] == "AG301"


def build_client() -> ChatCompletionClient:
    return OpenAIChatCompletionClient(model="gpt-4o-mini")


def test_a_client_without_a_key(vitals: Vitals) -> None:
    """The variables that the SDK would take it from, at the line that builds it."""
    handle(build_client)
    told = vitals.finding("AG301")
    assert named(told) == line_of(build_client, 1)
    assert "OPENAI_API_KEY" in evidence(told)
    assert told[semconv.OPERATION] == "init OpenAIChatCompletionClient"


def test_a_key_that_is_asked_for_while_the_app_is_imported(
    vitals: Vitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The evidence and the remedy say so: it may come later."""
    app = tmp_path / "app_without_a_key.py"
    source = (
        "from autogen_ext.models.openai import OpenAIChatCompletionClient\n\nOpenAIChatCompletionClient(model='x')\n"
    )
    app.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Exception, match="api_key"):
        importlib.import_module(app.stem)
    told = vitals.finding("AG301")
    assert named(told) == (str(app), 3)
    assert told[semconv.PHASE] == "import"
    assert "while the app was imported" in evidence(told)
    assert "not while the app is imported" in told[semconv.FINDING_REMEDY]


def test_other_keys_are_nobodys_credentials(vitals: Vitals) -> None:
    """Those of a dictionary, also where they are called like one, and other variables; and a client that has a key."""
    for function in (
        lambda: {}["answer"],
        lambda: {}["MAX_TOKENS"],
        lambda: os.environ["NO_SUCH_REGION"],
        lambda: OpenAIChatCompletionClient(model="gpt-4o-mini", api_key="sk-none"),
    ):
        handle(function)
    assert ours(vitals) == []


def test_of_messages_that_may_not_be_told_no_name_is(silent_vitals: Vitals) -> None:
    """Not even that of a variable."""
    silent_vitals.enable(exception_messages="none")
    handle(read_key)
    assert "AGENTS_API_KEY" not in str(silent_vitals.finding("AG301"))


# --- AG305 --------------------------------------------------------------------------------------------------------


async def ask_nobody() -> None:
    await UserProxyAgent("user").run(task="Is that right?")


async def test_a_question_to_nobody(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the line that runs it; what to do is to ask somewhere else."""
    with open(os.devnull) as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        with pytest.raises(RuntimeError, match="EOF"):
            await ask_nobody()
    told = vitals.finding("AG305")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert named(told) == line_of(ask_nobody, 1)
    assert "input_func" in told[semconv.FINDING_REMEDY]


def write_to_closed() -> None:
    log = io.StringIO()
    log.close()
    log.write("x")


def test_a_file_that_is_closed(vitals: Vitals) -> None:
    """What to do is to open it where it is used."""
    handle(write_to_closed)
    told = vitals.finding("AG305")
    assert named(told) == line_of(write_to_closed, 3)
    assert "open log handlers and files after the fork" in told[semconv.FINDING_REMEDY]


async def test_a_question_that_is_answered(vitals: Vitals) -> None:
    """And a file that is not there, which is another matter."""
    await UserProxyAgent("user", input_func=lambda prompt: "yes").run(task="Is that right?")
    handle(lambda: Path("/no/such/file").read_text())
    assert ours(vitals) == []


# --- AG306 --------------------------------------------------------------------------------------------------------


def build_unknown() -> ChatCompletionClient:
    return OpenAIChatCompletionClient(model="our-own-model", base_url="http://localhost/v1", api_key="sk-none")


def test_what_a_constructor_does_not_accept(vitals: Vitals) -> None:
    """Library's words and the user's line."""
    handle(build_unknown)
    told = vitals.finding("AG306")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert named(told) == line_of(build_unknown, 1)
    assert "model_info is required when model name" in evidence(told)
    assert told[semconv.OPERATION] == "init OpenAIChatCompletionClient"


SECRET = "sk-CANARY-0123456789abcdef"


def load_component() -> object:
    config = {"model": "gpt-4o-mini", "api_key": "sk-none", "max_retries": SECRET, SECRET: 1}
    provider = "autogen_ext.models.openai.OpenAIChatCompletionClient"
    return ChatCompletionClient.load_component(ComponentModel(provider=provider, config=config))


def test_fields_are_named_and_not_what_was_in_them(vitals: Vitals) -> None:
    """Nor a key that is no field's name."""
    handle(load_component)
    told = vitals.finding("AG306")
    assert named(told) == line_of(load_component, 3)
    assert "wrong or missing: max_retries" in evidence(told)
    assert "CANARY" not in str(vitals.findings())


def test_what_users_type_is_no_configuration(vitals: Vitals) -> None:
    """A ValueError in a request, and a component that is built as it should be."""
    handle(lambda: int("twelve"))
    AssistantAgent("writer", ReplayChatCompletionClient(["a"]))
    assert ours(vitals) == []


# --- AG402 --------------------------------------------------------------------------------------------------------


def execute(folder: Path, code: str, language: str = "python", **settings: Any) -> Any:
    executor = LocalCommandLineCodeExecutor(work_dir=folder, **settings)
    blocks = [CodeBlock(code=code, language=language)]
    return asyncio.run(executor.execute_code_blocks(blocks, CancellationToken()))


def test_a_program_that_is_not_installed(vitals: Vitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name, and the line that calls the executor."""
    monkeypatch.setenv("PATH", str(tmp_path))
    handle(lambda: execute(tmp_path, "ls", "sh"))
    told = vitals.finding("AG402")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert named(told) == line_of(execute, 3)
    assert "No such file or directory: 'sh'" in evidence(told)
    assert told[semconv.FINDING_REMEDY].startswith("install sh in the image")


def test_a_file_that_is_missing_is_no_program(vitals: Vitals) -> None:
    """Whatever it is called; its name may be somebody's data, and is not told."""
    handle(lambda: Path("/no/such/python").read_text())
    assert ours(vitals) == []


# --- AG403 --------------------------------------------------------------------------------------------------------


def test_code_that_fails_is_worth_knowing(vitals: Vitals, tmp_path: Path) -> None:
    """With what it ended with, which is on the span, too."""
    execute(tmp_path, "raise SystemExit(3)")
    told = vitals.finding("AG403")
    assert told[semconv.FINDING_SEVERITY] == "info"
    assert "LocalCommandLineCodeExecutor ended with exit code 3" in evidence(told)
    assert named(told) == line_of(execute, 3)
    span = vitals.span("execute_code")
    assert span.attributes[semconv.CODE_EXIT_CODE] == 3
    assert span.attributes[semconv.FINDING_IDS] == ("AG403",)


def test_code_that_takes_too_long(vitals: Vitals, tmp_path: Path) -> None:
    """Is given up by the executor, after its timeout."""
    execute(tmp_path, "import time\ntime.sleep(60)", timeout=1)
    told = vitals.finding("AG403")
    assert "exit code 124, a timeout" in evidence(told)
    assert 1 <= told[semconv.FINDING_DURATION] < 30
    assert "a longer timeout" in told[semconv.FINDING_REMEDY]


def test_code_that_succeeds(vitals: Vitals, tmp_path: Path) -> None:
    """0 is on the span, and no finding."""
    assert execute(tmp_path, "print(1)").exit_code == 0
    assert vitals.span("execute_code").attributes[semconv.CODE_EXIT_CODE] == 0
    assert ours(vitals) == []


# --- AG404 --------------------------------------------------------------------------------------------------------


def start_docker() -> None:
    from autogen_ext.code_executors.docker import DockerCommandLineCodeExecutor

    asyncio.run(DockerCommandLineCodeExecutor().start())


@pytest.mark.parametrize("host", [None, "unix:///no/such/docker.sock"])
def test_no_docker(vitals: Vitals, monkeypatch: pytest.MonkeyPatch, host: str | None) -> None:
    """At the line that starts the executor; where it was looked for is told without what the variable says."""
    pytest.importorskip("docker")
    pytest.importorskip("asyncio_atexit")
    if host is None and os.path.exists("/var/run/docker.sock"):
        pytest.skip("there is a Docker daemon")
    if host is not None:
        monkeypatch.setenv("DOCKER_HOST", host)
    handle(start_docker)
    told = vitals.finding("AG404")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert named(told) == line_of(start_docker, 3)
    where = "there is no /var/run/docker.sock" if host is None else "DOCKER_HOST says where it should be"
    assert where in evidence(told)
    assert "no/such" not in evidence(told)


def test_an_executor_without_docker(vitals: Vitals, tmp_path: Path) -> None:
    """Needs none; and another RuntimeError is none of Docker's."""

    def fail() -> None:
        raise RuntimeError("the container is sold out")

    execute(tmp_path, "print(1)")
    handle(fail)
    assert ours(vitals) == []


# --- AG405, of exceptions; of processes see test_siblings.py ------------------------------------------------------


def test_libraries_that_do_not_fit(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument that the SDK no longer takes: a warning, with the versions in use."""
    import openai

    class Newer:
        def __init__(self, *, api_key: str) -> None: ...

    Newer.__init__.__qualname__ = "AsyncOpenAI.__init__"
    monkeypatch.setattr(openai, "AsyncOpenAI", Newer)
    monkeypatch.setattr("autogen_ext.models.openai._openai_client.AsyncOpenAI", Newer)
    handle(lambda: OpenAIChatCompletionClient(model="gpt-4o-mini", api_key="sk-none", base_url="http://localhost/v1"))
    told = vitals.finding("AG405")
    assert told[semconv.FINDING_SEVERITY] == "warning"
    assert "got an unexpected keyword argument" in evidence(told)
    assert f"openai {openai.__version__}" in evidence(told)
    assert told[semconv.CODE_FILE_PATH] == __file__


def test_an_argument_that_the_app_gets_wrong(vitals: Vitals) -> None:
    """Is the app's own, and no drift."""
    handle(lambda: build_client(model="x"))  # type: ignore[call-arg]
    assert ours(vitals) == []


# --- AG406 --------------------------------------------------------------------------------------------------------


def import_lazily(module: str) -> None:
    importlib.import_module(module)


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [
        ("autogen_ext.models.ollama", "ollama", "ollama"),
        ("autogen_ext.models.llama_cpp", "llama_cpp", "llama-cpp"),
        ("autogen_ext.code_executors.jupyter", "nbclient", "jupyter-executor"),
        ("autogen_ext.memory.chromadb", "chromadb", "chromadb"),
    ],
)
def test_the_extra_that_brings_it(
    vitals: Vitals, monkeypatch: pytest.MonkeyPatch, module: str, missing: str, extra: str
) -> None:
    """Where autogen-ext asks for it; at the line of the app's that imports that."""
    if importlib.util.find_spec(module) is None:
        pytest.skip("this autogen-ext does not have it")
    monkeypatch.setitem(sys.modules, missing, None)
    for name in [name for name in sys.modules if name.startswith(module)]:
        monkeypatch.delitem(sys.modules, name)
    handle(lambda: import_lazily(module))
    told = vitals.finding("AG406")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert told[semconv.FINDING_REMEDY] == f"install autogen-ext[{extra}]"
    assert named(told) == line_of(import_lazily, 1)


def test_a_module_of_somebody_else(vitals: Vitals) -> None:
    """Is named in the evidence; what brings it nobody here knows."""
    handle(lambda: import_lazily("no_such_module"))
    told = vitals.finding("AG406")
    assert "No module named 'no_such_module'" in evidence(told)
    assert "autogen-ext[" not in told[semconv.FINDING_REMEDY]


def test_every_extra_is_one() -> None:
    """As the installed autogen-ext has it."""
    if version("autogen-ext").split(".") < ["0", "7"]:
        pytest.skip("it had fewer before")
    known = set(metadata("autogen-ext").get_all("Provides-Extra") or ())
    assert set(ag406._EXTRAS.values()) <= known


def test_an_import_that_is_handled(vitals: Vitals) -> None:
    """Optional modules are no failure."""

    def import_if_there() -> None:
        try:
            importlib.import_module("no_such_module")
        except ModuleNotFoundError:
            pass

    handle(import_if_there)
    assert ours(vitals) == []
