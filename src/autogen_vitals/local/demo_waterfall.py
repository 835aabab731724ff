"""The demo's cold starts, in the terminal: a waterfall of stages for each worker, and what the first request took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from autogen_vitals.local.demo_startup import ColdStart, ColdStarts
from autogen_vitals.vocabulary import STARTUP_STAGES, StartupStage

_LABEL = 16
_NUMBERS = 12
_GAP = 2
_SHORTEST_BAR, _LONGEST_BAR = 14, 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_ASCII_BAR = "#"
_COLOURS: dict[StartupStage, str] = {"warm_up": "green", "model_wait": "bright_black", "model_stream": "bright_black"}
_LEGEND = (
    "spawn: until this package was loaded. instrumentation: OpenTelemetry, this package included. imports and gc "
    "(garbage collections): the first request's too. warm_up: what only a first model call does. slowest imports: of "
    "any stage, each without the others."
)


def show_cold_starts(as_it_is: ColdStarts, warmed_up: ColdStarts, console: Console) -> None:
    """Print the waterfalls of the app without and with ``warm_up``, and what that comes to."""
    # One scale for all: a bar that is longer took longer.
    longest_ms = max((worker.total_ms for worker in (*as_it_is.workers, *warmed_up.workers)), default=0.0)
    for heading, starts in (
        ("Cold start without warm_up", as_it_is),
        ("Cold start with warm_up in the lifespan", warmed_up),
    ):
        if starts.workers:
            console.print()
            console.print(Text(heading, style="bold"))
            for line in _waterfall(starts.workers, longest_ms, console):
                console.print(line, no_wrap=True, overflow="ignore", crop=False)
    if longest_ms:
        console.print()
        console.print(Text(_LEGEND, style="dim"))
    if as_it_is.workers and warmed_up.workers:
        console.print()
        console.print(Panel(comparison(as_it_is, warmed_up), title="First request", border_style="green"))


def comparison(as_it_is: ColdStarts, warmed_up: ColdStarts) -> str:
    """What a worker's first request takes without and with ``warm_up``, against a warm one, and what that costs."""
    warm = (*as_it_is.warm_ms, *warmed_up.warm_ms)
    warm_up = [worker.warm_up_ms for worker in warmed_up.workers if worker.warm_up_ms is not None]
    text = (
        f"The first request of a worker took {_listed(worker.request_ms for worker in as_it_is.workers)} without "
        f"warm_up, {_listed(worker.request_ms for worker in warmed_up.workers)} with it"
    )
    if warm:
        text += f"; a warm request takes {median(warm):,.0f} ms (median of {len(warm)})"
    text += ". The wait for the model is in all of them."
    if warm_up:
        text += f" warm_up itself took {_listed(warm_up)}, before the worker was ready."
    return text


def _listed(milliseconds: Iterable[float]) -> str:
    *others, last = [f"{ms:,.0f}" for ms in milliseconds]
    return f"{', '.join(others)} and {last} ms" if others else f"{last} ms"


def _waterfall(workers: Sequence[ColdStart], longest_ms: float, console: Console) -> Iterator[Text]:
    """Workers side by side as far as there is room, else beneath each other."""
    room = console.width - _LABEL
    side_by_side = max(1, min(len(workers), room // (_GAP + _SHORTEST_BAR + _NUMBERS)))
    bar = max(_SHORTEST_BAR, min(_LONGEST_BAR, room // side_by_side - _GAP - _NUMBERS))
    for first in range(0, len(workers), side_by_side):
        if first:
            yield Text()
        columns = [
            _Column(worker, bar, longest_ms, ascii_only=console.options.ascii_only)
            for worker in workers[first : first + side_by_side]
        ]
        yield _line("", [column.heading() for column in columns])
        for group, stages in (
            ("until ready", [column.worker.until_ready for column in columns]),
            ("first request", [column.worker.in_request for column in columns]),
        ):
            yield Text(group, style="dim")
            for stage in _in_order(stages):
                cells = [column.stage(stage, taken.get(stage)) for column, taken in zip(columns, stages, strict=True)]
                yield _line(f" {stage}", cells)
        yield _line("total", [column.number(column.worker.total_ms) for column in columns], style="bold")
        yield _line("idle (left out)", [column.number(column.worker.idle_ms) for column in columns], style="dim")
        for rank in range(max(len(column.worker.imports) for column in columns)):
            yield _line("" if rank else "slowest imports", [column.slowest_import(rank) for column in columns])


def _in_order(groups: Sequence[Mapping[StartupStage, float]]) -> Sequence[StartupStage]:
    """The stages that any of the workers has."""
    stages: list[StartupStage] = [stage for stage in STARTUP_STAGES if any(stage in group for group in groups)]
    # What the others are subtracted from comes after them.
    return sorted(stages, key=lambda stage: stage == "ready")


class _Column:
    """The cells of one worker, from top to bottom: a bar begins where the one above it ends."""

    def __init__(self, worker: ColdStart, bar: int, longest_ms: float, *, ascii_only: bool) -> None:
        self.worker = worker
        self._bar = bar
        self._ascii_only = ascii_only
        self._cells_per_ms = bar / longest_ms
        self._before_ms = 0.0

    def heading(self) -> Text:
        return self._cell(f"worker {self.worker.pid}", "ms", "%", style="bold")

    def stage(self, stage: StartupStage, ms: float | None) -> Text:
        if ms is None:
            return self._cell()
        begin = min(self._bar - 1, round(self._before_ms * self._cells_per_ms))
        self._before_ms += ms
        bar = " " * begin + self._block(ms * self._cells_per_ms, self._bar - begin)
        cell = self._cell(bar, _milliseconds(ms), f"{ms / self.worker.total_ms:.0%}")
        cell.stylize(_COLOURS.get(stage, "blue"), _GAP, _GAP + self._bar)
        return cell

    def number(self, ms: float) -> Text:
        return self._cell(ms=_milliseconds(ms))

    def slowest_import(self, rank: int) -> Text:
        if rank >= len(self.worker.imports):
            return self._cell()
        name, ms = self.worker.imports[rank]
        return self._cell(name if len(name) <= self._bar else f"{name[: self._bar - 2]}..", _milliseconds(ms))

    def _cell(self, bar: str = "", ms: str = "", share: str = "", style: str = "") -> Text:
        return Text(f"{'':{_GAP}}{bar:{self._bar}} {ms:>6} {share:>4}", style=style)

    def _block(self, cells: float, room: int) -> str:
        """A bar ``cells`` long, in eighths of a cell where the output can show them."""
        if self._ascii_only:
            return _ASCII_BAR * min(room, max(1, round(cells)))
        whole, eighths = divmod(min(room * 8, max(1, round(cells * 8))), 8)
        return _EIGHTHS[8] * whole + _EIGHTHS[eighths]


def _line(label: str, cells: Sequence[Text], style: str = "") -> Text:
    line = Text(f"{label:{_LABEL}}", style=style).append_text(Text().join(cells))
    line.rstrip()
    return line


def _milliseconds(ms: float) -> str:
    return "<1" if 0 < ms < 0.5 else f"{ms:,.0f}"
