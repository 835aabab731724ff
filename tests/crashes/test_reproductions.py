"""Every category, by what really raises it: the installed AutoGen, SDKs and interpreter."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import importlib.util
import json
import multiprocessing
import os
import pickle
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import AgentId, CancellationToken, RoutedAgent, SingleThreadedAgentRuntime
from autogen_core.code_executor import CodeBlock
from autogen_core.models import ModelInfo, UserMessage
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import AzureOpenAIChatCompletionClient, OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from model_server import ModelServer

from autogen_vitals.crashes.classify import classify
from autogen_vitals.crashes.evidence import LIBRARIES
from autogen_vitals.vocabulary import CATEGORIES, Category

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
NOBODY = "http://127.0.0.1:9/v1"

Reproduction = Callable[[], Any]
REPRODUCTIONS: list[Any] = []


def reproduces(category: Category, *, in_init: bool = False) -> Callable[[Reproduction], Reproduction]:
    """What is decorated raises an exception of ``category``."""

    def note(reproduction: Reproduction) -> Reproduction:
        REPRODUCTIONS.append(pytest.param(reproduction, category, in_init, id=reproduction.__name__))
        return reproduction

    return note


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine has is not there."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/docker.sock")


def test_every_category_is_reproduced() -> None:
    """Each word of the vocabulary that says what it was."""
    assert {parameters.values[1] for parameters in REPRODUCTIONS} == set(CATEGORIES)


def error_of(reproduction: Reproduction) -> BaseException:
    """What it raises."""
    try:
        reproduction()
    except BaseException as error:
        if type(error).__name__ in ("Skipped", "Failed"):
            raise
        return error
    pytest.fail("nothing was raised")


def client(url: str = NOBODY, **options: Any) -> OpenAIChatCompletionClient:
    """A real one, that does not try twice."""
    given = {"model": "stub", "api_key": "sk-x", "base_url": url, "model_info": INFO, "max_retries": 0, **options}
    return OpenAIChatCompletionClient(**given)


def ask(model: Any, text: str = "x") -> Any:
    """One model call, on an event loop of its own."""
    return asyncio.run(model.create([UserMessage(content=text, source="user")]))


def team_of(model: Any) -> RoundRobinGroupChat:
    """A team of one."""
    return RoundRobinGroupChat([AssistantAgent("one", model)], termination_condition=MaxMessageTermination(2))


# --- event loops --------------------------------------------------------------------------------------------------


@reproduces("event_loop_closed")
def a_client_on_a_second_loop() -> None:
    with ModelServer() as server:
        model = client(server.url)
        ask(model)
        ask(model)


@reproduces("event_loop_closed")
def a_client_on_a_second_loop_that_tries_twice() -> None:
    # Its connections are dropped as they fail: two of them, so that the second try fails too.
    with ModelServer() as server:
        model = client(server.url, max_retries=1)

        async def at_once() -> None:
            message = [UserMessage(content="x", source="user")]
            await asyncio.gather(model.create(message), model.create(message), model.create(message))

        asyncio.run(at_once())
        ask(model)


@reproduces("event_loop_closed")
def a_participant_with_a_client_of_a_closed_loop() -> None:
    with ModelServer() as server:
        model = client(server.url)
        ask(model)
        asyncio.run(team_of(model).run(task="x"))


@reproduces("event_loop_closed")
def a_closed_loop() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    loop.call_soon(print)


@reproduces("bound_to_other_loop")
def a_team_on_a_second_loop() -> None:
    with ModelServer() as server:
        server.closes = True  # so that no connection outlives its loop
        team = team_of(client(server.url))
        asyncio.run(team.run(task="x"))
        asyncio.run(team.run(task="x"))


async def wait_in_vain(primitive: Any) -> None:
    with pytest.raises((asyncio.TimeoutError, TimeoutError)):
        await asyncio.wait_for(primitive, 0.01)


@reproduces("bound_to_other_loop")
def a_lock_of_another_loop() -> None:
    lock = asyncio.Lock()

    async def contend() -> None:
        await lock.acquire()
        await wait_in_vain(lock.acquire())
        lock.release()

    asyncio.run(contend())
    asyncio.run(contend())


@reproduces("bound_to_other_loop")
def an_event_of_another_loop() -> None:
    event = asyncio.Event()
    asyncio.run(wait_in_vain(event.wait()))
    asyncio.run(event.wait())


@reproduces("bound_to_other_loop")
def a_future_of_another_loop() -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()

    async def wait() -> None:
        await future

    try:
        asyncio.run(wait())
    finally:
        loop.close()


# --- processes ----------------------------------------------------------------------------------------------------


@reproduces("use_after_fork")
def a_connection_used_in_two_processes() -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(ours)
    authority.issue_cert("localhost").configure_cert(theirs)
    near, far = socket.socketpair()
    near.settimeout(10)
    far.settimeout(10)

    def serve() -> None:
        try:
            with theirs.wrap_socket(far, server_side=True) as served:
                while served.recv(10):
                    served.sendall(b"y")
        except OSError:
            pass

    server = threading.Thread(target=serve)
    server.start()
    try:
        with ours.wrap_socket(near, server_hostname="localhost") as connection:
            connection.sendall(b"x")
            connection.recv(1)
            child = os.fork()
            if child == 0:
                connection.sendall(b"x")
                connection.recv(1)
                os._exit(0)
            os.waitpid(child, 0)
            connection.sendall(b"x")
            connection.recv(1)
    finally:
        server.join()


@reproduces("use_after_fork")
def a_process_object_in_another_process() -> None:
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            process.is_alive()
        except AssertionError as error:
            os.write(writer, pickle.dumps(error))
        os._exit(0)
    os.waitpid(child, 0)
    process.join()
    raise pickle.loads(os.read(reader, 4096))


# --- sharing ------------------------------------------------------------------------------------------------------


async def while_running(team: RoundRobinGroupChat, then: Callable[[], Awaitable[Any]]) -> None:
    run = asyncio.ensure_future(team.run(task="x"))
    try:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await then()
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


@reproduces("team_already_running")
def a_team_run_twice_at_once() -> None:
    team = team_of(ReplayChatCompletionClient(["a", "b"]))
    asyncio.run(while_running(team, lambda: team.run(task="x")))


@reproduces("team_already_running")
def a_team_reset_while_it_runs() -> None:
    team = team_of(ReplayChatCompletionClient(["a", "b"]))
    asyncio.run(while_running(team, team.reset))


class Plain(RoutedAgent):
    """An agent of AutoGen's core that does nothing."""


