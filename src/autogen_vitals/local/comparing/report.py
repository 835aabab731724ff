"""A comparison for a program: one JSON object, whose schema changes its number when a reader would break."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, TextIO

from autogen_vitals.local.comparing.checks import CHECKS, Check
from autogen_vitals.local.comparing.judging import EXIT_CODES, Comparison, MultiWorkerFailure
from autogen_vitals.local.comparing.measuring import Found
from autogen_vitals.local.comparing.trial import Trial
from autogen_vitals.local.comparing.variants import Variant

SCHEMA = 1
_Json = dict[str, Any]


def write_json(comparison: Comparison, file: TextIO) -> None:
    """Write it, with a line break at the end."""
    json.dump(as_json(comparison), file, indent=2)
    file.write("\n")


def as_json(comparison: Comparison) -> _Json:
    """What is written."""
    options = comparison.options
    return {
        "schema": SCHEMA,
        "app": options.app,
        "server": options.server,
        "requests": [str(request) for request in options.requests],
        "count": options.count,
        "concurrency": options.concurrency,
        "repeat": options.repeat,
        "outcome": comparison.outcome,
        "exit_code": EXIT_CODES[comparison.outcome],
        "stopped": comparison.stopped,
        "findings": [_failure(failure) for failure in comparison.failures],
        "one_worker_fails": list(comparison.one_worker_fails),
        "disagreeing": [{"variant": variant.name, "check": name} for variant, name in comparison.wavering],
        "variants": [_variant(comparison, variant) for variant in options.variants],
    }


def _failure(failure: MultiWorkerFailure) -> _Json:
    return {
        "rule": failure.rule,
        "name": failure.name,
        "severity": failure.severity,
        "variant": failure.variant.name,
        "checks": list(failure.checks),
        "causes": list(failure.causes),
        "evidence": failure.evidence,
        "remedy": failure.remedy,
        "came_with": [_found(found) for found in failure.companions],
    }


def _variant(comparison: Comparison, variant: Variant) -> _Json:
    boots = [
        _boot(trial, checks)
        for trial, checks in zip(comparison.trials, comparison.checks, strict=True)
        if trial.variant == variant
    ]
    standings = {name: comparison.standing(variant, name) for name in CHECKS}
    return {
        "name": variant.name,
        "workers": variant.workers,
        "preload": variant.preload,
        "kill": variant.kill,
        "checks": {name: {"failed": one.failed, "asked": one.asked} for name, one in standings.items()},
        "boots": boots,
    }


def _boot(trial: Trial, checks: tuple[Check, ...]) -> _Json:
    told = trial.told
    return {
        "repeat": trial.repeat,
        "failure": trial.failure,
        "boot_seconds": round(trial.boot_seconds, 3),
        "requests": len(trial.answers),
        "failed_requests": sum(answer.failed for answer in trial.answers),
        "excused_requests": sum(answer.excused and not answer.succeeded for answer in trial.answers),
        "mixed_prompts": trial.mixed_prompts,
        "cold": None if told is None or told.cold is None else asdict(told.cold),
        "warm": None if told is None or told.warm is None else asdict(told.warm),
        "inits_per_request": None if told is None else told.inits_per_request,
        "connects_per_request": None if told is None else told.connects_per_request,
        "rss_mib": [round(weight, 1) for weight in trial.weights_mib],
        "killed": trial.killed or None,
        "replaced": trial.replaced,
        "crashes": dict(() if told is None else told.crashes),
        "ends": [{"pid": pid, "reason": reason} for pid, reason in (() if told is None else told.ends)],
        "findings": [] if told is None else [_found(found) for found in told.findings],
        "checks": [asdict(check) for check in checks],
    }


def _found(found: Found) -> _Json:
    return asdict(found)
