"""What a stack file does to the handlers and the stacks of the app: nothing."""

from __future__ import annotations

import importlib.util
import signal
import sys
from pathlib import Path

import pytest
from stack_runs import EXITS, OPEN, run

from autogen_vitals.crashes.native import read_stack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

ASYNCIO = """
import asyncio
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("waiting", flush=True)
    await stop.wait()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the stack goes to."""
    return tmp_path / "stack"


# --- signals to stop ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_is_seen_and_ends_the_process(path: Path, number: int) -> None:
    """As it would have without us."""
    ended = run(path, OPEN + "wait()", number)
    assert ended.status == -number
    assert ended.errors == ""
    assert read_stack(path) == ("", True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGUSR1])
def test_other_signals_are_none_to_stop(path: Path, number: int) -> None:
    """Nobody can say so of a SIGKILL; of an interrupt Python does."""
    assert run(path, OPEN + "wait()", number).status == -number
    assert read_stack(path) == ("", False)


@pytest.mark.parametrize(
    "sets",
    [
        f"signal.signal(signal.SIGTERM, {EXITS})\nwait()",
        f"old = signal.signal(signal.SIGTERM, {EXITS}); assert old is signal.SIG_DFL, old\nwait()",
        f"signal.signal(signal.SIGTERM, {EXITS}); signal.siginterrupt(signal.SIGTERM, False)\nwait()",
        f"signal.signal(signal.SIGTERM, {EXITS}); stacks.close()\nwait()",
        f"signal.signal(signal.SIGTERM, {EXITS}); stacks.abandon()\nwait()",
        ASYNCIO + "asyncio.run(main()); sys.exit(7)",
    ],
    ids=["signal.signal", "what was there before", "siginterrupt", "close", "abandon", "asyncio"],
)
def test_a_handler_that_the_app_sets_later_is_the_app_s(path: Path, sets: str) -> None:
    """It alone is called; nothing is written."""
    ended = run(path, OPEN + sets, signal.SIGTERM)
    assert (ended.status, ended.errors) == (7, "")
    assert not path.exists() or read_stack(path) == ("", False)


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
def test_a_handler_that_uvloop_sets_later_is_its_own(path: Path) -> None:
    """It has one below Python's."""
    ended = run(
        path, OPEN + ASYNCIO + "import uvloop; uvloop.install(); asyncio.run(main()); sys.exit(7)", signal.SIGTERM
    )
    assert ended.status == 7
    assert read_stack(path) == ("", False)


@pytest.mark.parametrize("handled", [EXITS, "signal.SIG_IGN"])
def test_a_handler_that_the_app_has_set_stays(path: Path, handled: str) -> None:
    """Ignoring it is one: what runs under nohup is not ended by SIGHUP."""
    ended = run(
        path,
        f"signal.signal(signal.SIGTERM, {handled}); signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        f"{OPEN}print('waiting', flush=True)\nsignal.pause()\n",
        signal.SIGHUP,
        signal.SIGTERM,
        *([signal.SIGKILL] if handled == "signal.SIG_IGN" else []),
    )
    assert ended.status == (-signal.SIGKILL if handled == "signal.SIG_IGN" else 7)
    assert read_stack(path) == ("", False)


def test_python_is_told_of_no_handler(path: Path) -> None:
    """Servers look before they set theirs, and set back what they found."""
    source = """
assert all(signal.getsignal(s) is signal.SIG_DFL for s in (signal.SIGTERM, signal.SIGHUP))
old = signal.signal(signal.SIGTERM, lambda *_: None)
assert signal.signal(signal.SIGTERM, old) is not None
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
stacks.close()
wait()
"""
    ended = run(path, OPEN + source, signal.SIGTERM)
    assert (ended.status, ended.errors) == (-signal.SIGTERM, "")


def test_only_the_main_thread_asks_for_signals(path: Path) -> None:
    """The main thread may be setting them meanwhile."""
    ended = run(
        path,
        "t = threading.Thread(target=lambda: globals().update(stacks=StackFile.open(path))); t.start(); t.join()\n"
        "assert stacks is not None\nwait()",
        signal.SIGTERM,
    )
    assert ended.status == -signal.SIGTERM
    assert read_stack(path) == ("", False)


# --- an app that uses faulthandler itself -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wrapped"),
    [("faulthandler.enable()\n", ()), ("", ("env", "PYTHONFAULTHANDLER=1")), ("", ("env", "PYTHONDEVMODE=1"))],
)
def test_an_app_that_writes_stacks_itself_goes_on(path: Path, before: str, wrapped: tuple[str, ...]) -> None:
    """To its standard error; of a crash ours says nothing then."""
    ended = run(path, f"{before}{OPEN}crash()", wrapped=wrapped)
    assert ended.status == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in ended.errors
    assert read_stack(path) == ("", False)


def test_an_app_that_writes_stacks_later_gets_them(path: Path) -> None:
    """Even when ours is closed before the crash."""
    for closes in ("", "stacks.close()\n", "stacks.abandon()\n"):
        path.unlink(missing_ok=True)
        ended = run(path, f"{OPEN}faulthandler.enable()\n{closes}crash()")
        assert ended.status == -signal.SIGSEGV
        assert "Fatal Python error: Segmentation fault" in ended.errors
        assert not path.exists() or read_stack(path) == ("", False)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("closes", ["", "stacks.close()\n"])
def test_an_app_s_own_stack_at_a_signal_to_stop_is_the_app_s(path: Path, when: str, closes: str) -> None:
    """Whoever registers first."""
    registers = "faulthandler.register(signal.SIGTERM, chain=True)\n"
    source = registers + OPEN if when == "before" else OPEN + registers
    ended = run(path, f"{source}{closes}wait()", signal.SIGTERM)
    assert ended.status == -signal.SIGTERM
    assert "most recent call first" in ended.errors
    assert not path.exists() or read_stack(path) == ("", False)


def test_nothing_is_created_where_nothing_can_be_written(path: Path) -> None:
    """The app does all of it itself."""
    source = """
faulthandler.enable()
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
"""
    assert run(path, f"{source}{OPEN}print(stacks, path.exists())").output == "None False\n"


# --- closing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lets_go", ["close", "abandon"])
@pytest.mark.parametrize("opens", ["", "assert StackFile.open(path.with_name('own')) is not None\n"])
def test_a_handler_of_a_fatal_signal_that_the_app_sets_later_stays(path: Path, lets_go: str, opens: str) -> None:
    """gunicorn's workers have one for SIGABRT."""
    source = f"signal.signal(signal.SIGABRT, {EXITS})\nstacks.{lets_go}()\n{opens}wait()"
    ended = run(path, OPEN + source, signal.SIGABRT)
    assert (ended.status, ended.errors) == (7, "")
    assert not path.exists() or read_stack(path) == ("", False)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGTERM])
def test_a_handler_below_python_s_stays(path: Path, when: str, number: int) -> None:
    """A Java machine has one for SIGSEGV, and needs it."""
    sets = f"""
handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: os._exit(7))
ctypes.CDLL(None).signal({int(number)}, handler)
"""
    source = sets + OPEN if when == "before" else OPEN + sets + "stacks.close()\nstacks = StackFile.open(path)\n"
    ended = run(path, source + "wait()", number)
    assert (ended.status, ended.errors) == (7, "")
    assert read_stack(path) == ("", False)
