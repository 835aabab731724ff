"""The boards are what their code says, keep every rule, and show everything that the package emits."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import own_rules
import pytest
from catalogue import asked
from lint_rules import RULES, Json, excluded, panels, queries

from autogen_vitals import semconv
from autogen_vitals.records import replace

FOLDER = Path(__file__).parents[2] / "dashboards" / "grafana"
BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}

needs_sdk = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="grafana-foundation-sdk, which writes the boards, needs Python 3.11"
)


def generate() -> dict[str, str]:
    from boards.__main__ import generate

    return generate()


# --- what is committed --------------------------------------------------------------------------------------------


@needs_sdk
def test_the_committed_boards_are_what_their_code_says() -> None:
    """Nobody edits the JSON by hand, and nobody forgets to write it."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert generate() == committed, "run make boards"


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("uid", sorted(own_rules.UIDS))
def test_a_board_keeps_the_rule(uid: str, name: str) -> None:
    """Each board keeps each rule, but for what dashboards/.lint excuses with a reason."""
    faults = [fault for fault in RULES[name](BOARDS[uid]) if not excluded(name, BOARDS[uid], fault)]
    assert not faults, "\n".join(f"{fault.panel}: {fault.message}" for fault in faults)


def test_every_exception_is_needed() -> None:
    """What .lint excuses is really there: an excuse that nothing needs would hide the next fault."""
    import yaml
    from lint_rules import EXCLUSIONS

    for name, exclusion in yaml.safe_load(EXCLUSIONS.read_text(encoding="utf-8"))["exclusions"].items():
        assert exclusion["reason"]
        faults = {(board["title"], fault.panel) for board in BOARDS.values() for fault in RULES[name](board)}
        for entry in exclusion.get("entries", []):
            assert (entry["dashboard"], entry["panel"]) in faults, f"{name}: {entry} is no fault"
        assert faults, f"{name} is kept everywhere"