@reproduces("agent_shared")
def an_agent_with_two_runtimes() -> None:
    if not hasattr(RoutedAgent, "register_instance"):
        pytest.skip("this AutoGen knows no registration of instances")
    agent = Plain("one")

    async def register() -> None:
        for _ in range(2):
            await agent.register_instance(SingleThreadedAgentRuntime(), AgentId("one", "default"))

    asyncio.run(register())


# --- files and programs -------------------------------------------------------------------------------------------


@reproduces("closed_file")
def a_write_to_a_closed_file() -> None:
    with open(os.devnull, "w") as file:
        pass
    file.write("x")


@reproduces("closed_file")
def a_write_to_a_closed_binary_file() -> None:
    with open(os.devnull, "wb") as file:
        pass
    file.write(b"x")


@reproduces("closed_file")
def a_question_without_a_standard_input() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", None)
        asyncio.run(UserProxyAgent("user").run(task="x"))


@reproduces("closed_file")
def a_question_to_nobody() -> None:
    with pytest.MonkeyPatch.context() as patch, open(os.devnull) as nobody:
        patch.setattr(sys, "stdin", nobody)
        asyncio.run(UserProxyAgent("user").run(task="x"))


@reproduces("closed_file")
def a_question_to_a_closed_standard_input() -> None:
    with pytest.MonkeyPatch.context() as patch:
        with open(os.devnull) as closed:
            pass
        patch.setattr(sys, "stdin", closed)
        asyncio.run(UserProxyAgent("user").run(task="x"))


def execute(language: str, folder: Path) -> Any:
    executor = LocalCommandLineCodeExecutor(work_dir=folder)
    blocks = [CodeBlock(code="exit 0", language=language)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder))
        return asyncio.run(executor.execute_code_blocks(blocks, CancellationToken()))


@reproduces("missing_binary")
def a_shell_that_is_not_installed() -> None:
    with tempfile.TemporaryDirectory() as folder:
        execute("sh", Path(folder))


@reproduces("missing_binary")
def an_interpreter_that_is_gone() -> None:
    subprocess.run(["/no/such/bin/python3", "-V"], check=True)


@reproduces("missing_binary")
def a_program_in_a_folder_that_is_there() -> None:
    subprocess.run(["no-such-mcp-server"], check=True, cwd="/")


@reproduces("missing_binary")
def a_program_started_by_asyncio() -> None:
    async def start() -> None:
        await asyncio.create_subprocess_exec("no-such-mcp-server")

    asyncio.run(start())


@reproduces("docker_unavailable")
def no_daemon() -> None:
    pytest.importorskip("docker").from_env()


@reproduces("docker_unavailable")
def no_daemon_for_an_executor() -> None:
    pytest.importorskip("docker")
    pytest.importorskip("asyncio_atexit")
    module = importlib.import_module("autogen_ext.code_executors.docker")
    executor = module.DockerCommandLineCodeExecutor()
    asyncio.run(executor.start())


# --- what cannot be pickled ---------------------------------------------------------------------------------------


