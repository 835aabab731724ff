"""What the start of a process costs until it is ready, in parts: one line of JSON.

    python -m bench.probes.start SUBJECT (with|without)
    opentelemetry-instrument python -m bench.probes.start zero-code (with|without)

With AutoGen or without. CPU time since the process was made, milliseconds; memory, MB.
"""

from __future__ import annotations

import sys
import time


def cpu_ms() -> float:
    """Of this process so far, the interpreter's own start included."""
    return 1e3 * time.process_time()


def resident_mb() -> float:
    """Memory of this process."""
    with open("/proc/self/status", encoding="ascii") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


def main() -> None:
    """Enable as told, import AutoGen as told, and say when ready."""
    subject, which = sys.argv[1:]
    found: dict[str, float] = {"begun": cpu_ms()}
    if subject != "zero-code":
        from bench import enabling

        enabling.export_by_otlp()
        with enabling.on_stderr():
            if subject not in enabling.OWN_SDK:
                enabling.set_up_sdk("batch")
            before = cpu_ms()
            enable = enabling.IMPORTS[subject]()
            imported = cpu_ms()
            enable()
        found |= {"import": imported - before, "enable": cpu_ms() - imported, "before": before}
    found["autogen_at_enabling"] = float(any(name.startswith("autogen_agentchat") for name in sys.modules))
    if which == "with":
        before = cpu_ms()
        from bench.workload import Workload

        found["autogen"] = cpu_ms() - before
        Workload()
    found |= {"ready": cpu_ms(), "rss": resident_mb()}
    # Only now: it is not an application's.
    from bench.timing import tell

    tell(found)


if __name__ == "__main__":
    main()
