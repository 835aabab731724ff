"""Boot after boot, until all are done or it is clear that nothing can be compared."""

from __future__ import annotations

import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console

from autogen_vitals.local.comparing.checks import check
from autogen_vitals.local.comparing.judging import EXIT_CODES, Comparison, judge
from autogen_vitals.local.comparing.junit import write_junit
from autogen_vitals.local.comparing.report import write_json
from autogen_vitals.local.comparing.trial import Options, Trial, run_trial
from autogen_vitals.local.comparing.variants import Variant
from autogen_vitals.local.comparing.view import show

_STDOUT = "-"


def run_compare(options: Options, *, json: str = "", junit: str = "") -> int:
    """Compare, show what came of it, and write it where that is asked for.

    Args:
        json: a file, or ``-`` for the standard output, which is then left to it alone.
        junit: a file.

    Returns:
        The exit status: see ``EXIT_CODES``.

    Raises:
        OSError: a file could not be written.
    """
    console = Console(stderr=json == _STDOUT, highlight=False)
    comparison = compare(options, console)
    show(comparison, console)
    if json == _STDOUT:
        write_json(comparison, sys.stdout)
    elif json:
        with open(json, "w", encoding="utf-8") as file:
            write_json(comparison, file)
    if junit:
        write_junit(comparison, Path(junit))
    return EXIT_CODES[comparison.outcome]


def compare(options: Options, console: Console) -> Comparison:
    """Boot each variant as often as asked for, telling of each boot."""
    # What garbage reaches the stub model is an answer's matter, not one of this process's log.
    logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
    trials: list[Trial] = []
    stopped = ""
    with _stopped_like_ctrl_c(), tempfile.TemporaryDirectory(prefix="autogen-vitals-compare-") as scratch:
        for repeat, variant in _schedule(options):
            folder = Path(scratch).resolve() / str(len(trials))
            folder.mkdir()
            with console.status(_doing(options, repeat, variant)) if console.is_terminal else nullcontext():
                trial = run_trial(options, variant, repeat, folder)
            trials.append(trial)
            console.print(f"{_doing(options, repeat, variant)}: {_said(trial, options)}", markup=False, soft_wrap=True)
            if stopped := _hopeless(trial):
                break
    return judge(options, trials, stopped)


def _schedule(options: Options) -> Iterator[tuple[int, Variant]]:
    # All variants before any of them again: what changes on the machine meanwhile meets all.
    for repeat in range(1, options.repeat + 1):
        for variant in options.variants:
            yield repeat, variant


def _doing(options: Options, repeat: int, variant: Variant) -> str:
    return f"boot {repeat} of {options.repeat}, {options.server} with {variant}"


def _said(trial: Trial, options: Options) -> str:
    failed = [one.name for one in check(trial, options.places) if one.result == "failed"]
    return f"fails ({', '.join(failed)})" if failed else "passes"


def _hopeless(trial: Trial) -> str:
    """Why there is nothing to compare with; empty where there is."""
    if trial.variant.workers > 1:
        return ""
    if trial.failure:
        return f"The app does not start with one worker. {trial.failure}"
    failed = [answer for answer in trial.answers if answer.failed]
    if len(failed) < len(trial.answers):
        return ""
    first = failed[0]
    what = f"{first.error} (no answer)" if first.error else f"{first.status}: {first.excerpt}"
    return (
        f"With one worker all {len(failed)} requests failed, the first with {what}\n"
        f"Is {first.request!r} what the app expects? Send one with curl to see."
    )


@contextmanager
def _stopped_like_ctrl_c() -> Generator[None, None, None]:
    """While it is entered SIGTERM does what Ctrl+C does: the app is stopped first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
