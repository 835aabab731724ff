"""What is told of an exception's message: a library's own words, and nobody's prompt."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from autogen_vitals.crashes.categories import ROWS, Row
from autogen_vitals.crashes.classify import classify
from autogen_vitals.crashes.messages import told
from autogen_vitals.vocabulary import MessageMode

PROMPT = "my <<canary>> prompt, about my salary"
KEY = "sk-proj-c4n4ryC4n4ryc4n4ryC4n4ry"
PASSWORD = "hunter2-canary"
SECRETS = f"api_key={KEY} password='{PASSWORD}' Authorization: Bearer c4n4ry.token postgres://u:{PASSWORD}@db/x"
SHOWN = ("canary", "salary", "c4n4ry", "hunter2")
"""Some of which would be in a text that told of one of the above."""

OWN_WORDS = [
    "The team is already running, it cannot run again",
    "The group chat is currently running. It must be stopped before",
    "The team cannot be loaded while it is running",
    "Agent is already bound to a different ID",
    "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad record mac",
    "Cannot re-initialize CUDA in forked subprocess",
    "can only join a child process",
    "Event loop is closed",
    "is bound to a different event loop",
    "attached to a different loop",
    "The future belongs to a different loop",
    "Error while fetching server API version",
    "Failed to connect to Docker. Please ensure",
    "Code execution is set to be run in docker (default behaviour) but docker is not running",
    "[Errno 2] No such file or directory: 'docker'",
    "Powershell or pwsh is not installed",
    "Executable doesn't exist at",
    "I/O operation on closed file",
    "EOF when reading a line",
    "input(): lost sys.stdin",
    "Failed to get user input: I/O operation on closed file",
    "cannot pickle '_thread.lock' object",
    "Can't pickle local object 'f.<locals>.g'",
    "Can't get local object 'f.<locals>.g'",
    "Object of type Lock is not JSON serializable",
    "Please implement __deepcopy__ method for each value class in llm_config",
    "Cannot dump component with local class",
    "This component does not support dumping to config",
    "'OPENAI_API_KEY'",
    "Missing credentials",
    "The api_key client option must be set",
    "Must provide one of the `api_key`",
    "Could not resolve authentication method",
    "You didn't provide an API key",
    "Illegal header value b'Bearer '",
    "cannot import name 'x' from 'openai'",
    "No module named 'openai.types'",
    "AsyncOpenAI.__init__() got an unexpected keyword argument 'proxies'",
    "module 'openai' has no attribute 'x'",
    "Missing dependecies for DockerCommandLineCodeExecutor",
    "the package was installed with the 'docker' extra",
    "pip install autogen-ext[openai]",
    "Please install it",
    "model_info is required when model name",
    "azure_endpoint is required",
    "Request URL is missing an 'http",
    "Client error '429 Too Many Requests'",
    "Timed out while waiting for response",
    "No route to host",
    "Connection closed",
    "C.__init__() missing 1 required positional argument: 'a'",
    "",
]
AROUND = ["{0}{1}", "{1}{0}", "{1} {0}", "{0} {1}", "{0}: {1}", "{0}\n{1}", "{1}\n{0}", "{1}: {0} {1}", "{0} '{1}'",
          "{0}'{1}'", "<Queue at 0x7f _queue=['{1}']> {0}"]  # fmt: skip


def of(name: str, message: str, module: str, base: type[BaseException] = Exception) -> BaseException:
    """An exception of a class that is known by its name."""
    return type(name, (base,), {"__module__": module, "__str__": lambda _: message})()


def class_names() -> list[tuple[str, str]]:
    """Each that the table asks for, after its package."""
    names = {qualified.rpartition(".") for row in ROWS for qualified in row.classes}
    return sorted((package or "builtins", name.replace("*", "Agent")) for package, _, name in names)


def grouped(error: BaseException) -> BaseException:
    """A group of it."""
    if sys.version_info < (3, 11):
        return error
    from builtins import BaseExceptionGroup

    return BaseExceptionGroup(PROMPT + SECRETS, [LookupError(PROMPT), error])


def under(error: BaseException, *, cause: bool) -> BaseException:
    """``error`` as cause or context of another one."""
    outer = LookupError(PROMPT + SECRETS)
    if cause:
        outer.__cause__ = error
    else:
        outer.__context__ = error
    return outer


def noted(error: BaseException) -> BaseException:
    """With a note, which tracebacks show."""
    if hasattr(error, "add_note"):
        error.add_note(PROMPT + SECRETS)
    return error


def hidden(error: BaseException) -> BaseException:
    """What a team makes of a participant's exception."""
    return RuntimeError(f"{type(error).__name__}: {error}\nTraceback:\n  File 'x', line 1\n    {PROMPT}\n\n"
                        f"{type(error).__name__}: {error}\n\nThe above exception was the direct cause of the following "
                        f"exception:\n\n  File 'x'\n\nLookupError: {PROMPT} {SECRETS}\n")  # fmt: skip


