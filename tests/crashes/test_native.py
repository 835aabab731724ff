"""What a process leaves behind of a native crash."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from stack_runs import OPEN, run

from autogen_vitals.crashes.native import StackFile, read_stack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the stack goes to."""
    return tmp_path / "stack"


# --- native crashes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "number", "words"),
    [
        ("crash()", signal.SIGSEGV, "Segmentation fault"),
        ("os.abort()", signal.SIGABRT, "Aborted"),
        ("signal.raise_signal(signal.SIGBUS)", signal.SIGBUS, "Bus error"),
        ("signal.raise_signal(signal.SIGFPE)", signal.SIGFPE, "Floating"),
        ("signal.raise_signal(signal.SIGILL)", signal.SIGILL, "Illegal instruction"),
        ("t = threading.Thread(target=crash); t.start(); t.join()", signal.SIGSEGV, "Segmentation fault"),
    ],
)
def test_a_native_crash_leaves_its_stack(path: Path, source: str, number: int, words: str) -> None:
    """And has the exit status that it has without us."""
    ended = run(path, f"{OPEN}def leave():\n    {source}\nleave()")
    assert ended == (-number, "", "")
    stack, stop_seen = read_stack(path)
    head, *frames = stack.splitlines()
    assert head.startswith("Fatal Python error: ")
    assert words in head
    assert frames
    assert all(frame.startswith('File "') for frame in frames)
    assert any("in crash" in frame or "in leave" in frame for frame in frames)
    assert not stop_seen


def test_the_file_is_the_owner_s_alone_and_new(path: Path) -> None:
    """It never takes what is there already, or follows a link."""
    run(path, OPEN + "os.abort()")
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert run(path, OPEN + "print(stacks)").output == "None\n"
    assert path.read_bytes() == before
    link = path.with_name("link")
    link.symlink_to(path.with_name("elsewhere"))
    assert run(link, OPEN + "print(stacks)").output == "None\n"
    assert not path.with_name("elsewhere").exists()


def test_a_folder_that_is_not_there_does_no_harm(tmp_path: Path) -> None:
    """Nor one that cannot be written to."""
    assert run(tmp_path / "none" / "stack", OPEN + "print(stacks, faulthandler.is_enabled())").output == "None False\n"


# --- closing, and descriptors -------------------------------------------------------------------------------------


def test_closing_leaves_the_handlers_and_no_file(path: Path) -> None:
    """They may be others by now; and again it can begin, as often as it likes."""
    source = """
def caught():
    return [line for line in open("/proc/self/status") if line.startswith("SigCgt")]

before = caught(), len(os.listdir("/proc/self/fd"))
for _ in range(5):
    assert path.exists() and faulthandler.is_enabled()
    stacks.close()
    stacks.close()
    assert not path.exists()
    stacks = StackFile.open(path)
    assert before == (caught(), len(os.listdir("/proc/self/fd")))
"""
    for leave, number in (("crash()", signal.SIGSEGV), ("wait()", signal.SIGTERM)):
        ended = run(path, OPEN + source + leave, *([number] if leave == "wait()" else []))
        assert (ended.status, ended.errors) == (-number, "")
        stack, stop_seen = read_stack(path)
        assert ("Segmentation fault" in stack, stop_seen) == (leave == "crash()", leave == "wait()")
        path.unlink()


def test_an_app_that_closes_low_descriptors_gets_no_stack_into_its_files(path: Path) -> None:
    """What it opens next has a low number."""
    source = "os.closerange(3, 256); mine = [open(path.with_name(f'mine{n}'), 'w') for n in range(20)]\ncrash()"
    run(path, OPEN + source)
    assert "Segmentation fault" in read_stack(path)[0]
    assert [path.with_name(f"mine{number}").read_text() for number in range(20)] == [""] * 20


def test_a_descriptor_that_the_app_has_got_since_is_not_closed(path: Path) -> None:
    """It closes all there are, as a daemon does."""
    source = """
os.closerange(3, 1024)
mine = open("/dev/null")
for number in range(4, 1024):
    os.dup2(mine.fileno(), number)
stacks.close()
assert len(os.listdir("/proc/self/fd")) >= 1021
"""
    assert run(path, OPEN + source) == (0, "", "")
    assert not path.exists()


def test_few_descriptors_are_enough(path: Path) -> None:
    """A low number has to do then."""
    run(path, "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n" + OPEN + "crash()")
    assert "Segmentation fault" in read_stack(path)[0]


# --- other processes ----------------------------------------------------------------------------------------------


