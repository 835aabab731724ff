"""What becomes of a rule that fires: an event once for each line, a count each time, an id on the span, a line in the
log where nobody listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals, a_crash, an_exit, assert_events_in_the_catalogue, assert_in_the_catalogue
from opentelemetry._logs import NoOpLoggerProvider

import autogen_vitals
from autogen_vitals import semconv
from autogen_vitals.findings.catalogue import catalogue, rule_of_crash, rule_of_exit
from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS, NOT_CRASHES


async def rebuild(times: int) -> None:
    """An agent for each request, which is worth knowing from the third on."""
    client = ReplayChatCompletionClient(["a"] * times)
    for _ in range(times):
        with autogen_vitals.request("ask"):
            await AssistantAgent("writer", client).run(task="x")


def counts(vitals: Vitals) -> dict[tuple[str, str], int]:
    """Findings by rule and severity."""
    points = vitals.points(semconv.FINDINGS.name)
    assert all(set(point.attributes) == set(semconv.FINDINGS.attributes) for point in points)
    return {
        (point.attributes[semconv.FINDING_RULE], point.attributes[semconv.FINDING_SEVERITY]): point.value
        for point in points
    }


async def test_a_line_is_told_once_and_counted_each_time(vitals: Vitals) -> None:
    """With rule, evidence, remedy, line and process; the counter says the line too, without its folders."""
    await rebuild(5)
    told = vitals.finding("AG102")
    assert told[semconv.FINDING_NAME] == "agent-rebuilt-per-request"
    assert told[semconv.FINDING_SEVERITY] == "info"
    assert told[semconv.FINDING_CONFIDENCE] == "observed"
    assert told[semconv.FINDING_REMEDY].startswith("nothing to change")
    assert told[semconv.CODE_FILE_PATH] == __file__
    line = rebuild.__code__.co_firstlineno + 5
    assert told[semconv.CODE_LINE_NUMBER] == line
    assert told[semconv.FINDING_COUNT] == 3
    assert counts(vitals) == {("AG102", "info"): 3}
    (point,) = vitals.points(semconv.FINDINGS.name)
    assert point.attributes[semconv.FINDING_SITE] == f"findings/test_engine.py:{line}"
    assert_events_in_the_catalogue(vitals.events("autogen.finding"))


async def test_the_span_says_which_rules_have_fired(vitals: Vitals) -> None:
    """That of the init, where it has one; the event is in its context."""
    autogen_vitals.disable()
    vitals.enable(init_span_threshold=0)
    await rebuild(4)
    marked = [span for span in vitals.spans("init AssistantAgent") if semconv.FINDING_IDS in span.attributes]
    assert [span.attributes[semconv.FINDING_IDS] for span in marked] == [("AG102",), ("AG102",)]
    (record,) = vitals.events("autogen.finding")
    assert (record.trace_id, record.span_id) == (marked[0].context.trace_id, marked[0].context.span_id)
    assert_in_the_catalogue(vitals.spans())


async def test_the_span_of_what_failed_says_the_rule_of_its_crash(vitals: Vitals) -> None:
    """Although that is told of when the span has ended; not where the rule is silenced, nor on what went well."""
    broken = AssistantAgent("writer", ReplayChatCompletionClient([]), description="x")
    broken._model_client.create = refuse  # type: ignore[attr-defined]
    for silence in ("", "AG206"):
        autogen_vitals.disable()
        vitals.enable(silence=silence)
        vitals.exporter.clear()
        with pytest.raises(ValueError, match="already running"):
            await broken.run(task="x")
        span = vitals.span("invoke_agent writer")
        assert span.attributes.get(semconv.FINDING_IDS) == (None if silence else ("AG206",))


async def refuse(*_: Any, **__: Any) -> Any:
    raise ValueError("The team is already running, it cannot run again until it is stopped.")


@pytest.mark.parametrize("silence", ["AG102", "AG1*", "AG2*,AG10?", "*"])
async def test_a_silenced_rule_is_not_asked(silent_vitals: Vitals, silence: str) -> None:
    """By id or glob."""
    silent_vitals.enable(silence=silence)
    await rebuild(4)
    assert silent_vitals.findings() == []
    assert counts(silent_vitals) == {}


async def test_findings_can_be_switched_off(silent_vitals: Vitals) -> None:
    """All of them; the rest is as ever."""
    silent_vitals.enable(findings=False)
    await rebuild(4)
    assert silent_vitals.findings() == []
    assert silent_vitals.spans("invoke_agent writer")


async def test_the_number_that_decides_is_a_setting(silent_vitals: Vitals) -> None:
    """Of this rule; of another it is that one's."""
    silent_vitals.enable(thresholds="AG102=5,AG101=2")
    await rebuild(4)
    assert silent_vitals.findings() == []
    await rebuild(5)
    assert silent_vitals.finding("AG102")[semconv.FINDING_COUNT] == 5


