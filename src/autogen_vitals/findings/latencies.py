"""What two rules have in common: they compare the first request of a process with those that paid nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autogen_vitals.findings.rule import Rule, Surroundings

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.requests import Request


class ComparesLatencies(Rule):
    """Judges once in a process, when ``enough`` warm requests have been served after the cold one.

    Neither failed requests count nor sessions, which last as long as somebody stays. Keeps the durations until then.

    Attributes:
        enough: how many warm requests it takes.
    """

    enough: ClassVar[int]
    served_only = True

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._cold_ns = 0
        self._warm_ns: list[int] = []
        self._has_judged = False

    def request_ended(self, request: Request) -> Finding | None:
        """Keep its duration; judge, if there are enough."""
        if self._has_judged or request.is_session or request.error is not None:
            return None
        start = request.start_type
        if start == "cold":
            self._cold_ns = request.duration_ns
        elif start == "warm" and self._cold_ns:
            self._warm_ns.append(request.duration_ns)
            if len(self._warm_ns) >= self.enough:
                self._has_judged = True
                warm_ns = sorted(self._warm_ns)
                return self.judge(self._cold_ns, warm_ns[len(warm_ns) // 2], len(warm_ns))
        return None

    def judge(self, cold_ns: int, warm_ns: int, count: int) -> Finding | None:
        """What it means that the cold request took so long, and half of the warm ones no longer than that."""
        raise NotImplementedError