@pytest.mark.parametrize("metric", semconv.METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_on_a_board(metric: semconv.Metric) -> None:
    """What the package emits can be seen without writing a query."""
    on_boards = {
        re.sub(r"_(bucket|count|sum)$", "", name)
        for board in BOARDS.values()
        for _, _, expression in queries(board)
        for name, _ in asked(expression).series
    }
    family = metric.name.replace(".", "_")
    assert any(
        name.startswith(family) and name[len(family) :] in {"", "_seconds", "_total", "_seconds_total"}
        for name in on_boards
    ), f"{metric.name} is on no board"


# --- what must not go unnoticed -----------------------------------------------------------------------------------


@pytest.fixture
def imported_anew() -> Iterator[None]:
    """The modules of the boards take names when they are imported: they do so in the test, and again after it."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "boards"]:
            del sys.modules[name]

    forget()
    yield
    forget()


@needs_sdk
@pytest.mark.usefixtures("imported_anew")
def test_increase_instead_of_the_formula_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever counts with increase(), which makes nothing of a crash that ends its process, fails the rules: in each
    query that counts."""
    from boards import queries as q

    monkeypatch.setattr(q, "counted", lambda selected, window=q.RANGE: f"increase({selected}[{window}])")
    for text in generate().values():
        board = json.loads(text)
        counting = {panel["title"] for panel, _, query in queries(board) if "increase(" in query}
        assert counting
        assert {fault.panel for fault in RULES["counted-rule"](board)} == counting


@needs_sdk
@pytest.mark.parametrize("metric", semconv.METRICS, ids=lambda metric: metric.name)
@pytest.mark.usefixtures("imported_anew")
def test_a_renamed_metric_is_noticed(metric: semconv.Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric with another name makes another board than the committed one, and the committed one asks for what is no
    longer emitted."""
    renamed = replace(metric, name=f"{metric.name}.renamed")
    constant = next(name for name, value in vars(semconv).items() if value is metric)
    metrics = tuple(renamed if each is metric else each for each in semconv.METRICS)
    monkeypatch.setattr(semconv, constant, renamed)
    monkeypatch.setattr(semconv, "METRICS", metrics)
    written = generate()
    assert any(written[path.name] != path.read_text(encoding="utf-8") for path in FOLDER.iterdir())
    assert any(fault for board in BOARDS.values() for fault in RULES["known-name-rule"](board))


@needs_sdk
@pytest.mark.usefixtures("imported_anew")
def test_an_attribute_that_a_metric_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board cannot be made of a label that its metric does not have."""
    less = replace(semconv.CRASHES, attributes=(semconv.CRASH_CATEGORY, semconv.ERROR_TYPE))
    monkeypatch.setattr(semconv, "CRASHES", less)
    with pytest.raises(ValueError, match=r"autogen\.crashes has no attribute autogen\.phase"):
        generate()


# --- the rules themselves -----------------------------------------------------------------------------------------


def board_of(panel: str | None = None) -> Json:
    return copy.deepcopy(next(board for board in BOARDS.values() if not panel or panel in _titles(board)))


def _titles(board: Json) -> list[str]:
    return [panel["title"] for panel in panels(board)]


def _panel(board: Json, title: str) -> Json:
    return next(panel for panel in panels(board) if panel["title"] == title)


def on_panel(title: str, change: Callable[[Json], Any]) -> Callable[[], Json]:
    """A board with one panel changed."""

    def broken() -> Json:
        board = board_of(title)
        change(_panel(board, title))
        return board

    return broken


def on_board(change: Callable[[Json], Any]) -> Callable[[], Json]:
    """A board that is changed itself."""

    def broken() -> Json:
        board = board_of()
        change(board)
        return board

    return broken


def on_variable(variable: str, /, **keys: object) -> Callable[[], Json]:
    """A board with one variable changed."""
    return on_board(
        lambda board: next(each for each in board["templating"]["list"] if each["name"] == variable).update(keys)
    )


def asks(expression: str) -> Callable[[Json], None]:
    return lambda panel: panel["targets"][0].update(expr=expression)


S = 'job=~"$job", instance=~"$instance"'
BROKEN: dict[str, tuple[Callable[[], Json], ...]] = {
    "template-datasource-rule": (on_variable("datasource", name="prom"),),
    "template-job-rule": (on_variable("job", name="jobs"), on_variable("job", multi=False)),
    "template-instance-rule": (
        on_variable("instance", allValue=".*"),
        on_variable("instance", datasource={"uid": "x"}),
    ),
    "template-label-promql-rule": (on_variable("job", query="label_values(x{, job)"),),
    "template-on-time-change-reload-rule": (on_variable("job", refresh=1),),
    "panel-datasource-rule": (
        on_panel("Alive", lambda panel: panel.update(datasource={"type": "prometheus", "uid": "prometheus"})),
        on_panel("Alive", lambda panel: panel["targets"][0].update(datasource={"type": "prometheus", "uid": "P1"})),
    ),
    "panel-title-description-rule": (on_panel("Alive", lambda panel: panel.update(description="")),),
    "panel-units-rule": (
        on_panel("Alive", lambda panel: panel["fieldConfig"]["defaults"].pop("unit")),
        on_panel("Alive", lambda panel: panel["fieldConfig"]["defaults"].update(unit="seconds")),
    ),
    "panel-no-targets-rule": (on_panel("Alive", lambda panel: panel.update(targets=[])),),
    "target-promql-rule": (on_panel("Alive", asks("sum by (job (autogen_worker_info)")),),
    "target-rate-interval-rule": (on_panel("Alive", asks(f"rate(autogen_crashes_total{{{S}}}[5m])")),),
    "target-job-rule": (on_panel("Alive", asks('autogen_worker_info{instance=~"$instance"}')),),
    "target-instance-rule": (on_panel("Alive", asks('autogen_worker_info{job=~"$job", instance="$instance"}')),),
    "target-counter-agg-rule": (on_panel("Alive", asks(f"sum(autogen_crashes_total{{{S}}})")),),
    "target-logql-rule": (on_panel("Alive", lambda panel: panel["targets"][0].update(datasource={"type": "loki"})),),
    "target-logql-auto-rule": (
        on_panel("Alive", lambda panel: panel["targets"][0].update(datasource={"type": "loki"}, expr='{a="b"}[5m]')),
    ),
    "uneditable-dashboard-rule": (on_board(lambda board: board.update(editable=True)),),
    "identity-rule": (
        on_board(lambda board: board.update(uid="autogen")),
        on_board(lambda board: board.update(id=7)),
        on_variable("tempo", name="traces"),
    ),
    "links-rule": (on_board(lambda board: board["links"][0].update(includeVars=False)),),
    "four-stats-rule": (on_board(lambda board: board["panels"].insert(1, board["panels"][1])),),
    "unique-panel-rule": (on_panel("Alive", lambda panel: panel.update(title="Restarts")),),
    "grid-rule": (
        on_panel("Alive", lambda panel: panel["gridPos"].update(x=6)),
        on_panel("Alive", lambda panel: panel["gridPos"].update(w=25)),
    ),
    "what-to-do-rule": (
        on_panel("Alive", lambda panel: panel.update(description=panel["description"].partition("\n\n")[0])),
    ),
    "no-value-rule": (on_panel("Alive", lambda panel: panel["fieldConfig"]["defaults"].pop("noValue")),),
    "legend-rule": (
        on_panel("Alive", lambda panel: panel["targets"][0].pop("legendFormat")),
        on_panel("Alive", lambda panel: panel["targets"][0].update(legendFormat="{{pid}}")),
    ),
    "column-rule": (
        on_panel("By worker", lambda panel: panel["transformations"][0]["options"]["include"]["names"].append("pid")),
        on_panel("Category and phase", lambda panel: panel["transformations"][0]["options"].update(rowField="kind")),
    ),
    "table-unit-rule": (on_panel("By worker", lambda panel: panel["fieldConfig"]["defaults"].update(unit="s")),),
    "known-name-rule": (
        on_panel("Alive", asks(f"autogen_workers_info{{{S}}}")),
        on_panel("Alive", asks(f'autogen_worker_info{{{S}, pid="1"}}')),
        on_panel("Alive", asks(f"count by (pid) (autogen_worker_info{{{S}}})")),
        on_variable("job", query="label_values(autogen_workers_info, job)"),
        on_board(lambda board: board["annotations"]["list"][0].update(expr="count by (version) (target_info)")),
    ),
    "traceql-rule": (
        on_panel(
            "Crash traces",
            lambda panel: panel["targets"][0].update(query="{ span.autogen.crash.category != nil }"),
        ),
        on_panel(
            "Slow cold starts",
            lambda panel: panel["targets"][0].update(query=panel["targets"][0]["query"].replace(".total", ".all")),
        ),
    ),
    "counted-rule": (
        on_panel("Alive", asks(f"sum(increase(autogen_crashes_total{{{S}}}[$__range]))")),
        on_panel("Alive", asks(f"sum(rate(autogen_request_duration_seconds_count{{{S}}}[$__rate_interval]))")),
        on_panel("Alive", asks(f"sum(autogen_crashes_total{{{S}}})")),
        on_panel(
            "Crashing workers",
            lambda panel: panel["targets"][0].update(
                expr=panel["targets"][0]["expr"].replace("offset $__range", "offset 1h")
            ),
        ),
    ),
    "joined-rule": (
        on_panel("Alive", asks(f"sum by (job, instance) (autogen_exit_record_enabled{{{S}}}) * on (job, instance) "
                               f"group_left (host_name) target_info{{{S}}}")),
    ),
    "exemplar-rule": (
        on_panel("Cold start duration", lambda panel: [target.update(exemplar=False) for target in panel["targets"]]),
    ),
    "page-rule": (
        on_panel("What to do", lambda panel: _link(panel, "Rule").update(url="${docs}/rules/${__value.raw}.html")),
        on_panel("How processes died", lambda panel: _words(panel, "Rule")["timeout"].update(text="timeout")),
        on_panel("How processes died", lambda panel: _words(panel, "Rule")["timeout"].update(text="AG999")),
        on_panel("What to change", lambda panel: _words(panel, "Name").pop("AG101")),
        on_panel(
            "What to change",
            lambda panel: _renamed(panel).update(autogen_finding_rule="Id", autogen_finding_site="Rule"),
        ),
        on_panel("What to do", lambda panel: _link(panel, "Category").update(url="${docs}/crashes.md#no-such-heading")),
        on_panel("How processes died", lambda panel: _words(panel, "What to do").pop("oom")),
        on_panel("Alive", lambda panel: panel.update(description="See [it](${docs}/AG801.md).")),
    ),
}  # fmt: skip


def _link(panel: Json, column: str) -> Json:
    return own_rules.overrides(panel)[column]["links"][0]


def _renamed(panel: Json) -> Json:
    return next(each["options"]["renameByName"] for each in panel["transformations"] if each["id"] == "organize")


def _words(panel: Json, column: str) -> Json:
    return own_rules.overrides(panel)[column]["mappings"][0]["options"]


def test_each_rule_is_shown_to_work() -> None:
    """There is a broken board for each of the rules."""
    assert BROKEN.keys() == RULES.keys()


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        pytest.param(name, broken, id=f"{name}-{i}")
        for name, several in BROKEN.items()
        for i, broken in enumerate(several)
    ],
)
def test_a_rule_sees_what_it_is_for(name: str, broken: Callable[[], Json]) -> None:
    """A rule that accepts everything would go unnoticed: each is shown boards that break it, and says something of them
    that it does not say of the boards as they are."""
    board = broken()
    before = {fault for each in BOARDS.values() for fault in RULES[name](each)}
    assert set(RULES[name](board)) - before, f"{name} sees nothing wrong"
