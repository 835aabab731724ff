"""AutoGen's documented examples say the same with and without us, and nothing of a prompt leaves.

Each program in `programs/` follows an example of AutoGen's documentation. It runs twice in fresh processes, side by
side: plain, and after `autogen_vitals.enable()`. Its constants are read without importing it:

    MINIMUM: the oldest AutoGen it runs on; for a program of classic AutoGen's, which is imported as `autogen`, CLASSIC.
    CANARY: the word in its prompts, replies and tool arguments that must not be exported.
"""

import ast
import difflib
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE / "programs").glob("*.py"))
# One of each kind: components and teams, streams that end early or fail, objects that are copied or subclassed,
# imports, threads and forks, a real client, classic AutoGen. The matrix runs all of them.
OF_EACH_KIND = {
    "01_quickstart",
    "02_token_streaming",
    "03_round_robin",
    "11_serialization",
    "13_cancellation",
    "14_early_break",
    "20_tools",
    "25_code_executor",
    "26_core_runtime",
    "30_subclass_shapes",
    "35_loops_threads_fork",
    "36_uncaught",
    "38_stream_protocol",
    "41_openai_client",
    "44_failing_imports",
    "45_classic_chats",
}
SCOPE = "autogen_vitals"
AN_ID = re.compile(r"[0-9a-f]{8}([-_]?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
TIMEOUT = 90


@dataclass
class Run:
    """What one process printed, returned, exported and left behind."""

    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    exit_code: int
    files: dict[str, str] = field(default_factory=dict, repr=False)
    spans: list[dict] = field(default_factory=list, repr=False)
    open: list[dict] = field(default_factory=list, repr=False)
    metrics: dict | None = field(default=None, repr=False)
    events: list[dict] = field(default_factory=list, repr=False)
    sdk_records: list[str] = field(default_factory=list, repr=False)

    @property
    def ours(self) -> list[dict]:
        return [span for span in self.spans if span["scope"] == SCOPE]


@dataclass
class Pair:
    canary: str
    plain: Run
    enabled: Run


def constants(program: Path) -> dict:
    """The literal constants at the top of a program."""
    found = {}
    for node in ast.parse(program.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


DISTRIBUTIONS = {
    "autogen_agentchat": ("autogen-agentchat",),
    # Microsoft's, which is the new line's too, only where no other one is there.
    "autogen": ("ag2", "pyautogen", "autogen", "autogen-agentchat"),
}


def installed(module: str) -> tuple[int, ...]:
    """The version of a module, by the distribution that it is of."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    there = {distribution.name: distribution.version for distribution in importlib.metadata.distributions()}
    version = next(there[name] for name in DISTRIBUTIONS[module] if name in there)
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def start(program: Path, directory: Path, *, enable: bool) -> subprocess.Popen[str]:
    home = directory / "home"
    home.mkdir(parents=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTEST_"))}
    package = importlib.util.find_spec("autogen_vitals")
    assert package is not None
    assert package.origin is not None
    environment = inherited | {
        "PARITY_ENABLE": "1" if enable else "0",
        "PARITY_REPORT": str(directory / "report.json"),
        # Whatever the process writes lands where the test looks for the canary.
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_STATE_HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(Path(package.origin).parents[1]), inherited.get("PYTHONPATH")))
        ),
        "PYTHONWARNINGS": "always",
    }
    return subprocess.Popen(
        [sys.executable, str(HERE / "driver.py"), str(program)],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str], directory: Path) -> Run:
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        stderr += f"\nkilled after {TIMEOUT} s"
    run = Run(same_each_time(stdout, directory), same_each_time(stderr, directory), process.returncode)
    for path in sorted((directory / "home").rglob("*")):
        if path.is_file():
            run.files[str(path.relative_to(directory))] = path.read_bytes().decode("utf-8", "replace")
    report = directory / "report.json"
    if report.exists():
        for name, value in json.loads(report.read_text(encoding="utf-8")).items():
            setattr(run, name, value)
    return run


# CPython 3.10 re-raises with the frame that `hide_caller_frame` takes off on later ones. That of the import finder goes
# by the name of one of importlib's, which the loader that follows is not called by.
OUR_FRAME = re.compile(
    r"""^ *File "<autogen_vitals[^>]*>", line .*\n+|'<autogen_vitals[^>]*>:\d+ \w+', """
    r"""|(?<=in _load_unlocked\n) *File "<frozen importlib._bootstrap>", line .*, in _call_with_frames_removed\n""",
    re.MULTILINE,
)


def same_each_time(text: str, directory: Path) -> str:
    """The text without what is made anew in each process: ids of teams in log lines, addresses, process ids."""
    text = UUID.sub("<uuid>", text).replace(str(directory), "<directory>")
    text = re.sub(r"\b(0x|pid=)[0-9a-f]+", r"\1", text)
    return OUR_FRAME.sub("", text) if sys.version_info < (3, 11) else text


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(program, id=program.stem, marks=() if program.stem in OF_EACH_KIND else pytest.mark.long)
        for program in PROGRAMS
    ],
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    program: Path = request.param
    known = constants(program)
    module, constant = ("autogen", "CLASSIC") if "CLASSIC" in known else ("autogen_agentchat", "MINIMUM")
    if installed(module) < known[constant]:
        pytest.skip(f"needs {module} {'.'.join(map(str, known[constant]))}")
    directories = {enable: tmp_path_factory.mktemp(program.stem) for enable in (False, True)}
    processes = {enable: start(program, directory, enable=enable) for enable, directory in directories.items()}
    runs = {enable: finish(process, directories[enable]) for enable, process in processes.items()}
    return Pair(known["CANARY"], plain=runs[False], enabled=runs[True])


def difference(plain: str, enabled: str) -> list[str]:
    """The lines that differ, with two lines around them. Empty when the texts are equal."""
    lines = difflib.unified_diff(plain.splitlines(), enabled.splitlines(), "plain", "enabled", n=2, lineterm="")
    return list(lines)[:60] if plain != enabled else []


def texts(value: object) -> list[str]:
    """Every string in a structure of dicts and lists, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (str(key), *texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return []


def test_stdout_is_the_same(pair: Pair) -> None:
    """What an example prints does not change."""
    changed = difference(pair.plain.stdout, pair.enabled.stdout)
    assert not changed, "\n".join(changed)


def test_stderr_is_the_same(pair: Pair) -> None:
    """Nothing is added to, or missing from, the warnings, log lines and tracebacks of an example."""
    changed = difference(pair.plain.stderr, pair.enabled.stderr)
    assert not changed, "\n".join(changed)


def test_exit_code_is_the_same(pair: Pair) -> None:
    """An example ends with the exit code it ends with alone."""
    assert pair.enabled.exit_code == pair.plain.exit_code, pair.enabled.stderr[-2000:]


def test_components_are_seen(pair: Pair) -> None:
    """An example that builds and runs components gives spans of ours, and all of them are ended."""
    assert pair.enabled.ours, "no span of ours was exported"
    assert [span["name"] for span in pair.enabled.open if span["scope"] == SCOPE] == []


def test_spans_hang_together(pair: Pair) -> None:
    """The parent of each of our spans was exported too, in the same trace."""
    traces = {span["span_id"]: span["trace_id"] for span in pair.enabled.spans}
    astray = [
        (span["name"], span["parent_id"])
        for span in pair.enabled.ours
        if span["parent_id"] is not None and traces.get(span["parent_id"]) != span["trace_id"]
    ]
    assert astray == []


def test_span_names_hold_no_id(pair: Pair) -> None:
    """No span name holds a UUID, ours or AutoGen's, however it is written: a name is what a backend groups by."""
    assert [span["name"] for span in pair.enabled.spans if AN_ID.search(str(span["name"]))] == []


def test_metrics_hold_no_id(pair: Pair) -> None:
    """No metric attribute holds a UUID: each would be a time series of its own."""
    data = pair.enabled.metrics or {"resource_metrics": []}
    attributes = [
        point["attributes"]
        for resource in data["resource_metrics"]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
        for point in metric["data"]["data_points"]
    ]
    assert attributes or not pair.enabled.spans
    assert [text for text in texts(attributes) if AN_ID.search(text)] == []


def test_an_operation_has_one_span(pair: Pair) -> None:
    """AutoGen's own spans are quiet while ours are made: only a program's own are beside them."""
    assert {span["scope"] for span in pair.enabled.spans} - {"the.application"} <= {SCOPE}


def test_the_sdk_has_nothing_to_complain_about(pair: Pair) -> None:
    """OpenTelemetry logs no warning: no "Failed to detach context", no attribute of a wrong type."""
    assert pair.enabled.sdk_records == []
    assert "Failed to detach" not in pair.enabled.stderr


def test_nothing_of_a_prompt_leaves(pair: Pair) -> None:
    """The word planted in prompts, replies and tool arguments is in no span, metric, event, log record or file."""
    canary = pair.canary.casefold()
    leaks = [
        f"span {span['name']}: {text}"
        for span in pair.enabled.spans
        for text in texts(span)
        if canary in text.casefold()
    ]
    leaks += [text for text in texts([pair.enabled.metrics, pair.enabled.events]) if canary in text.casefold()]
    leaks += [text for text in pair.enabled.sdk_records if canary in text.casefold()]
    leaks += [name for name, content in pair.enabled.files.items() if canary in content.casefold()]
    assert leaks == []