async def test_without_a_logs_pipeline_it_is_a_line_in_the_log(
    silent_vitals: Vitals, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and not as a warning where nothing is to be changed: what, where, what to do, how to know more."""
    silent_vitals.logger_provider = NoOpLoggerProvider()
    silent_vitals.enable()
    with caplog.at_level(logging.INFO, "autogen_vitals"):
        await rebuild(5)
    (record,) = [record for record in caplog.records if "AG102" in record.getMessage()]
    assert record.levelno == logging.INFO
    text = record.getMessage()
    line = rebuild.__code__.co_firstlineno + 5
    assert f"{__file__}:{line} in " in text
    assert "AssistantAgent was built by this line in 2 requests" in text
    assert text.endswith("(autogen-vitals explain AG102)")
    assert counts(silent_vitals) == {("AG102", "info"): 3}


async def test_with_a_logs_pipeline_the_log_is_left_alone(vitals: Vitals, caplog: pytest.LogCaptureFixture) -> None:
    """It would be told twice."""
    with caplog.at_level(logging.INFO, "autogen_vitals"):
        await rebuild(3)
    assert vitals.finding("AG102")
    assert [record for record in caplog.records if "AG102" in record.getMessage()] == []


async def test_a_forked_child_finds_for_itself(vitals: Vitals, in_fork: Callable[[Callable[[], Any]], Any]) -> None:
    """What the parent has seen is not counted there, and is told there anew."""
    await rebuild(2)

    def child() -> Any:
        asyncio.run(rebuild(2))
        few = len(vitals.findings())
        asyncio.run(rebuild(3))
        return few, len(vitals.findings("AG102")), [list(key) for key in counts(vitals)]

    vitals.log_exporter.clear()
    assert in_fork(child) == [0, 1, [["AG102", "info"]]]


async def test_what_was_seen_is_bounded(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit it is counted and no longer told."""
    monkeypatch.setattr("autogen_vitals.findings.engine._SEEN_LIMIT", 0)
    await rebuild(4)
    assert vitals.findings() == []
    assert counts(vitals) == {("AG102", "info"): 2}


async def test_many_lines_do_not_make_many_series(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit of sites they are `other`."""
    monkeypatch.setattr("autogen_vitals.telemetry.finding_metrics._SITE_LIMIT", 0)
    await rebuild(4)
    (point,) = vitals.points(semconv.FINDINGS.name)
    assert point.attributes[semconv.FINDING_SITE] == "other"


@pytest.mark.parametrize("rule", catalogue().values(), ids=lambda rule: rule.id)
def test_a_rule_says_what_it_is(rule: type[Rule]) -> None:
    """Id and file, a name in words, a severity, a remedy in a line that is the end of a sentence, a docstring."""
    assert rule.__module__.rpartition(".")[2] == rule.id.lower()
    assert set(rule.name) <= set("abcdefghijklmnopqrstuvwxyz-"), rule.name
    assert rule.severity in ("info", "warning", "error", "critical")
    assert rule.confidence in ("observed", "inferred")
    assert 10 < len(rule.remedy) <= 120
    assert not rule.remedy.endswith(".")
    assert rule.remedy[0].islower() or rule.remedy.split()[0].isupper()
    assert rule.__doc__
    assert (rule.threshold is None) == (rule.unit == "")
    asked = [name for name, method in vars(Rule).items() if callable(method) and vars(rule).get(name)]
    # Those of "outside" are a command's, which no process asks.
    assert asked or rule.__mro__[1] is not Rule or ".outside." in rule.__module__, "it is never asked"


def test_a_crash_and_an_end_fall_under_one_rule() -> None:
    """Of those that concern it the first: what is on their events."""
    for category in CATEGORIES:
        rule = rule_of_crash(a_crash(category=category))
        assert rule is None or rule.concerns_crash(a_crash(category=category))
    for reason in EXIT_REASONS.keys() - NOT_CRASHES:
        found = rule_of_exit(an_exit(reason=reason))
        assert found is None or found.concerns_exit(an_exit(reason=reason))
    assert rule_of_crash(a_crash(category="event_loop_closed")) is catalogue()["AG204"]
    assert rule_of_crash(a_crash(category="other")) is None
