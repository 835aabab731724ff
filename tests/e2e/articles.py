"""Examples that are served, and what their workers tell: of which lines, and of how many inits and runs."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx

from autogen_vitals.local.receiver import ReceivedSpan, Receiver

from .conftest import Start
from .harness import READY_SECONDS, SOON, Launcher, Server
from .telemetry import Telemetry, by_pid

EXAMPLES = Path(__file__).parents[2] / "examples"
LATENCIES = {"AG606", "AG607"}
ROUNDS = 60


@dataclass(frozen=True)
class Example:
    """A copy of an example that leaves its files where the test does.

    Attributes:
        folder: the copy.
        variables: of its servers.
    """

    folder: Path
    variables: dict[str, str]

    @classmethod
    def copied(cls, name: str, folder: Path, receiver: Receiver) -> Example:
        """A copy in a folder; whatever serves it exports to the receiver."""
        shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        variables = {
            **receiver.environment(name),
            **SOON,
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
            "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(folder / "state"),
            # Each init has a span, so that each can be counted.
            "OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD": "0",
        }
        return cls(folder / name, variables)

    def marked(self, name: str = "broken.py") -> set[tuple[str, int]]:
        """The rules that lines of a file end with, and the numbers of these lines."""
        marks = re.compile(r"  #((?: AG\d{3})+)$")
        lines = enumerate((self.folder / name).read_text().splitlines(), 1)
        return {(rule, line) for line, text in lines for found in marks.findall(text) for rule in found.split()}

    def line(self, beginning: str, name: str = "broken.py") -> int:
        """The number of the only line that begins so."""
        lines = (self.folder / name).read_text().splitlines()
        (number,) = (number for number, line in enumerate(lines, 1) if line.startswith(beginning))
        return number


class Served:
    """An example that is being served, and what its workers have told.

    Attributes:
        at_start: what each worker had built and run when it had not been asked for anything yet, by its own count.
        workers: their pids.
    """

    def __init__(self, start: Start, example: Example, launcher: Launcher, app: str, receiver: Receiver) -> None:
        self._receiver = receiver
        self.telemetry = Telemetry(receiver)
        where = "--app-dir" if launcher.command.startswith("uvicorn") else "--chdir"
        program, arguments = launcher.command.split(maxsplit=1)
        configured = [f"-c {example.folder}/gunicorn.conf.py"] if (example.folder / "gunicorn.conf.py").exists() else []
        command = " ".join([program, where, str(example.folder), *configured, arguments])
        self.server = start(Launcher(launcher.name, command, 2), example.variables, app=f"{app}:app").wait_ready(2)
        self.at_start = _counts(self.server)
        self.workers = set(self.at_start)

    def told(self, rule: str, severity: str, line: int = 0) -> set[int]:
        """The pids of those that have told of a rule with that severity, about that line if one is given."""
        said = said_by(self.telemetry)
        return {pid for pid, *what, at in said if what[:2] == [rule, severity] and line in (0, at)}

    def until_told(self, rule: str, severity: str, act: Callable[[], object], line: int = 0, workers: int = 2) -> None:
        """Do something again and again, until so many workers have told of a rule."""
        for _ in range(ROUNDS):
            act()
            # What was told is exported after 0.2 s.
            if self._receiver.wait_for(lambda _: len(self.told(rule, severity, line) & self.workers) >= workers, 1.0):
                return
        told = self.told(rule, severity, line)
        raise self.server.failed(f"{told} of {self.workers} have told of {rule} ({severity})")

    def refused(self, path: str) -> None:
        """One request that is answered with 500."""
        url = f"http://127.0.0.1:{self.server.port}{path}"
        assert httpx.get(url, timeout=READY_SECONDS, trust_env=False).status_code == 500

    def ask_in_turn(self, path: str, each: int) -> None:
        """One request after another, until each worker has had ``each`` of them."""
        shares: Counter[int] = Counter()
        while len(shares) < 2 or min(shares.values()) < each:
            assert shares.total() < 400, self.server.failed(f"the requests did not spread: {shares}")
            answer = self.server.get(path)
            assert answer.status == 200, self.server.failed(f"{path} was answered with {answer}")
            shares[answer.pid] += 1

    def stop(self) -> dict[int, Counter[str]]:
        """Stop it; what each process has built and run by its own count, the master's included."""
        at_end = _counts(self.server)
        assert set(at_end) == self.workers, "a worker has been replaced"
        assert self.server.stop() == 0
        return at_end


