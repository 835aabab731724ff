"""CPU that the process was not given: found wherever a kernel or a container shows it, and never guessed."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.lifecycle import throttling
from autogen_vitals.lifecycle.throttling import Pulse, throttled_ns, throttled_since, waited_ns

V2 = "usage_usec 900\nnr_periods 5\nnr_throttled 2\nthrottled_usec {}\n"
V1 = "nr_periods 5\nnr_throttled 2\nthrottled_time {}\n"
MS = 1_000_000


def machine(tmp_path: Path, membership: str, files: dict[str, str]) -> tuple[str, str]:
    """A made-up /proc and /sys/fs/cgroup."""
    for name, content in {"proc/self/cgroup": membership, **files}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return str(tmp_path / "proc"), str(tmp_path / "cgroup")


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/app.slice/web\n", {"cgroup/app.slice/web/cpu.stat": V2.format(7)}, 7_000),
        ("0::/\n", {"cgroup/cpu.stat": V2.format(8)}, 8_000),
        ("0::/docker/abc\n", {"cgroup/cpu.stat": V2.format(9)}, 9_000),
        ("0::/../../other\n", {"cgroup/cpu.stat": V2.format(10)}, 10_000),
        ("0::/a/b\n", {"cgroup/a/b/cpu.stat": "usage_usec 1\n", "cgroup/a/cpu.stat": V2.format(11)}, 11_000),
        ("0::/a:b\n", {"cgroup/a:b/cpu.stat": V2.format(12)}, 12_000),
        ("4:cpu,cpuacct:/x\n0::/x\n", {"cgroup/cpu,cpuacct/x/cpu.stat": V1.format(13)}, 13),
        ("4:cpuacct,cpu:/x\n", {"cgroup/cpu/x/cpu.stat": V1.format(14)}, 14),
        ("4:cpu:/docker/abc\n", {"cgroup/cpu/cpu.stat": V1.format(15)}, 15),
        ("2:cpuset:/\n1:cpu:/\n", {"cgroup/cpuset/cpu.stat": V1.format(1), "cgroup/cpu/cpu.stat": V1.format(16)}, 16),
        ("0::/\n", {"cgroup/cpu.stat": "usage_usec 900\n"}, None),
        ("0::/\n", {"cgroup/cpu.stat": "throttled_usec many\n"}, None),
        ("0::/\n", {}, None),
        ("nonsense\n", {"cgroup/cpu.stat": V2.format(1)}, None),
    ],
    ids=[
        "v2", "v2-root", "container-sees-itself-as-root", "outside-its-namespace", "the-nearest-that-counts", "colon",
        "v1", "v1-mounted-as-cpu", "v1-container", "v1-not-cpuset", "no-quota", "not-a-number", "no-file", "nonsense",
    ],
)  # fmt: skip
def test_the_throttled_time_is_found(
    membership: str, files: dict[str, str], expected: int | None, tmp_path: Path
) -> None:
    """In either version of cgroups, on a host and in a container; in nanoseconds."""
    assert throttled_ns(*machine(tmp_path, membership, files)) == expected


def test_without_proc_there_is_no_answer(tmp_path: Path) -> None:
    """Another system than Linux."""
    assert throttled_ns(str(tmp_path / "proc"), str(tmp_path)) is None
    assert waited_ns(1, str(tmp_path)) is None


def test_it_is_read_anew(tmp_path: Path) -> None:
    """The file is looked for once, what is in it read each time; one that is gone says nothing."""
    roots = machine(tmp_path, "0::/\n", {"cgroup/cpu.stat": V2.format(1)})
    assert throttled_ns(*roots) == 1_000
    (tmp_path / "cgroup/cpu.stat").write_text(V2.format(2))
    assert throttled_ns(*roots) == 2_000
    (tmp_path / "cgroup/cpu.stat").unlink()
    assert throttled_ns(*roots) is None


@pytest.mark.parametrize(("content", "expected"), [("100 25 3\n", 25), ("0 0 0\n", None), ("", None), ("a b c", None)])
def test_the_wait_for_a_cpu(content: str, expected: int | None, tmp_path: Path) -> None:
    """The second number; a kernel that says 0 for a thread that has run does not count."""
    proc, _ = machine(tmp_path, "", {"proc/self/task/42/schedstat": content})
    assert waited_ns(42, proc) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_this_machine_s_own_files_can_be_read() -> None:
    """Whatever they say, it is a count or nothing."""
    for answer in (throttled_ns(), waited_ns(threading.get_native_id())):
        assert answer is None or answer >= 0


@pytest.mark.parametrize(("earlier", "now", "expected"), [(5, 8, 3), (None, 8, 0), (5, None, 0), (8, 5, 0)])
def test_what_is_unknown_is_no_throttling(
    earlier: int | None, now: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a count that fell, because the process was moved, is not negative."""
    monkeypatch.setattr(throttling, "throttled_ns", lambda: now)
    assert throttled_since(earlier) == expected


@pytest.fixture
def cpu(clock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock of the process's CPU time that is moved by hand, as ``clock`` is; no cgroup."""
    cpu = type(clock)()
    monkeypatch.setattr(time, "process_time_ns", lambda: cpu.now)
    monkeypatch.setattr(throttling, "throttled_ns", lambda: None)
    return cpu


@pytest.mark.parametrize("woke_first", [True, False], ids=["we-woke-first", "the-loop-woke-first"])
@pytest.mark.parametrize(
    ("spent_ms", "throttled_ms", "busy"), [(400, 0, True), (100, 0, False), (100, 300, True), (0, 0, False)]
)
def test_a_stall_is_one_of_the_process_s_own_making(
    clock: Any, cpu: Any, spent_ms: int, throttled_ms: int, busy: bool, woke_first: bool
) -> None:
    """It had the CPU or used up its quota for half of the time; otherwise the machine slept, or others had the CPU."""
    pulse = Pulse(200 * MS)
    since = clock.now + 30 * MS
    clock.move(500 * MS)
    cpu.move(spent_ms * MS)
    if woke_first:
        pulse.beat()
    assert pulse.was_busy(since, throttled_ms * MS) is busy


def test_without_a_stall_nothing_is_said(clock: Any, cpu: Any) -> None:
    """Whoever was late while the pulse went on was late for another reason."""
    pulse = Pulse(200 * MS)
    since = clock.now
    for _ in range(10):
        clock.move(50 * MS)
        cpu.move(50 * MS)
        pulse.beat()
    assert not pulse.was_busy(since, 500 * MS)


def test_an_old_stall_explains_nothing_new(clock: Any, cpu: Any) -> None:
    """Nor does the time before the pulse began again."""
    pulse = Pulse(200 * MS)
    clock.move(500 * MS)
    cpu.move(500 * MS)
    pulse.beat()
    clock.move(10 * MS)
    since = clock.now
    clock.move(150 * MS)
    pulse.beat()
    clock.move(100 * MS)
    assert not pulse.was_busy(since, 0)


def test_throttling_is_read_ten_times_a_second(clock: Any, cpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the pulse beats."""
    reads: list[int] = []
    monkeypatch.setattr(throttling, "throttled_ns", lambda: reads.append(clock.now) or len(reads))
    clock.move(1_000 * MS)
    pulse = Pulse(200 * MS)
    for _ in range(100):
        clock.move(10 * MS)
        pulse.beat()
    assert len(reads) == pulse.throttled == 10
