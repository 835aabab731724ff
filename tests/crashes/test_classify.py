"""What an exception is taken for, and what it is not."""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from autogen_vitals.crashes.categories import ROWS
from autogen_vitals.crashes.chain import class_of, links
from autogen_vitals.crashes.classify import classify
from autogen_vitals.vocabulary import CATEGORIES, Category

CLOSED = "Event loop is closed"
NO_SCHEME = "Request URL is missing an 'http://' or 'https://' protocol."
RUNNING = "import asyncio\nasync def f():\n asyncio.get_running_loop().run_forever()\nasyncio.run(f())"


def raised(source: str, module: str = "app") -> BaseException:
    """What this code raises, as code of ``module``."""
    try:
        exec(source, {"__name__": module})
    except BaseException as error:
        return error
    pytest.fail("nothing was raised")


def own(name: str, message: str = "", module: str = "library.errors", base: type[BaseException] = Exception) -> Any:
    """An exception of a class that is known by its name."""
    return type(name, (base,), {"__module__": module})(message)


def caused(outer: BaseException, cause: BaseException) -> BaseException:
    """``raise outer from cause``."""
    outer.__cause__ = cause
    return outer


def meanwhile(outer: BaseException, context: BaseException, *, suppressed: bool = False) -> BaseException:
    """``raise outer`` where ``context`` was being handled, or ``raise outer from None``."""
    outer.__context__ = context
    outer.__suppress_context__ = suppressed
    return outer


def hidden(error: BaseException) -> RuntimeError:
    """What a team makes of a participant's exception."""
    events = importlib.import_module("autogen_agentchat.teams._group_chat._events")
    if not hasattr(events, "SerializableException"):
        pytest.skip("this AutoGen lets it through")
    return RuntimeError(str(events.SerializableException.from_exception(error)))


