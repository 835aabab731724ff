"""Whether memory ran out is known by the kernel's count, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogen_vitals.crashes.memory import OomWatch, oom_kills

EVENTS = "low 0\nhigh 3\nmax 9\noom 5\noom_kill {}\noom_group_kill 0\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
WITHOUT = "oom_kill_disable 0\nunder_oom 0\n"
"""Of a kernel before 4.13."""
ONE = "4:memory:/group\n3:cpuset:/\n"
HYBRID = "1:name=systemd:/group\n4:cpu,memory:/group\n0::/unit\n"


def write(root: Path, path: str, text: str) -> None:
    """A file of the system's."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("group", "files", "count"),
    [
        ("0::/a/b\n", {"a/b/memory.events": EVENTS.format(2), "memory.events": EVENTS.format(7)}, 2),
        ("0::/\n", {"memory.events": EVENTS.format(3)}, 3),
        ("0::/../outside\n", {"memory.events": EVENTS.format(3)}, 3),
        ("0::/docker/1234\n", {"memory.events": EVENTS.format(4)}, 4),
        ("0::/a:b\n", {"a:b/memory.events": EVENTS.format(5)}, 5),
        (
            ONE,
            {"memory/group/memory.oom_control": CONTROL.format(6), "memory/memory.oom_control": CONTROL.format(9)},
            6,
        ),
        (ONE, {"memory/memory.oom_control": CONTROL.format(9)}, 9),
        (HYBRID, {"memory/group/memory.oom_control": CONTROL.format(1)}, 1),
        (None, {"memory.events": EVENTS.format(3)}, 3),
        (ONE, {"memory/group/memory.oom_control": WITHOUT}, None),
        ("0::/a\n", {}, None),
        ("0::/a\n", {"a/memory.events": "oom_kill many\n"}, None),
        ("0::/a\n", {"a/memory.events": ""}, None),
        ("no group at all\n\n:\n::\n", {}, None),
        (None, {}, None),
    ],
    ids=[
        "version 2",
        "a container's own namespace",
        "outside the namespace",
        "the host's name of a container",
        "a colon in the name",
        "version 1",
        "version 1 in a container",
        "both versions",
        "no group is said",
        "a kernel that does not count",
        "no count",
        "a count that is none",
        "empty",
        "nonsense",
        "no such system",
    ],
)
def test_the_count_is_that_of_the_own_group(
    tmp_path: Path, group: str | None, files: dict[str, str], count: int | None
) -> None:
    """Where it is known."""
    if group is not None:
        write(tmp_path, "proc/self/cgroup", group)
    for path, text in files.items():
        write(tmp_path, f"sys/fs/cgroup/{path}", text)
    assert oom_kills(tmp_path) == count


def test_one_kill_is_one_end(tmp_path: Path) -> None:
    """The second process that was killed at about the time was killed by somebody."""
    write(tmp_path, "sys/fs/cgroup/memory.events", EVENTS.format(5))
    watch = OomWatch(tmp_path)
    assert not watch.rose()
    write(tmp_path, "sys/fs/cgroup/memory.events", EVENTS.format(7))
    assert [watch.rose() for _ in range(3)] == [True, True, False]
    write(tmp_path, "sys/fs/cgroup/memory.events", EVENTS.format(8))
    assert [watch.rose() for _ in range(2)] == [True, False]


def test_what_cannot_be_known_has_not_risen(tmp_path: Path) -> None:
    """Nor what could not be compared, or has become less."""
    watch = OomWatch(tmp_path)
    write(tmp_path, "sys/fs/cgroup/memory.events", EVENTS.format(5))
    assert not watch.rose()
    watch = OomWatch(tmp_path)
    write(tmp_path, "sys/fs/cgroup/memory.events", EVENTS.format(1))
    assert not watch.rose()
    (tmp_path / "sys/fs/cgroup/memory.events").unlink()
    assert not watch.rose()


def test_this_system_is_read() -> None:
    """Whatever it is."""
    count = oom_kills()
    assert count is None or count >= 0
    OomWatch().rose()
