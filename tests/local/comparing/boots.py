"""Boots that nobody has made: what judges, tables and files are tried with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autogen_vitals.local.comparing.driving import Answer
from autogen_vitals.local.comparing.measuring import Found, Latency, Told
from autogen_vitals.local.comparing.requests import Probe, parse_request
from autogen_vitals.local.comparing.trial import Options, Trial
from autogen_vitals.local.comparing.variants import Variant, plan

ONE, TWO, PRELOADED = Variant(1), Variant(2), Variant(2, preload=True)
NOTHING = Told(Latency(300, 300, 1), Latency(100, 120, 9), 2.0, 0.1, (), (), ())


def options(*, repeat: int = 3, request: str = "GET /ask?q={word}", **more: Any) -> Options:
    """Of an app that is compared with one worker and two, preloaded too."""
    variants = plan([2], preload=True, kill=False)
    return Options("app:app", Path(), "gunicorn", variants, (parse_request(request),), repeat=repeat, **more)


def answer(number: int, **more: Any) -> Answer:
    """Its own, and nothing else's."""
    own = Probe(number).id
    said: dict[str, Any] = {"status": 200, "error": "", "ids": frozenset({own}), "canaries": frozenset({own}), **more}
    return Answer(request="GET /ask?q={word}", probe=own, seconds=0.1, **said)


def told(*found: Found, **more: Any) -> Told:
    """What the processes of a boot said."""
    return Told(**{**vars(NOTHING), "findings": found, **more})


def found(rule: str, severity: str = "error", site: str = "app.py:7") -> Found:
    return Found(rule, "its-name", severity, site, "what was seen", f"what to do about {rule}", 1)


def boot(variant: Variant = ONE, repeat: int = 1, **more: Any) -> Trial:
    """One in which nothing is wrong, but for what is given."""
    sound: dict[str, Any] = {
        "boot_seconds": 2.0,
        "answers": tuple(map(answer, range(4))),
        "told_prompts": 4,
        "weights_mib": (100.0,),
        "told": NOTHING,
    }
    return Trial(variant, repeat, **{**sound, **more})


def boots(wrong: dict[Variant, list[dict[str, Any]]] | None = None) -> list[Trial]:
    """Three of each variant; of those named, with what is wrong in each."""
    nothing: list[dict[str, Any]] = [{}, {}, {}]
    return [
        boot(variant, repeat, **(wrong or {}).get(variant, nothing)[repeat - 1])
        for repeat in (1, 2, 3)
        for variant in (ONE, TWO, PRELOADED)
    ]