@reproduces("not_serialisable")
def a_pickled_lock() -> None:
    pickle.dumps(threading.Lock())


@reproduces("not_serialisable")
def a_pickled_cancellation_token() -> None:
    pickle.dumps(CancellationToken())


@reproduces("not_serialisable")
def a_pickled_closure() -> None:
    pickle.dumps(lambda: None)


@reproduces("not_serialisable")
def a_pickled_agent_with_a_tool() -> None:
    def add(first: int, second: int) -> int:
        return first + second

    pickle.dumps(AssistantAgent("one", client(model_info={**INFO, "function_calling": True}), tools=[add]))


@reproduces("not_serialisable")
def an_agent_as_json() -> None:
    json.dumps({"agent": AssistantAgent("one", ReplayChatCompletionClient(["a"]))})


@reproduces("not_serialisable")
def a_lambda_for_another_process() -> None:
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        pool.submit(lambda: None).result()


# --- what is missing ----------------------------------------------------------------------------------------------


@reproduces("missing_credentials")
def a_variable_that_is_not_set() -> None:
    os.environ["OPENAI_API_KEY"]


@reproduces("missing_credentials")
def a_variable_of_an_uncommon_name_that_is_not_set() -> None:
    os.environ["NO_SUCH_SERVICE_PASSWORD"]


@reproduces("missing_credentials")
def a_client_without_a_key() -> None:
    client(api_key=None)


@reproduces("missing_credentials")
def an_azure_client_without_a_key() -> None:
    AzureOpenAIChatCompletionClient(
        model="gpt-4o", azure_deployment="x", api_version="2024-06-01", azure_endpoint="https://example.invalid"
    )


@reproduces("missing_credentials")
def a_client_with_an_empty_key() -> None:
    with ModelServer() as server:
        ask(client(server.url, api_key=""))
    pytest.skip("this openai sends an empty key")


@reproduces("missing_credentials")
def an_anthropic_client_without_a_key() -> None:
    pytest.importorskip("anthropic")
    module = importlib.import_module("autogen_ext.models.anthropic")
    ask(module.AnthropicChatCompletionClient(model="claude-3-5-sonnet-20241022"))


@reproduces("missing_module")
def a_module_that_is_not_installed() -> None:
    importlib.import_module("no_such_module")


@reproduces("missing_module")
def an_extra_that_is_not_installed() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "docker", None)
        for name in [name for name in sys.modules if name.startswith("autogen_ext.code_executors.docker")]:
            patch.delitem(sys.modules, name)
        module = importlib.import_module("autogen_ext.code_executors.docker")
        module.DockerCommandLineCodeExecutor()


def as_library(name: str, source: str) -> None:
    """Run code as if it were a library's."""
    module = ModuleType(name)
    exec(compile(source, f"/lib/{name}.py", "exec"), module.__dict__)


@reproduces("dependency_drift")
def a_name_that_another_library_no_longer_has() -> None:
    as_library("autogen_ext.models.openai._x", "from openai.types import NoSuchType")


@reproduces("dependency_drift")
def a_submodule_that_another_library_no_longer_has() -> None:
    as_library("autogen_ext.models.openai._x", "import openai.no_such_submodule")


@reproduces("missing_module")
def a_folder_named_like_a_library() -> None:
    # Found in its place, as the working directory comes first.
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        name = next(name for name in sorted(LIBRARIES) if importlib.util.find_spec(name) is None)
        (Path(folder) / name).mkdir()
        patch.syspath_prepend(folder)
        try:
            as_library("autogen_ext._x", f"import {name}.types")
        finally:
            sys.modules.pop(name, None)


@reproduces("dependency_drift")
def an_argument_that_another_library_no_longer_takes() -> None:
    # openai 1.54 and httpx 0.28.
    pytest.importorskip("httpx")
    as_library("openai._base_client", "import httpx\nhttpx.AsyncClient(no_such_argument=None)")


@reproduces("dependency_drift")
def an_argument_that_a_model_sdk_no_longer_takes() -> None:
    # autogen-ext 0.7.5 and anthropic 2, of "temperature".
    pytest.importorskip("anthropic")
    as_library(
        "autogen_ext.models.anthropic._x",
        "import anthropic\nanthropic.Anthropic(api_key='x').messages.create("
        "model='m', max_tokens=1, messages=[], no_such_argument=None)",
    )


@reproduces("other")
def an_argument_that_an_app_passes_to_a_model_sdk() -> None:
    pytest.importorskip("anthropic").Anthropic(api_key="x").messages.create(
        model="m", max_tokens=1, messages=[], no_such_argument=None
    )


# --- what was given -----------------------------------------------------------------------------------------------


@reproduces("invalid_config")
def a_component_with_a_wrong_field() -> None:
    OpenAIChatCompletionClient.load_component({"provider": "OpenAIChatCompletionClient", "config": {"model": 3}})


