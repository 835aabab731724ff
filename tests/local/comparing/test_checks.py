"""What is looked at after one boot: each kind of failure fails its own check, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from boots import answer, boot, found, told

from autogen_vitals.local.comparing.checks import CHECKS, check
from autogen_vitals.local.comparing.requests import Probe
from autogen_vitals.local.comparing.trial import Trial
from autogen_vitals.local.comparing.variants import Variant

WORDS = frozenset({"word"})
OTHER = Probe(1).id


def failed(trial: Trial, places: frozenset[str] = WORDS) -> dict[str, str]:
    return {one.name: one.detail for one in check(trial, places) if one.result == "failed"}


def skipped(trial: Trial, places: frozenset[str] = WORDS) -> dict[str, str]:
    return {one.name: one.detail for one in check(trial, places) if one.result == "skipped"}


def with_answer(**more: Any) -> Trial:
    """One of four answers is something else."""
    sound = boot()
    return replace(sound, answers=(answer(0, **more), *sound.answers[1:]))


def test_a_sound_boot_passes_all() -> None:
    """In their order."""
    checks = check(boot(), WORDS)
    assert [one.name for one in checks] == list(CHECKS)
    assert {one.result for one in checks} == {"passed"}


@pytest.mark.parametrize(
    ("trial", "name", "said"),
    [
        (with_answer(status=500, ids=frozenset(), canaries=frozenset()), "requests", "1 of 4 failed: 500 x1"),
        (with_answer(status=0, error="ReadError", ids=frozenset()), "requests", "1 of 4 failed: ReadError x1"),
        (with_answer(ids=frozenset({OTHER})), "answers", "1 of 4 answers carry the id of another request"),
        (with_answer(ids=frozenset()), "answers", "1 of 4 lack that of their own"),
        (with_answer(canaries=frozenset({OTHER})), "sessions", "1 of 4 answers have words of another request"),
        (boot(mixed_prompts=2), "sessions", "2 of 4 prompts have words of several requests"),
        (boot(told=told(found("AG202"))), "fork", "AG202 its-name at app.py:7"),
        (boot(told=told(found("AG204"))), "loops", "AG204 its-name at app.py:7"),
        (boot(told=told(found("AG205", "warning"))), "sharing", "AG205 its-name at app.py:7"),
        (boot(told=told(found("AG206", site=""))), "sharing", "AG206 its-name"),
        (boot(told=told(found("AG401"))), "work-dir", "AG401 its-name at app.py:7"),
        (boot(told=told(found("AG303"))), "rules", "AG303 its-name at app.py:7"),
        (boot(told=told(ends=((7, "oom"), (8, "oom")))), "workers", "2 ended: oom"),
        (boot(ended=3), "starts", "the server ended by itself, with 3"),
    ],
)
def test_each_failure_fails_its_own_check(trial: Trial, name: str, said: str) -> None:
    """And says how often, or where."""
    assert failed(trial) == {name: said}


def test_what_costs_time_only_fails_nothing() -> None:
    """A warning of a rule that has no check of its own."""
    assert failed(boot(told=told(found("AG101", "warning"), found("AG601", "warning")))) == {}


def test_a_boot_that_does_not_start_fails_only_that() -> None:
    """The rest could not be asked."""
    trial = boot(failure="Nothing answered within 60 s.\n\nits log")
    assert failed(trial) == {"starts": "Nothing answered within 60 s."}
    assert len(skipped(trial)) == len(CHECKS) - 1


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (frozenset[str](), {"answers", "sessions"}),
        (frozenset({"id"}), {"sessions"}),
        (frozenset({"canary"}), {"answers"}),
    ],
)
def test_what_has_no_place_is_not_compared_and_that_is_said(places: frozenset[str], names: set[str]) -> None:
    """A check that nobody could fail has not been passed."""
    told_why = skipped(boot(), places)
    assert set(told_why) == names
    assert all("no request has a place for {" in why for why in told_why.values())


def test_an_app_that_gives_nothing_back_is_not_compared() -> None:
    """No answer carries an id, and no prompt a canary: whose it is cannot be seen."""
    silent = [answer(number, ids=frozenset(), canaries=frozenset()) for number in range(4)]
    assert set(skipped(boot(answers=tuple(silent), told_prompts=0))) == {"answers", "sessions"}


def test_the_worker_that_is_killed_is_no_failure() -> None:
    """Nor is what was under way in it; another death is, and so is a worker that nobody replaces."""
    killed = {"killed": 7, "replaced": True, "variant": Variant(2, kill=True)}
    interrupted = with_answer(status=0, error="ReadError", ids=frozenset(), excused=True)
    assert failed(replace(interrupted, told=told(ends=((7, "signal"),)), **killed)) == {}
    assert failed(boot(told=told(ends=((7, "signal"), (8, "signal"))), **killed)) == {"workers": "1 ended: signal"}
    assert failed(boot(**{**killed, "replaced": False})) == {"workers": "no worker came for the one that was killed"}
    nobody = boot(**{**killed, "killed": 0, "replaced": None})
    assert (failed(nobody), set(skipped(nobody))) == ({}, {"workers"})
