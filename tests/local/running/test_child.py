"""A command under ``autogen-vitals run``: its output, its signals and its end are those it has without."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals are those of Unix")

RUN_CODE = "import sys; from autogen_vitals.cli import main; sys.exit(main())"
RUN = [sys.executable, "-c", RUN_CODE, "run", "--quiet", "--"]
READY = "ready"
PATIENCE = 60.0


@dataclass(frozen=True)
class Ending:
    """How a command ends: ``code``, in a Python without site-packages, to which ``sent`` is sent once it is ready."""

    name: str
    code: str
    sent: signal.Signals | None = None


# On one line, which a traceback names, wherever on it the signal comes. Not by signal.pause(): a signal that comes just
# before it is waited for has come already, and Python's handler runs when another one does.
WAITS = f"import functools, time; print('{READY}', flush=True); [*iter(functools.partial(time.sleep, 0.02), 0)]"
HANDLES = (
    "import signal, sys, time\n"
    "for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):\n"
    "    signal.signal(each, lambda number, _: sys.exit(40 + number))\n"
    f"print('{READY}', flush=True)\n"
    "while True: time.sleep(0.02)"
)
ENDINGS = (
    Ending("success", "print('out')"),
    Ending("a code", "raise SystemExit(3)"),
    Ending("a message", "import sys; sys.exit('that went wrong')"),
    Ending("an exception", "raise RuntimeError('that went wrong')"),
    Ending("at once", "import os; os._exit(7)"),
    Ending("the highest code", "import os; os._exit(255)"),
    Ending("an abort", "import os; os.abort()"),
    Ending("a fault", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"),
    Ending("a kill", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
    Ending("a broken pipe", "import os, signal; signal.signal(13, signal.SIG_DFL); os.kill(os.getpid(), 13)"),
    Ending("SIGTERM", WAITS, signal.SIGTERM),
    Ending("SIGHUP", WAITS, signal.SIGHUP),
    Ending("SIGQUIT", WAITS, signal.SIGQUIT),
    Ending("SIGINT", WAITS, signal.SIGINT),
    Ending("SIGTERM, handled", HANDLES, signal.SIGTERM),
    Ending("SIGINT, handled", HANDLES, signal.SIGINT),
    Ending("SIGUSR1, handled", HANDLES, signal.SIGUSR1),
)


def ended(command: list[str], sent: signal.Signals | None, folder: Path) -> tuple[int, bytes, bytes]:
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out = b""
    if sent is not None:
        assert process.stdout is not None
        out = process.stdout.readline()
        assert out.strip() == READY.encode()
        process.send_signal(sent)
    rest, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, out + rest, errors


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_it_ends_as_it_would_by_itself(ending: Ending, tmp_path: Path) -> None:
    """Exit status, or signal, and what is written to stdout and stderr, are those of the bare command."""
    # Without the marks below a line of a traceback: where on the line a signal comes is chance.
    command = [sys.executable, "-S", "-X", "no_debug_ranges", "-c", ending.code]
    assert ended([*RUN, *command], ending.sent, tmp_path) == ended(command, ending.sent, tmp_path)


def test_a_stub_model_beside_it_takes_no_signal_away(tmp_path: Path) -> None:
    """What is served in this process is served by threads, and a signal is for any of them that does not hold it."""
    command = [sys.executable, "-S", "-c", HANDLES]
    with_stub = [*RUN[:-1], "--stub-model", "--"]
    assert ended([*with_stub, *command], signal.SIGTERM, tmp_path) == ended(command, signal.SIGTERM, tmp_path)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [("no-such-command", 127, "there is no such command"), ("./not-executable", 126, "cannot be executed")],
)
def test_what_cannot_be_run_is_said_as_a_shell_says_it(name: str, code: int, says: str, tmp_path: Path) -> None:
    """The exit status is a shell's, and there is a word on what to do."""
    (tmp_path / "not-executable").write_text("print()")
    status, out, errors = ended([*RUN, name], None, tmp_path)
    assert (status, out) == (code, b"")
    assert says.encode() in errors
    assert subprocess.run(["sh", "-c", name], cwd=tmp_path, capture_output=True).returncode == code


def test_no_command_is_a_usage_error(tmp_path: Path) -> None:
    """What is missing is said, with an example."""
    status, _, errors = ended(RUN, None, tmp_path)
    assert status == 2
    assert b"autogen-vitals run -- uvicorn app:app" in errors


COUNTS = (
    "import signal, sys, time\n"
    "got = []\n"
    "signal.signal(signal.SIGINT, lambda *_: (got.append(1), print(f'got {len(got)}', flush=True)))\n"
    f"print('{READY}', flush=True)\n"
    "while len(got) < 2: time.sleep(0.02)\n"
    "sys.exit(9)"
)


def test_ctrl_c_reaches_it_once_each_time(tmp_path: Path) -> None:
    """The terminal tells the command itself: two Ctrl+C are two, of which a server makes something else than of one."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, [*RUN, sys.executable, "-S", "-c", COUNTS])
    try:
        read_until(terminal, READY)
        os.write(terminal, b"\x03")
        assert "got 2" not in read_until(terminal, "got 1")
        os.write(terminal, b"\x03")
        read_until(terminal, "got 2")
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 9
    finally:
        os.close(terminal)


def test_a_command_does_not_outlive_a_killed_run(tmp_path: Path) -> None:
    """SIGKILL cannot be passed on; the command is asked to stop all the same, where the system can do that."""
    if not sys.platform.startswith("linux"):
        pytest.skip("prctl is Linux's")
    process = subprocess.Popen(
        [*RUN, sys.executable, "-S", "-c", HANDLES], cwd=tmp_path, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait(PATIENCE)
    # The pipe ends when the last that has it open is gone.
    assert process.stdout.read() == b""


def read_until(terminal: int, text: str) -> str:
    read, deadline = "", time.monotonic() + PATIENCE
    while text not in read:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{text!r} did not come: {read!r}"
        read += os.read(terminal, 4096).decode()
    return read
