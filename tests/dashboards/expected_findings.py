"""What each query of the row Findings must say: of the rules whose firing the apps' own counts tell.

Others may fire too, such as those about a client's first call.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path

from bounds import Bounds, Expectation, Rows, one, rows
from truth import SERVERS, Truth

APPS = Path(__file__).parents[1] / "e2e" / "apps"
RANKS = {"critical": "0", "error": "1", "warning": "2", "info": "3"}
RULES_OF_CRASHES = {"team_already_running": "AG206", "missing_credentials": "AG301", "missing_module": "AG406"}
RULES_OF_ENDS = {"signal": "AG503", "unknown": "AG503", "boot_failure": "AG502"}
"""All of them were at something, and no supervisor has three that never served."""


def line_of(code: str, app: str = "measured.py") -> str:
    """The app's only line that has this, as metrics have it."""
    lines = (APPS / app).read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if code in line)
    return f"{APPS.name}/{app}:{number}"


CLIENT_LINE = line_of("return ExpensiveClient(")
AGENT_LINE = line_of("return AssistantAgent(")
TEAM_LINE = line_of("return RoundRobinGroupChat(")
KEY_LINE = line_of("super().__init__(model=MODEL")
MODULE_LINE = line_of("import a_module_that_nobody_has", "dying.py")

Fired = dict[tuple[int, str, str, str], Bounds]
"""How often, by process, rule, severity and line."""


def fired(truth: Truth) -> Fired:
    """What one line builds in request after request, and what becomes of a team that all requests share: refused while
    it runs; and, where a request came after another one, a conversation of both."""
    found: Fired = {}
    for rule, severity, what, line in (
        ("AG101", "warning", "client", CLIENT_LINE),
        ("AG102", "info", "agent", AGENT_LINE),
        ("AG102", "info", "team", TEAM_LINE),
    ):
        certain, possible = (Counter(deed.pid for deed in deeds) for deeds in truth.built_once_more(what))
        for pid, most in possible.items():
            found[pid, rule, severity, line] = Bounds(certain[pid], most)
    for pid in truth.workers:
        for act, rule, line in (("shared-team", "AG206", TEAM_LINE), ("no-key", "AG301", KEY_LINE)):
            failed = sum(deed.pid == pid and deed.act == act for deed in truth.failed)
            found[pid, rule, "error", line] = Bounds(failed, failed)
    for pid, followed in truth.shared_again.items():
        found[pid, "AG205", "warning", TEAM_LINE] = Bounds(followed, followed)
    return found


def summed(found: Fired, *parts: int) -> dict[tuple[str, ...], Bounds]:
    """By parts of its keys."""
    sums: dict[tuple[str, ...], Bounds] = defaultdict(lambda: Bounds(0, 0))
    for key, bounds in found.items():
        names = tuple(str(key[part]) for part in parts)
        sums[names] = Bounds(sums[names].low + bounds.low, sums[names].high + bounds.high)
    return dict(sums)


def told_by_others(truth: Truth) -> dict[tuple[str, str, str], Bounds]:
    """How often, by rule, severity and line, of processes that never served, and of ends."""
    ends: Counter[str] = Counter()
    for (_, reason, _, _), number in truth.exits.items():
        ends[RULES_OF_ENDS[reason]] += number
    unborn = len(truth.unborn)
    found = {(rule, "error", ""): Bounds(number, number) for rule, number in ends.items()}
    return {**found, ("AG406", "error", MODULE_LINE): Bounds(unborn, unborn)}


def breaking(truth: Truth) -> Rows:
    """Each crash, and each end of a process."""
    return one(truth.crashes.total() + truth.exits.total())


def what_to_change(truth: Truth) -> Rows:
    """Name and remedy are the rule's, which the panel puts into words."""
    found = {
        (RANKS[severity], rule, severity, line, rule, rule): bounds
        for (rule, severity, line), bounds in (summed(fired(truth), 1, 2, 3) | told_by_others(truth)).items()
    }
    labels = "rank autogen_finding_rule autogen_finding_severity autogen_finding_site name remedy"
    return rows(labels, found, others=True)


def by_worker(truth: Truth) -> Rows:
    found: dict[tuple[str, ...], Bounds] = {}
    for (pid, rule), bounds in summed(fired(truth), 0, 1).items():
        deed = truth.workers[int(pid)]
        found[deed.job, pid, SERVERS[deed.job], deed.body["instance"], rule, rule] = bounds
    labels = "job process_pid autogen_worker_server instance autogen_finding_rule name"
    return rows(labels, found, others=True)


def over_time(truth: Truth) -> Rows:
    """All that has fired of these rules, wherever: none of them fires at a line that nobody has thought of."""
    found = summed(fired(truth), 1) | {(rule,): bounds for (rule, _, _), bounds in told_by_others(truth).items()}
    # On a busy machine the loop stands still at other times, too.
    blocked = sum(deed.act == "blocked" for deed in truth.deeds)
    return rows("autogen_finding_rule", {**found, ("AG604",): Bounds(blocked, math.inf)}, others=True)


BOARD = "autogen-workers"
EXPECTED: dict[tuple[str, str, str], Expectation] = {
    (BOARD, "Findings that break something", "A"): breaking,
    (BOARD, "What to change", "A"): what_to_change,
    (BOARD, "Findings by worker", "A"): by_worker,
    (BOARD, "Findings over time by rule", "A"): over_time,
}