# --- rows that nothing here can reproduce -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (own("RateLimitError", "Error code: 429", "anthropic"), "rate_limited"),
        (own("HTTPStatusError", "Client error '429 Too Many Requests' for url 'x'", "httpx"), "rate_limited"),
        (own("ResourceExhausted", "429 Quota exceeded", "google.api_core.exceptions"), "rate_limited"),
        (own("APITimeoutError", "Request timed out.", "anthropic"), "timeout"),
        (own("ReadTimeout", "", "httpx2"), "timeout"),
        (own("McpError", "Timed out while waiting for response to ClientRequest.", "mcp.shared"), "timeout"),
        (own("McpError", "Connection closed", "mcp.shared.exceptions"), "connection"),
        (own("RemoteProtocolError", "illegal status line: b'x'", "httpcore2"), "connection"),
        (own("LocalProtocolError", "Illegal header value b'Bearer '", "httpx"), "missing_credentials"),
        (own("AuthenticationError", "Error code: 401 - {'message': \"You didn't provide an API key.\"}", "openai"),
         "missing_credentials"),
        (own("NoCredentialsError", "Unable to locate credentials", "botocore.exceptions"), "missing_credentials"),
        (own("InvalidConfigError", "x", "autogen.exception"), "invalid_config"),
        (own("AgentInvalidConfigError", "x", "app"), "invalid_config"),
        (own("DockerException", "Error while fetching server API version: x", "docker.errors"), "docker_unavailable"),
        (RuntimeError("Failed to connect to Docker. Please ensure Docker is installed and running."),
         "docker_unavailable"),
        (RuntimeError("Cannot re-initialize CUDA in forked subprocess. To use CUDA …"), "use_after_fork"),
        (own("Error", "BrowserType.launch: Executable doesn't exist at /x", "playwright._impl"), "missing_binary"),
        (ValueError("Powershell or pwsh is not installed. Please install one of them."), "missing_binary"),
        (own("EncodeError", "Object of type X is not JSON serializable", "kombu"), "not_serialisable"),
        (own("ClientDisconnect", "", "starlette.requests"), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
        (asyncio.CancelledError(), "cancelled"),
        (RuntimeError("Task <Task pending> got Future <Future pending> attached to a different loop"),
         "bound_to_other_loop"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_a_library_is_known_by_name(error: BaseException, category: Category) -> None:
    """Whether it is installed or not."""
    assert classify(error) == category


@pytest.mark.parametrize("module", ["httpx", "httpx2"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_the_root_counts_and_not_what_the_sdk_made_of_it(sdk: str, module: str) -> None:
    """openai 1.x calls whatever happens a connection error."""
    transport = own("ConnectError", "All connection attempts failed", module)
    assert classify(caused(own("APIConnectionError", "Connection error.", sdk), transport)) == "connection"
    assert classify(caused(own("APIConnectionError", "Connection error.", sdk), RuntimeError(CLOSED))) == (
        "event_loop_closed"
    )


# --- healthy look-alikes ------------------------------------------------------------------------------------------

LOOK_ALIKES: list[tuple[str, Callable[[], BaseException]]] = [
    ("the app's own words about loops", lambda: RuntimeError("while: Event loop is closed, says the manual")),
    ("the same words in another class", lambda: KeyError(CLOSED)),
    ("a loop that runs already", lambda: raised(RUNNING)),
    ("a key of a dictionary", lambda: raised("{}['name']")),
    ("a key named like a credential's in small letters", lambda: raised("{}['api_key']")),
    ("a variable that is no credential", lambda: raised("import os; os.environ['NO_SUCH_MODEL_NAME']")),
    ("a constant of a table", lambda: raised("{}['FOREIGN_KEY']")),
    ("a token of a model", lambda: raised("{}['EOS_TOKEN']")),
    ("an address a tool was to fetch", lambda: own("UnsupportedProtocol", NO_SCHEME, "httpx")),
    ("a path with a number", lambda: own("HTTPStatusError", "'404 Not Found' for url '/items/429'")),
    ("an installation that failed", lambda: ValueError("Pip install failed. pip install x")),
    ("the app's use of what a library no longer has", lambda: raised("import openai; openai.NoSuchName")),
    ("a library's use of what the app has not", lambda: raised("import test_classify as t; t.no", "autogen_core._x")),
    ("a file that is not there", lambda: raised("open('/no/such/file')")),
    ("a file named like a program", lambda: raised("open('/no/such/bin/python3')")),
    ("a folder to run in", lambda: raised("import subprocess; subprocess.run(['true'], cwd='/no/such/folder')")),
    ("a program that fails", lambda: raised("import subprocess; subprocess.run(['false'], check=True)")),
    ("the app's own circular import", lambda: raised("from asyncio import no_such_name")),
    ("the app's import of what a library no longer has", lambda: raised("from autogen_core import NoSuchName")),
    ("an argument the app made up", lambda: raised("import openai; openai.AsyncOpenAI(api_key='x', nothing=1)")),
    ("a wrong call of the app's own", lambda: raised("def f(): pass\nf(x=1)")),
    ("a number that is none", lambda: raised("int('x')")),
    ("a reply that does not fit", lambda: raised("import pydantic\nclass R(pydantic.BaseModel): x: int\nR(x='y')")),
    ("a reply that is no JSON", lambda: raised("import json; json.loads('{')")),
    ("a key that was refused", lambda: own("AuthenticationError", "Error code: 401 - Incorrect API key", "openai")),
    ("a bad request", lambda: own("BadRequestError", "Error code: 400 - timeout must be a number", "openai")),
    ("an SDK's base class", lambda: own("OpenAIError", "something else", "openai")),
    ("an image that Docker does not have", lambda: own("ImageNotFound", "404", "docker.errors")),
    ("a text that looks like a team's", lambda: RuntimeError("no class here: \nTraceback:\n")),
    ("a handled import", lambda: meanwhile(LookupError("x"), ModuleNotFoundError("No module named 'ujson'"))),
    ("a handled timeout", lambda: meanwhile(LookupError("x"), TimeoutError())),
    ("a handled refusal", lambda: meanwhile(LookupError("x"), ConnectionRefusedError())),
    ("a suppressed context", lambda: meanwhile(LookupError("x"), RuntimeError(CLOSED), suppressed=True)),
    ("an exit", lambda: SystemExit(3)),
    ("an assertion", lambda: AssertionError("can only join")),
    ("out of memory", MemoryError),
    ("nothing said", lambda: RuntimeError()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "what"), [(error, what) for what, error in LOOK_ALIKES], ids=[what for what, _ in LOOK_ALIKES]
)
def test_what_only_looks_like_one_is_none(error: Callable[[], BaseException], what: str) -> None:
    """Nothing is said that is not sure."""
    assert classify(error()) == "other", what


@pytest.mark.parametrize("error", [ValueError("x"), own("ValidationError", "x", "pydantic_core")], ids=lambda e: str(e))
def test_what_a_constructor_refuses_is_its_configuration(error: BaseException) -> None:
    """And what a run does, may be a model's reply."""
    assert classify(error, in_init=True) == "invalid_config"
    assert classify(error) == "other"


def test_an_init_that_fails_for_a_reason_has_that_reason() -> None:
    """A constructor's ValueError may come from elsewhere."""
    assert classify(caused(ValueError("x"), RuntimeError(CLOSED)), in_init=True) == "event_loop_closed"


# --- the chain ----------------------------------------------------------------------------------------------------


def test_a_cause_explains_before_a_context() -> None:
    """What was merely being handled may have been dealt with."""
    error = caused(LookupError("x"), TimeoutError())
    error.__cause__.__context__ = RuntimeError(CLOSED)  # type: ignore[union-attr]
    assert classify(error) == "timeout"
    assert classify(meanwhile(LookupError("x"), RuntimeError(CLOSED))) == "event_loop_closed"


def test_a_chain_that_bites_its_tail_ends() -> None:
    """Python does not prevent it."""
    first, second = LookupError("x"), LookupError("y")
    first.__cause__, second.__cause__ = second, first
    assert classify(first) == "other"


def test_a_long_chain_is_read_in_part() -> None:
    """A retry loop without an end makes one."""
    error: BaseException = RuntimeError(CLOSED)
    for _ in range(2000):
        error = caused(LookupError("x"), error)
    assert classify(error) == "other"
    assert len(list(links(error))) < 100


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no groups")
def test_a_group_is_what_its_members_are() -> None:
    """A task group raises nothing else; members beyond the first few are not read."""
    group: Any = importlib.import_module("builtins").BaseExceptionGroup
    assert classify(group("x", [LookupError(), group("y", [RuntimeError(CLOSED)])])) == "event_loop_closed"
    assert classify(group("x", [LookupError()] * 5000)) == "other"


# --- what a team's error hides ------------------------------------------------------------------------------------


def test_a_participant_s_class_and_words_are_read() -> None:
    """The team's error is a text."""
    assert class_of(hidden(own("RateLimitError", "Error code: 429"))) == "RateLimitError"
    assert classify(hidden(own("RateLimitError", "Error code: 429"))) == "rate_limited"
    assert classify(hidden(RuntimeError(CLOSED))) == "event_loop_closed"
    assert classify(hidden(ValueError("x"))) == "other"


def test_a_team_within_a_team_is_looked_through() -> None:
    """The text begins with two classes then."""
    assert class_of(hidden(hidden(TimeoutError("x")))) == "TimeoutError"
    assert classify(hidden(hidden(TimeoutError("x")))) == "timeout"


def test_the_chain_in_the_text_is_read() -> None:
    """openai 1.x in a team."""
    source = "try:\n raise RuntimeError('Event loop is closed')\nexcept Exception as e:\n raise {} from {}"
    sdk = "type('APIConnectionError', (Exception,), {})('Connection error.')"
    assert classify(hidden(raised(source.format(sdk, "e")))) == "event_loop_closed"
    assert classify(hidden(raised(source.format("LookupError('x')", "None")))) == "other"
    handled = "try:\n raise TimeoutError\nexcept Exception:\n raise LookupError('x')"
    assert classify(hidden(raised(handled))) == "other"


def test_a_program_is_known_in_a_text_by_its_name() -> None:
    """The frame that would tell is gone."""
    assert classify(hidden(raised("import subprocess; subprocess.run(['no-such-dir/x'])"))) == "other"
    assert classify(hidden(FileNotFoundError(2, "No such file or directory", "sh"))) == "missing_binary"
    assert classify(hidden(FileNotFoundError(2, "No such file or directory", "/data/git"))) == "other"


# --- what is asked of the exception -------------------------------------------------------------------------------


class Counting(RuntimeError):
    """Counts how often it is asked what it says."""

    asked = 0

    def __str__(self) -> str:
        type(self).asked += 1
        return "x" * 1000


class Refusing(RuntimeError):
    """Cannot say what it says."""

    def __str__(self) -> str:
        raise LookupError


class Huge(RuntimeError):
    """Says too much."""

    def __str__(self) -> str:
        return "Task got Future " + "x" * 50_000_000 + " attached to a different loop"


class Odd(RuntimeError):
    """Its attributes raise."""

    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise LookupError


def test_it_is_asked_once() -> None:
    """It may be costly."""
    classify(Counting())
    assert Counting.asked == 1


@pytest.mark.parametrize("kind", [Refusing, Huge, Odd])
def test_an_awkward_exception_is_none_of_them(kind: type[BaseException]) -> None:
    """It never raises, and reads the beginning only."""
    assert classify(kind()) == "other"
    assert classify(caused(RuntimeError(CLOSED), kind())) == "event_loop_closed"
    assert class_of(kind()) == kind.__name__


@pytest.mark.parametrize("text", ["ValueError:" + " \n a" * 200_000, "RuntimeError: " * 100_000, "\n b\nA" * 200_000])
def test_a_hostile_text_costs_no_time(text: str) -> None:
    """No pattern reads it again and again; two seconds would be a hang, a slow machine takes milliseconds."""
    begin = time.perf_counter()
    classify(RuntimeError(text + "\nTraceback:\n" + text))
    classify(RuntimeError("ValueError: x\nTraceback:\n" + text))
    assert time.perf_counter() - begin < 2


# --- the table ----------------------------------------------------------------------------------------------------


def test_the_table_has_every_category() -> None:
    """Those that it can tell."""
    assert {row.category for row in ROWS} == set(CATEGORIES) - {"other"}


def test_every_pattern_is_one() -> None:
    """They are compiled when they are needed, which is too late to find out."""
    for row in ROWS:
        assert row.message is None or re.compile(row.message)


def test_no_row_is_every_exception() -> None:
    """Asking each exception what it says would be dear, and sure of nothing."""
    for row in ROWS:
        assert not {"Exception", "BaseException", "object"} & set(row.classes)
        broad = {"RuntimeError", "ValueError", "TypeError", "OSError", "KeyError", "AttributeError"} & set(row.classes)
        assert not broad or row.message is not None or row.check is not None or row.in_init
