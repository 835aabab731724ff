"""Whether the kernel has killed for want of memory, by the count that the control group keeps."""

from __future__ import annotations

from pathlib import Path

from autogen_vitals.crashes.patterns import compiled

_COUNT = r"(?m)^oom_kill (\d{1,18})$"


def oom_kills(root: Path = Path("/")) -> int | None:
    """How many processes of this control group the kernel has killed; ``None``: it cannot be known.

    Args:
        root: of the file system, for tests.
    """
    for path in _counters(root):
        found = compiled(_COUNT).search(_content(path))
        if found is not None:
            return int(found[1])
    return None


def _counters(root: Path) -> list[Path]:
    mount = root / "sys/fs/cgroup"
    paths: list[Path] = []
    for line in _content(root / "proc/self/cgroup").splitlines():
        # "4:memory:/group" in version 1, "0::/group" in version 2.
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if not controllers:
            paths.append(mount / group.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            paths.append(mount / "memory" / group.lstrip("/") / "memory.oom_control")
    # In a container its own group may be the root of all that it sees, whatever it is called outside. The root of all
    # groups has no count in version 2.
    return [*paths, mount / "memory.events", mount / "memory/memory.oom_control"]


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


class OomWatch:
    """Notices that the count has risen since it was made."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._accounted = oom_kills(root)

    def rose(self) -> bool:
        """Whether it has risen. One kill is answered for once: it is not the end of two processes."""
        now = oom_kills(self._root)
        if now is None or self._accounted is None or now <= self._accounted:
            return False
        self._accounted += 1
        return True
