"""The interpreter, and whether zero-code instrumentation gets into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Surroundings, fail, ok, skipped, warning
from autogen_vitals.local.doctor.command import interpreter_flags

_OLDEST, _NEWEST_TESTED = (3, 10), (3, 13)
_ZERO_CODE = Path("opentelemetry", "instrumentation", "auto_instrumentation")
_STARTER = "sitecustomize.py"


def _version(around: Surroundings) -> Iterator[Outcome]:
    version = ".".join(map(str, around.python))
    if around.python < _OLDEST:
        yield fail(f"Python {version}", "Python 3.10 or later: AutoGen and this package need it")
    elif around.python > _NEWEST_TESTED:
        yield warning(f"Python {version}, which is newer than what was tested", "Python 3.13 if something is odd")
    else:
        yield ok(f"Python {version}")


def _flags(around: Surroundings) -> Iterator[Outcome]:
    if around.flags.no_site:
        yield fail("Python was started with -S: sitecustomize is not run", "no -S: opentelemetry-instrument needs it")
    elif around.flags.isolated or around.flags.ignores_environment:
        flag = "-I" if around.flags.isolated else "-E"
        yield fail(
            f"Python was started with {flag}: PYTHONPATH is ignored, by which opentelemetry-instrument gets in",
            f"no {flag}; or autogen_vitals.enable() in the app",
        )
    else:
        yield ok("PYTHONPATH and sitecustomize are heeded")


def _sitecustomize(around: Surroundings) -> Iterator[Outcome]:
    folders = [folder for folder in around.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    zero_code = [number for number, folder in enumerate(folders) if Path(folder).parts[-3:] == _ZERO_CODE.parts]
    others = [number for number, folder in enumerate(folders) if Path(folder, _STARTER).is_file()]
    ahead = [number for number in others if number not in zero_code and (not zero_code or number < zero_code[0])]
    if ahead and zero_code:
        yield fail(
            f"{Path(folders[ahead[0]], _STARTER)} comes before OpenTelemetry's on PYTHONPATH, and Python runs one only",
            "the folder of opentelemetry.instrumentation.auto_instrumentation first on PYTHONPATH",
        )
    elif ahead:
        yield warning(
            f"{Path(folders[ahead[0]], _STARTER)} is on PYTHONPATH: under opentelemetry-instrument it is not run",
            "import it from the app, if it is needed",
        )
    elif zero_code:
        yield ok("OpenTelemetry's folder is on PYTHONPATH: this process is instrumented, too")
    else:
        yield ok("no other sitecustomize is on PYTHONPATH")


def _command(around: Surroundings) -> Iterator[Outcome]:
    flags = interpreter_flags(around.command)
    if not around.command:
        yield skipped("no --command was given")
    elif flags:
        yield fail(
            f"the command starts Python with {flags}: zero-code instrumentation does not get in",
            f"no {flags}; or autogen_vitals.enable() in the app",
        )
    else:
        yield ok("nothing in the command keeps instrumentation out")


INTERPRETER = Group(
    "Interpreter",
    (
        Check("python-version", "Python", _version),
        Check("python-flags", "flags", _flags),
        Check("sitecustomize", "sitecustomize", _sitecustomize),
        Check("command-flags", "command", _command),
    ),
)
