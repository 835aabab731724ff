"""What the scenario knows of itself: the apps' own counts and clocks, and what was done to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property

from scenario import BROKEN, MANY, ONE, Deed, Played

JOBS = (MANY, ONE, BROKEN)
SERVERS = {MANY: "gunicorn", ONE: "uvicorn"}
CLIENT, AGENT, TEAM, TOOL = "ExpensiveClient", "AssistantAgent", "RoundRobinGroupChat", "FunctionTool"
WORKBENCH, RUNTIME = "StaticStreamWorkbench", "SingleThreadedAgentRuntime"
KINDS = {
    CLIENT: "model_client",
    AGENT: "agent",
    TEAM: "team",
    TOOL: "tool",
    WORKBENCH: "workbench",
    RUNTIME: "runtime",
}
"""Each AssistantAgent builds a workbench for its tools, and each team a runtime."""
BUILT = {CLIENT: "client", AGENT: "agent", TEAM: "team", TOOL: "tool", WORKBENCH: "agent", RUNTIME: "team"}
"""What the app calls them, or what builds them."""

COLD, REBUILD, WARM = "cold", "rebuild", "warm or reconnect"
_MUCH_INIT_SECONDS = 0.05
AGENT_RUNS = Counter({"shared": 1, "rebuild": 1, "tool": 1, "blocked": 1, "team": 1, "shared-team": 1})
# One is refused.
TEAM_RUNS = Counter({"team": 1, "shared-team": 2})
MODEL_CALLS = AGENT_RUNS + Counter({"stream": 1})


class Truth:
    """Questions about a scenario; none looks at what arrived.

    Args:
        since_ns: count only what was done from then on.
        jobs: of these services only.
        version: of this version of them only.
    """

    def __init__(self, played: Played, *, jobs: Iterable[str] = JOBS, version: str = "", since_ns: int = 0) -> None:
        self.played = played
        self.jobs = tuple(jobs)
        self.since_ns = since_ns
        self._all = tuple(deed for deed in played.deeds if deed.job in self.jobs and version in ("", deed.version))
        self.deeds = tuple(deed for deed in self._all if deed.began_ns >= since_ns)

    def of_job(self, job: str) -> Truth:
        """The same questions, about one of its services at most."""
        return Truth(self.played, jobs=[job] if job in self.jobs else [], since_ns=self.since_ns)

    def of_version(self, version: str) -> Truth:
        """The same questions, about one version of its services."""
        return Truth(self.played, jobs=self.jobs, version=version, since_ns=self.since_ns)

    # --- processes ------------------------------------------------------------------------------------------------

    @cached_property
    def workers(self) -> dict[int, Deed]:
        """The first request of each process that served one, since whenever."""
        first: dict[int, Deed] = {}
        for deed in self._all:
            if deed.pid not in first or deed.body["began_ns"] < first[deed.pid].body["began_ns"]:
                first[deed.pid] = deed
        return first

    @property
    def started(self) -> dict[int, Deed]:
        """Of these, those whose first request was within the time that is asked about."""
        return {pid: deed for pid, deed in self.workers.items() if deed in self.deeds}

    @property
    def alive(self) -> set[int]:
        """Who was there at the end."""
        return {pid for job in self.jobs for pid in self.played.alive.get(job, ())}

    @property
    def present(self) -> dict[int, Deed]:
        """Those that were there at any moment of it."""
        return {pid: deed for pid, deed in self.workers.items() if not self.since_ns or pid in self.alive}

    # --- requests -------------------------------------------------------------------------------------------------

    def start_type(self, deed: Deed) -> str:
        """What a request paid; whether it found a connection the app does not know."""
        if self.workers[deed.pid] is deed:
            return COLD
        return REBUILD if deed.act in ("rebuild", "no-key") or _init_seconds(deed) > _MUCH_INIT_SECONDS else WARM

    def of_type(self, start_type: str) -> list[Deed]:
        return [deed for deed in self.deeds if self.start_type(deed) == start_type]

    @property
    def failed(self) -> list[Deed]:
        return [deed for deed in self.deeds if deed.status == 500]

    def seconds(self, *what: str) -> list[float]:
        """How long each of these took in a request, by the app's clock."""
        return [each for deed in self.deeds for name in what for each in deed.body["seconds"].get(name, [])]

    def startup_seconds(self, what: str) -> list[float]:
        """The same for the start-up."""
        return [each for deed in self.started.values() for each in deed.body["startup_seconds"].get(what, [])]

    def tokens(self) -> list[tuple[int, int]]:
        """Tokens in and out of each model call."""
        return [(used[0], used[1]) for deed in self.deeds for used in deed.body["tokens"]]

    def runs(self, kinds: Counter[str]) -> Counter[int]:
        """How often each process did what these acts do so often."""
        runs: Counter[int] = Counter()
        for deed in self.deeds:
            runs[deed.pid] += kinds[deed.act]
        return runs

    # --- what was built -------------------------------------------------------------------------------------------

    def inits(self, pid: int | None = None) -> Counter[str]:
        """What was built, the client for which there was no key included."""
        built: Counter[str] = Counter()
        for deed in self._of(pid, self.deeds):
            built.update(_built(deed.body["seconds"]))
            built[CLIENT] += len(deed.body["seconds"].get("failed client", []))
        for deed in self._of(pid, self.started.values()):
            built.update(_built(deed.body["startup_seconds"]))
        return built

    def reinits(self, pid: int | None = None) -> Counter[str]:
        """What was built where the same had been built before: one line of the app builds all of a kind, and another
        one fails to."""
        again = self.inits(pid)
        for deed in self._of(pid, self.started.values()):
            again.subtract(_built(deed.body["startup_seconds"]).keys())
        missed = [deed.pid for deed in self._of(pid, self._all) if deed.act == "no-key"]
        before = [deed.pid for deed in self._of(pid, self._all) if deed.act == "no-key" and deed not in self.deeds]
        again[CLIENT] -= len(set(missed) - set(before))
        # A team that runs for the first time starts what it consists of, where another one may have before.
        ran = Counter(deed.pid for deed in self._of(pid, self.deeds) if deed.act == "team")
        before_ran = {deed.pid for deed in self._all if deed.act == "team" and deed not in self.deeds}
        again[TEAM] += sum(number - (process not in before_ran) for process, number in ran.items())
        return again

    def built_once_more(self, what: str) -> tuple[list[Deed], list[Deed]]:
        """Requests that have built what their process had built in two others that were over by then: certainly, for
        whoever asked had their answers, and those that may have been, for the app had made them."""
        certain: list[Deed] = []
        possible: list[Deed] = []
        for pid in self.workers:
            deeds = [deed for deed in self._of(pid, self._all) if what in deed.body["seconds"]]
            for deed in deeds:
                answered = sum(other.ended_ns <= deed.body["began_ns"] for other in deeds)
                made = sum(other is not deed and other.body["ended_ns"] <= deed.body["ended_ns"] for other in deeds)
                certain += [deed] if answered >= 2 and deed in self.deeds else []
                possible += [deed] if made >= 2 and deed in self.deeds else []
        return certain, possible

    @property
    def shared_again(self) -> Counter[int]:
        """Requests that run the team of all where another one has before, by process."""
        again: Counter[int] = Counter()
        for pid in self.workers:
            deeds = [deed for deed in self._of(pid, self._all) if deed.act == "shared-team"]
            later = sorted(deeds, key=lambda deed: deed.body["began_ns"])[1:]
            again[pid] = sum(deed in self.deeds for deed in later)
        return again

    def _of(self, pid: int | None, deeds: Iterable[Deed]) -> list[Deed]:
        return [deed for deed in deeds if pid in (None, deed.pid)]

    @property
    def team_starts(self) -> Counter[int]:
        """How often a team ran for the first time, by process."""
        starts = Counter(deed.pid for deed in self.deeds if deed.act == "team")
        first_shared: dict[int, Deed] = {}
        for deed in sorted(self._all, key=lambda deed: deed.body["began_ns"]):
            if deed.act == "shared-team":
                first_shared.setdefault(deed.pid, deed)
        starts.update(pid for pid, deed in first_shared.items() if deed in self.deeds)
        return starts

    # --- what went wrong ------------------------------------------------------------------------------------------

    @property
    def unborn(self) -> tuple[int, ...]:
        """Who could not import the app."""
        return self.played.unborn if BROKEN in self.jobs and not self.since_ns else ()

    @property
    def crashes(self) -> Counter[tuple[str, str, str, str]]:
        """Exceptions that got out, by job, category, phase and class."""
        found: Counter[tuple[str, str, str, str]] = Counter()
        for deed in self.failed:
            category = {"shared-team": "team_already_running", "no-key": "missing_credentials"}[deed.act]
            found[deed.job, category, "request", deed.body["error"]] += 1
        found[BROKEN, "missing_module", "import", "ModuleNotFoundError"] += len(self.unborn)
        return found

    @property
    def exits(self) -> Counter[tuple[str, str, str, str]]:
        """Processes that should not have ended, by job, reason, phase and observer."""
        found: Counter[tuple[str, str, str, str]] = Counter()
        if MANY in self.jobs and not self.since_ns:
            found[MANY, "signal", "request", "supervisor"] = len(self.played.killed)
            found[MANY, "unknown", "request", "supervisor"] = 1
        found[BROKEN, "boot_failure", "import", "supervisor"] += len(self.unborn)
        return found


def summed(counter: Counter[tuple[str, ...]], key: Callable[[tuple[str, ...]], object]) -> Counter[object]:
    """The counts of a counter by a part of its keys."""
    found: Counter[object] = Counter()
    for names, number in counter.items():
        found[key(names)] += number
    return found


def _built(seconds: dict[str, list[float]]) -> Counter[str]:
    return Counter({name: len(seconds[called]) for name, called in BUILT.items() if called in seconds})


def _init_seconds(deed: Deed) -> float:
    return sum(sum(deed.body["seconds"].get(name, [])) for name in ("client", "agent", "team"))