@reproduces("invalid_config")
def a_component_without_its_fields() -> None:
    AssistantAgent.load_component({"provider": "autogen_agentchat.agents.AssistantAgent", "config": {}})


@reproduces("invalid_config")
def a_component_whose_class_is_not_there() -> None:
    AssistantAgent.load_component({"provider": "autogen_ext.models.openai.NoSuchClient", "config": {}})


@reproduces("missing_module")
def a_component_whose_module_is_not_there() -> None:
    AssistantAgent.load_component({"provider": "autogen_ext.no_such_module.NoSuchClient", "config": {}})


@reproduces("dependency_drift")
def an_attribute_that_another_library_no_longer_has() -> None:
    as_library("autogen_ext.models.openai._x", "import openai\nopenai.NoSuchName")


@reproduces("invalid_config")
def a_model_nobody_knows() -> None:
    OpenAIChatCompletionClient(model="nobody-knows", api_key="sk-x")


@reproduces("invalid_config")
def an_address_without_a_scheme() -> None:
    ask(client("127.0.0.1:9/v1"))


@reproduces("invalid_config", in_init=True)
def an_agent_with_a_wrong_name() -> None:
    AssistantAgent("not a name", ReplayChatCompletionClient(["a"]))


@reproduces("invalid_config", in_init=True)
def an_agent_with_an_argument_it_does_not_take() -> None:
    AssistantAgent("one", ReplayChatCompletionClient(["a"]), nothing="such")  # type: ignore[call-arg]


# --- the network, and time ----------------------------------------------------------------------------------------


def stub_model(**options: Any) -> Any:
    pytest.importorskip("uvicorn")
    pytest.importorskip("starlette")
    return importlib.import_module("autogen_vitals.local.stub_model").StubModel(**options)


@reproduces("rate_limited")
def too_many_requests() -> None:
    with stub_model() as model:
        ask(client(model.base_url), "status:429")


@reproduces("rate_limited")
def too_many_requests_of_a_participant() -> None:
    with stub_model() as model:
        asyncio.run(team_of(client(model.base_url)).run(task="status:429"))


@reproduces("timeout")
def a_model_that_thinks_too_long() -> None:
    with stub_model(think_seconds=0.5) as model:
        ask(client(model.base_url, timeout=0.05))


@reproduces("timeout")
def a_run_that_takes_too_long() -> None:
    with stub_model(think_seconds=0.5) as model:
        agent = AssistantAgent("one", client(model.base_url))
        asyncio.run(asyncio.wait_for(agent.run(task="x"), 0.05))


@reproduces("timeout")
def a_program_that_takes_too_long() -> None:
    subprocess.run([sys.executable, "-c", "import time; time.sleep(5)"], timeout=0.05, check=True)


@reproduces("connection")
def a_port_nobody_listens_on() -> None:
    ask(client())


@reproduces("connection")
def a_participant_whose_model_nobody_serves() -> None:
    asyncio.run(team_of(client()).run(task="x"))


@reproduces("connection")
def a_host_that_does_not_exist() -> None:
    ask(client("http://no.such.host.invalid/v1"))


@reproduces("connection")
def a_model_that_hangs_up() -> None:
    with stub_model() as model:
        ask(client(model.base_url), "disconnect")


@reproduces("connection")
def a_certificate_nobody_trusts() -> None:
    with ModelServer() as server:
        ask(client(server.url.replace("http:", "https:")))


@reproduces("cancelled")
def a_cancelled_run() -> None:
    async def cancel() -> None:
        run = asyncio.ensure_future(asyncio.sleep(5))
        await asyncio.sleep(0)
        run.cancel()
        await run

    asyncio.run(cancel())


@reproduces("other")
def a_participant_that_fails() -> None:
    asyncio.run(team_of(ReplayChatCompletionClient([])).run(task="x"))


@reproduces("other")
def a_model_that_fails() -> None:
    with stub_model() as model:
        ask(client(model.base_url), "status:500")


@pytest.mark.parametrize(("reproduction", "category", "in_init"), REPRODUCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_a_real_failure_is_of_its_category(reproduction: Reproduction, category: Category, in_init: bool) -> None:
    """What it comes to with the installed versions."""
    error = error_of(reproduction)
    assert classify(error, in_init=in_init) == category, repr(error)


@pytest.mark.parametrize(("reproduction", "category", "in_init"), REPRODUCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_an_app_s_own_error_says_what_it_was_raised_from(
    reproduction: Reproduction, category: Category, in_init: bool
) -> None:
    """As handlers do that turn every exception into one of theirs."""
    if in_init:
        pytest.skip("what a constructor raised is not known of a cause")

    class AppError(Exception):
        pass

    outer = AppError("it did not work")
    outer.__cause__ = error_of(reproduction)
    assert classify(outer) == category
