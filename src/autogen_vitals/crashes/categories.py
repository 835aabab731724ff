"""The table: how each category is recognised.

A class is one name of the method resolution order, after its top-level package where the name alone is no sign of it,
or ``*`` and the end of a name. Of errors that only a text names no bases are known: hence the subclasses beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from autogen_vitals.crashes.chain import Link
from autogen_vitals.crashes.evidence import between_libraries, called_by_a_library, names_a_program, raised_in, through
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import Category

Where = Literal["outermost", "causes", "contexts"]
"""Where in the chain: what was raised in the end; also what it was raised ``from``, and members of groups; also what
was merely being handled meanwhile, which as often as not has been dealt with."""


# Names, which are told: of programs, modules, packages, arguments, variables and classes.
_NAME = r"[A-Za-z0-9_]{1,80}"
_DOTTED = r"[A-Za-z0-9_.]{1,120}"
_QUALIFIED = r"[A-Za-z0-9_.<>]{1,160}"
_PROGRAM = r"[A-Za-z0-9_./+\-]{1,120}"
_PACKAGE = r"[\"'`]?[A-Za-z0-9_.\-]{1,60}(?:\[[A-Za-z0-9_,\-]{1,60}\])?"
_CREDENTIAL = r"(?:^'[A-Z0-9_]{0,80})?(?:KEY|TOKEN|SECRET|PASSW|CREDENTIAL)(?:[A-Z0-9_]{0,80}'$)?"
_WRONG_ARGUMENT = (
    rf"(?:got (?:(?:an unexpected keyword|multiple values for) argument '{_NAME}')?"
    rf"|missing (?:\d{{1,3}} required (?:positional|keyword-only) arguments?: '{_NAME}')?)"
)


class Row(Record, frozen=True):
    """One way to recognise a category.

    What a pattern matches is told, as a library's own words (see ``messages``): it ends before what may be somebody's
    data, or only looks ahead at it.

    Attributes:
        category: what it is then.
        classes: it is of one of these,
        message: its message, white space made one blank, matches this pattern, wherever in it,
        check: this holds too,
        where: it is there in the chain,
        in_init: and what failed was an init.
    """

    category: Category
    classes: tuple[str, ...]
    message: str | None = None
    check: Callable[[Link], bool] | None = None
    where: Where = "causes"
    in_init: bool = False


ROWS: tuple[Row, ...] = (
    # --- what AutoGen says of itself
    Row(
        "team_already_running",
        ("ValueError",),
        r"^The team is already running, it cannot run again",
        where="contexts",
    ),
    Row(
        "team_already_running",
        ("RuntimeError",),
        (
            r"^The group chat is currently running\. It must be stopped before"
            r"|^The team cannot be loaded while it is running"
        ),
        where="contexts",
    ),
    Row("agent_shared", ("RuntimeError",), r"^Agent is already bound to a different (?:ID|runtime)", where="contexts"),
    # --- processes and event loops
    Row(
        "use_after_fork",
        ("SSLError", "OperationalError"),
        r"(?i)DECRYPTION[_ ]FAILED[_ ]OR[_ ]BAD[_ ]RECORD[_ ]MAC|ALERT[_ ]BAD[_ ]RECORD[_ ]MAC",
        where="contexts",
    ),
    Row("use_after_fork", ("RuntimeError",), r"^Cannot re-initialize CUDA in forked subprocess", where="contexts"),
    Row("use_after_fork", ("AssertionError",), r"^can only (?:join|test) a child process$", where="contexts"),
    Row("event_loop_closed", ("RuntimeError",), r"^Event loop is closed", where="contexts"),
    Row(
        "bound_to_other_loop",
        ("RuntimeError", "ValueError"),
        (
            r"is bound to a different (?:event )?loop|attached to a different loop"
            r"|^The future belongs to a different loop"
        ),
        where="contexts",
    ),
    # --- the machine
    Row(
        "docker_unavailable",
        ("DockerException",),
        r"^Error while fetching server API version",
        where="contexts",
    ),
    Row("docker_unavailable", ("RuntimeError",), r"^Failed to connect to Docker\. Please ensure", where="contexts"),
    Row(
        "docker_unavailable",
        ("RuntimeError",),
        r"^Code execution is set to be run in docker \(default behaviour\) but docker is not running",
    ),
    Row(
        "missing_binary",
        ("FileNotFoundError",),
        rf"No such file or directory: '(?:{_PROGRAM}')?|cannot find the file",
        names_a_program,
    ),
    Row("missing_binary", ("ValueError",), r"^Powershell or pwsh is not installed"),
    Row("missing_binary", ("playwright.Error",), r"Executable doesn't exist at"),
    Row("closed_file", ("ValueError",), r"(?:I/O operation )?(?:on|to|of) closed file"),
    Row("closed_file", ("EOFError",), r"^EOF when reading a line"),
    Row("closed_file", ("RuntimeError",), r"input\(\): lost sys\.std(?:in|out|err)"),
    Row(
        # AutoGen repeats the cause in its own message.
        "closed_file",
        ("RuntimeError",),
        r"^Failed to get user input: (?=.*(?:closed file|EOF when reading a line|lost sys\.std))",
    ),
    Row("not_serialisable", ("PicklingError", "PydanticSerializationError"), where="contexts"),
    Row(
        "not_serialisable",
        ("TypeError", "AttributeError", "EncodeError"),
        (
            rf"cannot pickle (?:'{_DOTTED}' object)?"
            rf"|[Cc]an't (?:pickle|get local object) (?:local object )?(?:'{_QUALIFIED}')?"
            rf"|(?:Object of type {_NAME} )?is not JSON serializable"
            r"|^Please implement __deepcopy__ method for each value class in llm_config"
            r"|^Cannot dump component with local class"
        ),
        where="contexts",
    ),
    Row("not_serialisable", ("NotImplementedError",), r"^This component does not support dumping to config"),
    # --- what is missing
    Row(
        "missing_credentials",
        ("KeyError",),
        r"^'[A-Z0-9_]*(?:API_?KEY|ACCESS_KEY|SECRET_KEY|CLIENT_SECRET|ACCESS_TOKEN|API_TOKEN)(?:_[A-Z0-9_]+)?'$",
    ),
    # Other such words are keys of dictionaries too, unless it was the environment that had none.
    Row("missing_credentials", ("KeyError",), _CREDENTIAL, raised_in("os")),
    Row(
        "missing_credentials",
        ("OpenAIError", "AnthropicError", "TypeError", "ValueError"),
        (
            r"^Missing credentials\b|^The api_key client option must be set|^Must provide one of the `api_key`"
            r"|^\"?Could not resolve authentication method"
        ),
    ),
    Row(
        "missing_credentials",
        ("AuthenticationError",),
        r"(?i)you didn't provide an api key|x-api-key header is required",
    ),
    # openai 1.x accepts an empty key and fails with its first request, as if the connection did.
    Row("missing_credentials", ("LocalProtocolError",), r"^Illegal header value b'Bearer ?'"),
    Row("missing_credentials", ("NoCredentialsError", "DefaultCredentialsError", "CredentialUnavailableError")),
    Row(
        "dependency_drift",
        ("ImportError",),
        (
            rf"^cannot import name (?:'{_NAME}'(?: from '{_DOTTED}')?)?"
            rf"|^No module named (?='[^'.]+\.)(?:'{_DOTTED}')?"
        ),
        between_libraries,
    ),
    Row(
        "dependency_drift",
        ("TypeError",),
        (
            r"^(?:Async)?(?:OpenAI|AzureOpenAI|Anthropic|Client|HTTPTransport)\.__init__\(\) "
            rf"got an unexpected keyword argument (?:'{_NAME}')?"
        ),
        between_libraries,
    ),
    Row(
        "dependency_drift",
        ("TypeError",),
        rf"^(?:Async)?[A-Z][A-Za-z]*\.(?:create|parse|stream)\(\) got an unexpected keyword argument (?:'{_NAME}')?",
        called_by_a_library("anthropic", "openai"),
    ),
    Row(
        "dependency_drift",
        ("AttributeError",),
        rf"^module '{_DOTTED}' has no attribute (?:'{_NAME}')?",
        between_libraries,
    ),
    Row("missing_module", ("ModuleNotFoundError",), rf"^No module named '{_DOTTED}'"),
    Row("missing_module", ("ModuleNotFoundError",)),
    Row(
        "missing_module",
        ("ImportError", "RuntimeError"),
        (
            rf"^Missing dependenc?ies for (?:{_NAME})?"
            rf"|\binstalled with the (?='[^']+' extra)(?:'{_PACKAGE}' extra)?"
        ),
    ),
    Row("missing_module", ("ImportError",), rf"(?i)\bpip install (?:{_PACKAGE})?|\bplease install "),
    # --- what was given
    Row("invalid_config", ("*InvalidConfigError",)),
    Row("invalid_config", ("ValueError",), r"^model_info is required when model name |^model is required for "),
    Row("invalid_config", ("ValueError",), r"^(?:Must provide one of the `base_url`|azure_endpoint is required)"),
    Row(
        # The client's base URL, and not one that a tool was asked to fetch.
        "invalid_config",
        ("UnsupportedProtocol",),
        r"^Request URL is missing an '?http|unsupported protocol",
        through("openai._base_client", "anthropic._base_client"),
    ),
    Row(
        "invalid_config",
        ("ValidationError", "ValueError", "TypeError", "AttributeError"),
        None,
        through("autogen_core._component_config"),
    ),
    # --- the network, and time
    Row(
        "rate_limited",
        ("RateLimitError", "TooManyRequests", "ResourceExhausted", "ThrottlingException"),
        where="contexts",
    ),
    Row(
        "rate_limited",
        ("HTTPStatusError", "ClientError", "APIStatusError"),
        r"429 Too Many Requests|(?:code:? |status )429\b|ThrottlingException",
        where="contexts",
    ),
    Row(
        "timeout",
        (
            "TimeoutError",
            "TimeoutException",
            "APITimeoutError",
            "ConnectTimeout",
            "ReadTimeout",
            "WriteTimeout",
            "PoolTimeout",
            "Timeout",
            "TimeoutExpired",
            "DeadlineExceeded",
            "DeadlineExceededError",
            "ServerTimeoutError",
        ),
    ),
    Row("timeout", ("McpError",), r"^Timed out while waiting for response"),
    Row(
        "connection",
        (
            "ConnectionError",
            "ConnectionRefusedError",
            "ConnectionResetError",
            "ConnectionAbortedError",
            "BrokenPipeError",
            "APIConnectionError",
            "NetworkError",
            "ConnectError",
            "ReadError",
            "WriteError",
            "CloseError",
            "ProxyError",
            "RemoteProtocolError",
            "IncompleteRead",
            "IncompleteReadError",
            "BrokenResourceError",
            "WebSocketException",
            "ServerDisconnectedError",
            "ClientConnectorError",
            "gaierror",
            "SSLError",
            "SSLCertVerificationError",
        ),
    ),
    Row(
        "connection",
        ("OSError",),
        r"No route to host|Network is unreachable|name resolution|All connection attempts failed",
    ),
    Row("connection", ("McpError",), r"^Connection closed"),
    Row("cancelled", ("CancelledError", "Cancelled", "KeyboardInterrupt", "ClientDisconnect")),
    # --- whatever else a constructor refuses
    Row("invalid_config", ("ValidationError", "ValueError"), in_init=True),
    Row(
        "invalid_config",
        ("TypeError",),
        rf"(?:^{_QUALIFIED}\.)?__init__\(\) {_WRONG_ARGUMENT}",
        where="outermost",
        in_init=True,
    ),
)
"""The first row that holds counts. What names its reason comes before what any of them may look like from outside."""