def test_a_forked_child_writes_into_its_own_file(path: Path) -> None:
    """And nothing into its parent's."""
    source = """
for leave in (crash, lambda: signal.raise_signal(signal.SIGTERM)):
    child = os.fork()
    if child == 0:
        stacks.abandon()
        own = StackFile.open(path.with_name(str(os.getpid())))
        assert own is not None
        leave()
    _, status = os.waitpid(child, 0)
    print(child, os.WTERMSIG(status), flush=True)
assert path.read_bytes() == b""
crash()
"""
    ended = run(path, OPEN + source)
    assert (ended.status, ended.errors) == (-signal.SIGSEGV, "")
    (crashed, first), (stopped, second) = (line.split() for line in ended.output.splitlines())
    assert [first, second] == [str(int(signal.SIGSEGV)), str(int(signal.SIGTERM))]
    assert "in crash" in read_stack(path.with_name(crashed))[0]
    assert read_stack(path.with_name(stopped)) == ("", True)
    assert "in crash" in read_stack(path)[0]


def test_a_child_that_only_abandons_writes_nothing(path: Path) -> None:
    """And ends as it would have."""
    source = """
for leave in (crash, lambda: signal.raise_signal(signal.SIGTERM)):
    child = os.fork()
    if child == 0:
        stacks.abandon()
        leave()
    print(os.WTERMSIG(os.waitpid(child, 0)[1]), flush=True)
"""
    ended = run(path, OPEN + source + "os.kill(os.getpid(), signal.SIGKILL)")
    assert ended.output.split() == [str(int(signal.SIGSEGV)), str(int(signal.SIGTERM))]
    assert read_stack(path) == ("", False)


def test_other_programs_get_neither_handler_nor_descriptor(path: Path) -> None:
    """They begin with the default action, as without us."""
    source = """
import subprocess
assert os.get_inheritable(stacks._descriptor) is False
child = subprocess.Popen([sys.executable, "-c", "import signal; print(flush=True); signal.pause()"],
                         stdout=subprocess.PIPE, close_fds=False)
child.stdout.readline()
held = [os.readlink(f"/proc/{child.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{child.pid}/fd")]
assert str(path) not in held, held
child.terminate()
assert child.wait() == -signal.SIGTERM
assert path.read_bytes() == b""
"""
    ended = run(path, OPEN + source)
    assert (ended.status, ended.errors) == (0, "")


# --- reading ------------------------------------------------------------------------------------------------------


def test_nothing_is_read_where_nothing_is(tmp_path: Path) -> None:
    """Or where it is no file of its own."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("Fatal Python error: Aborted\n")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("none", "pipe", "link", "."):
        assert read_stack(tmp_path / name) == ("", False)


def test_what_is_read_is_bounded(path: Path) -> None:
    """Whatever is in the file."""
    frame = f'  File "{"x" * 1000}", line 1 in {"f" * 500}\n'
    path.write_text("Fatal Python error: Aborted\n\n" + frame * 5000 + "Extension modules: a, b (total: 2)\n")
    stack, stop_seen = read_stack(path)
    assert len(stack) <= 8192
    assert len(stack.splitlines()) == 6
    assert not stop_seen
    path.write_text("Fatal Python error: Aborted\n\n" + '  File "x", line 1 in f\n' * 500)
    assert len(read_stack(path)[0].splitlines()) == 40
    path.write_bytes(os.urandom(1_000_000))
    assert len(read_stack(path)[0]) <= 8192


def test_only_code_is_read(path: Path) -> None:
    """No other line."""
    path.write_text(
        "Fatal Python error: Aborted\n\nThread 0x1 [secret] (most recent call first):\n"
        '  File "a", line 3 in f\n  secret\n  <no Python frame>\nExtension modules: secret\n  Binary file "/lib/x"\n'
    )
    assert read_stack(path) == ('Fatal Python error: Aborted\nFile "a", line 3 in f', False)


def test_elsewhere_it_is_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is created."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert StackFile.open(path) is None
    assert not path.exists()


def test_a_crash_after_a_signal_to_stop_is_both(path: Path) -> None:
    """One that does not stop at once: process 1 of a container, where the default action of SIGTERM is nothing."""
    path.write_text('Stack (most recent call first):\n  File "a.py", line 1 in f\n'
                    'Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n'
                    '  File "b.py", line 2 in g\n')  # fmt: skip
    assert read_stack(path) == ('Fatal Python error: Aborted\nFile "b.py", line 2 in g', True)