WRAPPED: dict[str, Callable[[BaseException], BaseException]] = {
    "alone": lambda error: error,
    "cause": lambda error: under(error, cause=True),
    "context": lambda error: under(error, cause=False),
    "note": noted,
    "group": grouped,
    "participant's": hidden,
    "team's team's": lambda error: hidden(hidden(error)),
    "caused by a participant's": lambda error: under(hidden(error), cause=True),
}


def from_everywhere() -> list[BaseException]:
    """The app's raises and a library's, for rows that ask for a frame."""
    found: list[BaseException] = []
    for source in (
        "import os; os.environ[given]",
        "import os; os.environ[given + ' OPENAI_API_KEY']",
        "import os; os.environ['PASSWORD_' + given]",
        "import importlib; importlib.import_module(given)",
        "import importlib; importlib.import_module('openai.' + given)",
        "import openai; getattr(openai, given)",
        "import openai; openai.AsyncOpenAI(**{'api_key': 'x', given: 1})",
        "import types; types.ModuleType(given).x",
        "open(given)",
        "import subprocess; subprocess.run([given])",
        "import subprocess; subprocess.run(['no-such-program', given])",
        "import json; json.dumps({given: {1}})",
        "import json; json.dumps(type(given, (), {})())",
        "import json; json.loads(given)",
        "import pickle; pickle.dumps(type(given, (), {}))",
        "import pickle, threading; pickle.dumps({given: threading.Lock()})",
        "import pydantic\nclass R(pydantic.BaseModel): x: int\nR(x=given)",
        "from autogen_core import ComponentLoader; ComponentLoader.load_component({'provider': given, 'config': {}})",
        "import asyncio; asyncio.run(asyncio.wait_for(asyncio.sleep(9, given), 0))",
        "class C:\n def __init__(self): pass\nC(**{given: 1})",
        "raise ImportError('please install ' + given)",
    ):
        for module, given in itertools.product(("app", "openai.x", "autogen_core.x"), (PROMPT, KEY, PROMPT + SECRETS)):
            try:
                exec(source, {"__name__": module, "given": given})
            except Exception as error:
                found.append(error)
    return found


@pytest.mark.parametrize(("package", "name"), class_names(), ids=lambda value: value)
def test_nobody_s_words_are_told(package: str, name: str) -> None:
    """By any class of the table, whatever a library says around them."""
    for own, around, given in itertools.product(OWN_WORDS, AROUND, (PROMPT, KEY, SECRETS)):
        assert_harmless(of(name, around.format(own, given), package))
    for own, wrap in itertools.product(OWN_WORDS, WRAPPED.values()):
        assert_harmless(wrap(of(name, f"{own} {PROMPT} {SECRETS}", package)))


def assert_harmless(error: BaseException) -> None:
    """Of an init more is known, and hence told."""
    told_of_it = told(error, "known", in_init=True)
    assert not any(shown in told_of_it for shown in SHOWN), (error, told_of_it)
    assert len(told_of_it) <= 200


@pytest.mark.parametrize("own", OWN_WORDS)
def test_no_secret_is_told_of_any_message(own: str) -> None:
    """Nor where all of it is to be told; what it says besides is."""
    for around, wrap in itertools.product(AROUND, WRAPPED.values()):
        error = wrap(of("ValueError", around.format(own, SECRETS), "app"))
        told_of_it = told(error, "all")
        assert not any(shown in told_of_it for shown in ("c4n4ry", "hunter2"))
        assert len(told_of_it) <= 500
    assert "salary" in told(ValueError(PROMPT), "all")


def test_nobody_s_words_are_told_of_what_python_raises() -> None:
    """Where they are a key, a module, an attribute, an argument, a file, a value."""
    errors = from_everywhere()
    assert len(errors) > 100
    for error, wrap in itertools.product(errors, WRAPPED.values()):
        wrapped = wrap(error)
        assert_harmless(wrapped)
        told_of_it = told(wrapped, "all")
        assert "c4n4ry" not in told_of_it, error
        assert "hunter2" not in told_of_it, error


