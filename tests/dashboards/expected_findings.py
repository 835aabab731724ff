"""What each query of the row Findings must say: of the rules whose firing the apps' own counts tell.

Others may fire too, such as those about the ends of processes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from bounds import Bounds, Expectation, Rows, one, rows
from truth import SERVERS, Truth

from autogen_vitals.findings.catalogue import catalogue

APP = Path(__file__).parents[1] / "e2e" / "apps" / "measured.py"
RANKS = {"critical": "0", "error": "1", "warning": "2", "info": "3"}
RULES_OF_CRASHES = {"team_already_running": "AG206", "missing_credentials": "AG301", "missing_module": "AG406"}


def line_of(code: str) -> str:
    """The app's only line that has this, as metrics have it."""
    lines = APP.read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if code in line)
    return f"{APP.parent.name}/{APP.name}:{number}"


CLIENT_LINE = line_of("return ExpensiveClient(")
AGENT_LINE = line_of("return AssistantAgent(")
TEAM_LINE = line_of("return RoundRobinGroupChat(")

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
        refused = sum(deed.pid == pid and deed.act == "shared-team" for deed in truth.failed)
        found[pid, "AG206", "error", TEAM_LINE] = Bounds(refused, refused)
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


def crashes(truth: Truth) -> dict[str, int]:
    """By the rule that they fall under, as far as there is one."""
    found: dict[str, int] = defaultdict(int)
    for (_, category, _, _), number in truth.crashes.items():
        found[rule_of(category)] += number
    found.pop("", None)
    return found


def rule_of(category: str) -> str:
    """The rule that crashes of a category fall under; empty where it is none of the catalogue's."""
    return RULES_OF_CRASHES[category] if RULES_OF_CRASHES[category] in catalogue() else ""


def breaking(truth: Truth) -> Rows:
    """Each crash, and the ends of processes, of which those that interrupted something have a rule."""
    certain = sum(crashes(truth).values())
    return one(Bounds(certain, certain + truth.exits.total()))


def what_to_change(truth: Truth) -> Rows:
    """Name and remedy are the rule's, which the panel puts into words."""
    found = {
        (RANKS[severity], rule, severity, line, rule, rule): bounds
        for (rule, severity, line), bounds in summed(fired(truth), 1, 2, 3).items()
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
    found = summed(fired(truth), 1)
    found |= {(rule,): Bounds(number, number) for rule, number in crashes(truth).items()}
    return rows("autogen_finding_rule", found, others=True)


BOARD = "autogen-workers"
EXPECTED: dict[tuple[str, str, str], Expectation] = {
    (BOARD, "Findings that break something", "A"): breaking,
    (BOARD, "What to change", "A"): what_to_change,
    (BOARD, "Findings by worker", "A"): by_worker,
    (BOARD, "Findings over time by rule", "A"): over_time,
}