def _counts(server: Server) -> dict[int, Counter[str]]:
    answers = server.ask("/health", 2, 2, each=1)
    return {answer.pid: Counter(answer.body["did"]) for answer in answers}


def said_by(telemetry: Telemetry) -> set[tuple[int, str, str, str, int]]:
    """Who has told of which rule, how severe it is, and the file and line that it names."""
    events = [event.attributes for event in telemetry.events("autogen.finding")]
    return {
        (
            told["process.pid"],
            told["autogen.finding.rule"],
            told["autogen.finding.severity"],
            told.get("code.file.path", ""),
            told.get("code.line.number", 0),
        )
        for told in events
        if told["autogen.finding.rule"] not in LATENCIES
    }


def lines_told(telemetry: Telemetry, file: Path, pid: int) -> set[tuple[str, int]]:
    """The rules that a process has told of, and the line of the file that each has named."""
    said = [(rule, told_file, line) for told_pid, rule, _, told_file, line in said_by(telemetry) if told_pid == pid]
    assert {told_file for _, told_file, _ in said} <= {str(file)}, f"lines of other files are named: {said}"
    return {(rule, line) for rule, _, line in said}


def severities(telemetry: Telemetry, pids: Iterable[int]) -> dict[str, set[str]]:
    """By rule, how severe these processes have called it."""
    found: dict[str, set[str]] = {}
    for pid, rule, severity, *_ in said_by(telemetry):
        if pid in set(pids):
            found.setdefault(rule, set()).add(severity)
    return found


def crashes(telemetry: Telemetry) -> set[tuple[int, str]]:
    """Who has failed, and with what."""
    events = telemetry.events("autogen.crash")
    return {(event.attributes["process.pid"], event.attributes["error.type"]) for event in events}


def only(marks: set[tuple[str, int]], *rules: str) -> set[tuple[str, int]]:
    return {(rule, line) for rule, line in marks if rule in rules}


def check_inits(telemetry: Telemetry, kind: str, counted: dict[int, int], sites: int, refused: int = 0) -> None:
    """Inits and re-inits of a class are the app's own counts; it has been built by so many lines in all."""
    spans: list[ReceivedSpan] = telemetry.inits(kind)
    built = Counter({pid: count for pid, count in counted.items() if count})
    assert by_pid(span for span in spans if "error.type" not in span.attributes) == built, f"init spans of {kind}"
    recorded = telemetry.counted("autogen.init.duration", component_type=kind, init_stage="construct")
    assert recorded == built.total() + refused, f"init durations of {kind}"
    repeated = built.total() + refused - sites
    assert telemetry.summed("autogen.reinits", component_type=kind) == repeated, f"re-inits of {kind}"


def check_runs(telemetry: Telemetry, counted: dict[int, int], *names: str) -> None:
    """Runs of these names are the app's own count."""
    spans = [span for span in telemetry.spans if span.name in names]
    assert by_pid(spans) == Counter({pid: count for pid, count in counted.items() if count}), names


def check_nothing_is_wrong(telemetry: Telemetry, workers: set[int]) -> None:
    """Every worker has told something, and nobody of anything that is to be changed."""
    assert severities(telemetry, workers) == {"AG102": {"info"}}, telemetry.events("autogen.finding")
    assert {pid for pid, *_ in said_by(telemetry)} == workers
    assert not telemetry.events("autogen.crash")
    assert not telemetry.events("autogen.process.exit")


def counts_of(kind: str, counts: dict[int, Counter[str]]) -> dict[int, int]:
    return {pid: count[kind] for pid, count in counts.items()}


def since_the_fork(served: Served, at_end: dict[int, Counter[str]]) -> dict[int, Counter[str]]:
    """With --preload a worker goes on counting where the master was; here each has its own."""
    (of_master,) = {tuple(sorted(count.items())) for count in served.at_start.values()}
    own = {pid: count - served.at_start[pid] for pid, count in at_end.items()}
    return {**own, served.server.pid: Counter(dict(of_master))}