def raised(source: str) -> BaseException:
    """What this code raises."""
    try:
        exec(source, {"__name__": "app"})
    except Exception as error:
        return error
    pytest.fail("nothing was raised")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (raised("import os; os.environ['OPENAI_API_KEY_']"), "'OPENAI_API_KEY_'"),
        (KeyError("OPENAI_API_KEY"), "'OPENAI_API_KEY'"),
        (raised("import os; os.environ['DB_PASSWORD_OF_MINE']"), "'DB_PASSWORD_OF_MINE'"),
        (raised("import no_such_module.x"), "No module named 'no_such_module'"),
        (raised("import subprocess; subprocess.run(['no-such-program'])"),
         "No such file or directory: 'no-such-program'"),
        (raised("import json; json.dumps(object())"), "Object of type object is not JSON serializable"),
        (raised("import pickle, threading; pickle.dumps(threading.Lock())"), "cannot pickle '_thread.lock' object"),
        (RuntimeError("Event loop is closed"), "Event loop is closed"),
        (RuntimeError("<Queue at 0x1 _queue=['salary']> is bound to a different event loop"),
         "is bound to a different event loop"),
        (ValueError("The team is already running, it cannot run again until it is stopped."),
         "The team is already running, it cannot run again"),
        (ImportError("To use it, run `pip install autogen-ext[grpc]`"), "pip install autogen-ext[grpc"),
        (RuntimeError("Failed to get user input: salary\nEOF when reading a line"), "Failed to get user input:"),
        (ValueError("Missing credentials. Pass an api_key"), "Missing credentials"),
        (hidden(RuntimeError("Event loop is closed")), "Event loop is closed"),
        (under(RuntimeError("Event loop is closed"), cause=True), "Event loop is closed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_a_library_s_own_words_are_told(error: BaseException, words: str) -> None:
    """And the names in them: they are what helps."""
    assert told(error, "known").startswith(words)


def test_a_wrong_call_is_told_of_an_init() -> None:
    """Elsewhere it is not known what it is."""
    error = raised("class C:\n def __init__(self): pass\nC(x=1)")
    assert told(error, "known", in_init=True) == "C.__init__() got an unexpected keyword argument 'x'"
    assert told(error, "known") == ""


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), TimeoutError("x"), LookupError("x"), of("ValidationError", "x", "pydantic_core"), MemoryError()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("in_init", [False, True])
def test_what_is_known_by_its_class_alone_is_not_told(error: BaseException, in_init: bool) -> None:
    """Its text may be anybody's."""
    assert told(error, "known", in_init=in_init) == ""


def test_nothing_is_told_if_nothing_is_to_be() -> None:
    """The setting."""
    assert told(RuntimeError("Event loop is closed"), "none") == ""


def test_of_a_team_s_error_the_participant_s_message_is_told() -> None:
    """And not its traceback."""
    assert told(hidden(LookupError("what it said")), "all") == "what it said"


class Refusing(RuntimeError):
    """Cannot say what it says."""

    def __str__(self) -> str:
        raise LookupError


class Odd(RuntimeError):
    """Says something that is no text."""

    def __str__(self) -> Any:
        return 7


class Huge(RuntimeError):
    """Says too much."""

    def __str__(self) -> str:
        return "Event loop is closed " + "x y " * 10_000_000


@pytest.mark.parametrize("mode", ["known", "all", "none"])
@pytest.mark.parametrize("kind", [Refusing, Odd, Huge])
def test_an_awkward_exception_is_told_of_in_bounds(kind: type[BaseException], mode: MessageMode) -> None:
    """It never raises."""
    assert len(told(kind(), mode)) <= 500


def test_what_is_told_can_be_sent() -> None:
    """Protocol buffers refuse a lone surrogate, and all that is sent with it."""
    assert told(ValueError("a \udcff b"), "all") == "a ? b"


@pytest.mark.parametrize("row", [row for row in ROWS if row.message is not None], ids=lambda row: row.category)
def test_no_pattern_swallows_what_it_does_not_know(row: Row) -> None:
    """Anything, as often as it likes, is only ever looked ahead at."""
    assert row.message is not None
    consumed = re.sub(r"\(\?=.*?\)(?:\)|(?=\(|$))", "", row.message)
    assert not re.search(r"(?<!\\)\.[*+]|\[\^|\\[SWD]", consumed), consumed


def test_classifying_and_telling_agree() -> None:
    """Nothing is told of what is not known."""
    for error in from_everywhere():
        assert not told(error, "known") or classify(error) != "other"


def test_the_program_is_told_and_not_what_it_was_to_do() -> None:
    """A command line may hold a prompt."""
    with pytest.raises(FileNotFoundError) as raised_by_it:
        subprocess.run(["no-such-program", PROMPT])
    assert told(raised_by_it.value, "known") == "No such file or directory: 'no-such-program'"
