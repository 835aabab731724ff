"""``autogen-vitals compare``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from autogen_vitals.local.commands.parsing import Subparsers, add_command
from autogen_vitals.local.commands.requirements import SERVING, are_installed

if TYPE_CHECKING:
    from autogen_vitals.local.comparing.trial import Options

_SUMMARY = "start an app with one worker and with several, and show what fails only with several"
_DETAILS = """\
Starts the app again and again: with one worker, with each number of workers, with gunicorn's --preload,
and with a worker killed in the middle of a request. Each time it sends the requests, several at once, and
looks for answers that are another request's, words of one session in another, agents that are shared or
used across a fork, folders that code is run in twice, errors and dead workers. A stub model answers
instead of OpenAI, so it takes no key and costs nothing; nothing leaves this machine.

A request is 'METHOD PATH [BODY]', or a JSON file with method, path, and json or body, headers. These
places in it are filled in, with other words for each request:
  {id}      nine digits, which the answer is to carry
  {canary}  a word for the model, that no other request may meet
  {word}    both, as a text for the model: the stub model answers with the id
Without a place for them answers are not compared, only errors and what the processes tell.

exit status:
  0    all boots pass
  1    several workers fail, in every boot, what one worker passes in every boot (rule AG701)
  2    the arguments make no sense
  3    one worker fails too, boots disagree, or the app does not start or answer with one worker
  130  Ctrl+C

examples:
  autogen-vitals compare app:app --request 'GET /ask?q={word}'
      With 1 and with 4 uvicorn workers, 3 boots each, 40 requests each.

  autogen-vitals compare --server gunicorn --server-args '-k gthread --threads 4' \\
      app:app --request 'POST /chat {"message": "{word}"}'
      Under gunicorn, with and without --preload.

  autogen-vitals compare --workers 1,2 --repeat 1 app:app --request ask.json --junit compare.xml
      A quick look, in CI.
"""


def add_to(commands: Subparsers) -> None:
    """Add it to the command line."""
    parser = add_command(commands, "compare", _run, _SUMMARY, _DETAILS)
    parser.set_defaults(parser=parser)
    parser.add_argument("app", metavar="MODULE:APP", help="what the server is given")
    what = parser.add_argument_group("what is asked")
    what.add_argument("--request", action="append", required=True, metavar="REQUEST", help="may be given again")
    what.add_argument("-n", "--count", type=_positive, default=40, help="requests in each boot (%(default)s)")
    what.add_argument("--concurrency", type=_positive, default=8, help="of them at once (%(default)s)")
    what.add_argument("--real-model", action="store_true", help="leave OPENAI_BASE_URL and OPENAI_API_KEY alone")
    how = parser.add_argument_group("how it is served")
    how.add_argument("--workers", type=_numbers, default=(1, 4), metavar="N,N", help="numbers of workers (1,4)")
    how.add_argument("--server", choices=("uvicorn", "gunicorn"), default="uvicorn", help="(%(default)s)")
    how.add_argument("--server-args", type=shlex.split, default=[], metavar="'ARGS'", help="more of the server's own")
    how.add_argument("--app-dir", type=Path, default=Path(), metavar="DIR", help="where it is run (here)")
    how.add_argument(
        "--preload",
        action=argparse.BooleanOptionalAction,
        help="with --preload besides (gunicorn: yes, uvicorn has none)",
    )
    how.add_argument("--kill", action=argparse.BooleanOptionalAction, default=True, help="with a worker killed besides")
    how.add_argument("--repeat", type=_positive, default=3, help="boots of each variant (%(default)s)")
    how.add_argument("--ready-path", default="/", metavar="PATH", help="asked until anything answers (%(default)s)")
    how.add_argument("--start-timeout", type=_positive, default=60, metavar="S", help="seconds (%(default)s)")
    how.add_argument("--request-timeout", type=_positive, default=60, metavar="S", help="seconds (%(default)s)")
    out = parser.add_argument_group("where it is written")
    out.add_argument("--json", default="", metavar="FILE", help="- for the standard output")
    out.add_argument("--junit", default="", metavar="FILE", help="a test case for each boot and check")


def _run(arguments: argparse.Namespace) -> int:
    if not are_installed("The comparison", SERVING):
        return 1
    # Here, because it imports what the check above has just found.
    from autogen_vitals.local.comparing.comparison import run_compare

    try:
        return run_compare(_options(arguments), json=arguments.json, junit=arguments.junit)
    except OSError as error:
        print(f"It could not be written, or run: {error}", file=sys.stderr)
        return 1


def _options(arguments: argparse.Namespace) -> Options:
    from autogen_vitals.local.comparing.requests import RequestError, parse_request
    from autogen_vitals.local.comparing.trial import Options
    from autogen_vitals.local.comparing.variants import is_installed, plan

    parser: argparse.ArgumentParser = arguments.parser
    gunicorn = arguments.server == "gunicorn"
    if arguments.preload and not gunicorn:
        parser.error("--preload: uvicorn has no such thing. Add --server gunicorn")
    if not is_installed(arguments.server):
        parser.error(f"--server: {arguments.server} is not installed here. To install: pip install {arguments.server}")
    if not arguments.app_dir.is_dir():
        parser.error(f"--app-dir: there is no folder {arguments.app_dir}")
    if ":" not in arguments.app:
        parser.error(f"{arguments.app!r} is no app. Write MODULE:APP, such as app:app")
    try:
        requests = tuple(map(parse_request, arguments.request))
    except RequestError as error:
        parser.error(f"--request: {error}")
    preload = gunicorn and arguments.preload is not False
    return Options(
        app=arguments.app,
        directory=arguments.app_dir.resolve(),
        server=arguments.server,
        arguments=tuple(arguments.server_args),
        variants=plan(arguments.workers, preload=preload, kill=arguments.kill),
        requests=requests,
        count=arguments.count,
        concurrency=arguments.concurrency,
        repeat=arguments.repeat,
        real_model=arguments.real_model,
        ready_path=arguments.ready_path,
        start_seconds=arguments.start_timeout,
        request_seconds=arguments.request_timeout,
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in text.split(","))
