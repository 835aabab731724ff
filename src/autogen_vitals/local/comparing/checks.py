"""What is looked at after each boot, and what came of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from autogen_vitals.local.comparing.driving import Answer
from autogen_vitals.local.comparing.measuring import Found, Told
from autogen_vitals.local.comparing.trial import Trial

CheckName = Literal[
    "starts", "requests", "answers", "sessions", "fork", "loops", "sharing", "work-dir", "workers", "rules"
]
Result = Literal["passed", "failed", "skipped"]

CHECKS: Mapping[CheckName, str] = {
    "starts": "it does, and stays",
    "requests": "none fails",
    "answers": "each gets its own",
    "sessions": "none sees another",
    "fork": "nothing used across it",
    "loops": "one for each client",
    "sharing": "no agent, no team",
    "work-dir": "none is shared",
    "workers": "none dies",
    "rules": "no other error",
}
"""The checks, in their order, each with what should be."""

CAUSES: Mapping[CheckName, tuple[str, ...]] = {
    "fork": ("AG202",),
    "loops": ("AG203", "AG204"),
    "sharing": ("AG205", "AG206"),
    "work-dir": ("AG401",),
}
"""The checks that are known by rules, and by which."""

# The ends of processes are told besides, and by whom.
_ABOUT_ENDS = "AG5"
_NAMED_RULES = frozenset(rule for rules in CAUSES.values() for rule in rules)


@dataclass(frozen=True)
class Check:
    """One of them, after one boot.

    Attributes:
        detail: why it failed, or was skipped; empty where it passed.
    """

    name: CheckName
    result: Result
    detail: str = ""


def check(trial: Trial, places: frozenset[str]) -> tuple[Check, ...]:
    """All checks of one boot, in their order.

    Args:
        places: which words the requests have places for.
    """
    if trial.failure or trial.told is None:
        first, *_ = trial.failure.splitlines() or ["it told nothing"]
        skipped = (Check(name, "skipped", "it did not start") for name in list(CHECKS)[1:])
        return Check("starts", "failed", first), *skipped
    ended = "" if trial.ended is None else f"the server ended by itself, with {trial.ended}"
    return (
        _failed_if("starts", ended),
        _failed_if("requests", _failures(trial.answers)),
        _of_answers(trial.answers) if places & {"id", "word"} else _without("answers", "{id} or {word}"),
        _of_sessions(trial) if places & {"canary", "word"} else _without("sessions", "{canary} or {word}"),
        *(_failed_if(name, _said(_of_rules(trial.told, rules))) for name, rules in CAUSES.items()),
        _of_workers(trial, trial.told),
        _failed_if("rules", _said(_other_errors(trial.told))),
    )


def _failed_if(name: CheckName, detail: str) -> Check:
    return Check(name, "failed" if detail else "passed", detail)


def _without(name: CheckName, places: str) -> Check:
    return Check(name, "skipped", f"no request has a place for {places}: answers are not compared")


def _failures(answers: Iterable[Answer]) -> str:
    answers = tuple(answers)
    failed = [answer for answer in answers if answer.failed]
    if not failed:
        return ""
    kinds = Counter(answer.error or str(answer.status) for answer in failed)
    return f"{len(failed)} of {len(answers)} failed: {', '.join(f'{kind} x{n}' for kind, n in kinds.most_common())}"


def _of_answers(answers: Iterable[Answer]) -> Check:
    by_request: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.succeeded:
            by_request[answer.request].append(answer)
    known = {answer.probe for group in by_request.values() for answer in group}
    foreign = [answer for group in by_request.values() for answer in group if (answer.ids & known) - {answer.probe}]
    # What never comes back from a request is not missed.
    echoing = [group for group in by_request.values() if any(answer.probe in answer.ids for answer in group)]
    lost = [answer for group in echoing for answer in group if answer.probe not in answer.ids and answer not in foreign]
    if not echoing and not foreign:
        return Check("answers", "skipped", "no answer carries the id of its request: answers are not compared")
    compared = sum(map(len, echoing)) or len(foreign)
    said = [f"{len(foreign)} of {compared} answers carry the id of another request"] if foreign else []
    said += [f"{len(lost)} of {compared} lack that of their own"] if lost else []
    return _failed_if("answers", ", ".join(said))


def _of_sessions(trial: Trial) -> Check:
    known = {answer.probe for answer in trial.answers}
    leaking = [answer for answer in trial.answers if (answer.canaries & known) - {answer.probe}]
    said = [f"{trial.mixed_prompts} of {trial.told_prompts} prompts have words of several requests"]
    said = said if trial.mixed_prompts else []
    said += [f"{len(leaking)} of {len(trial.answers)} answers have words of another request"] if leaking else []
    if not said and not trial.told_prompts and not any(answer.canaries for answer in trial.answers):
        return Check("sessions", "skipped", "no canary was seen by the model, or came back: sessions are not compared")
    return _failed_if("sessions", ", ".join(said))


def _of_workers(trial: Trial, told: Told) -> Check:
    deaths = "; ".join(_deaths(trial, told))
    if trial.variant.kill and not trial.killed and not deaths:
        return Check("workers", "skipped", "no worker has told that it is there: none was killed")
    return _failed_if("workers", deaths)


def _deaths(trial: Trial, told: Told) -> Iterator[str]:
    ends = Counter(reason for pid, reason in told.ends if pid != trial.killed)
    yield from (f"{count} ended: {reason}" for reason, count in ends.items())
    if trial.replaced is False:
        yield "no worker came for the one that was killed"


def _of_rules(told: Told, rules: tuple[str, ...]) -> list[Found]:
    return [found for found in told.findings if found.rule in rules]


def _other_errors(told: Told) -> list[Found]:
    return [
        found
        for found in told.findings
        if found.severity != "warning" and found.rule not in _NAMED_RULES and not found.rule.startswith(_ABOUT_ENDS)
    ]


def _said(found: Iterable[Found]) -> str:
    return ", ".join(dict.fromkeys(f"{one.rule} {one.name}{f' at {one.site}' if one.site else ''}" for one in found))
