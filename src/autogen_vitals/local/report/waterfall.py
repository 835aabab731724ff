"""Cold starts in the terminal: a waterfall of stages for each process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from autogen_vitals.local.report.model import ColdStart
from autogen_vitals.vocabulary import STARTUP_STAGES, StartupStage

LEGEND = (
    "spawn: until this package was loaded. instrumentation: OpenTelemetry, this package included. imports and gc "
    "(garbage collections): the first request's too. warm_up: what only a first model call does. slowest imports: of "
    "any stage, each without the others."
)

_LABEL = 16
_NUMBERS = 12
_GAP = 2
_SHORTEST_BAR, _LONGEST_BAR = 14, 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_ASCII_BAR = "#"
_IMPORTS = 3
_COLOURS: dict[StartupStage, str] = {"warm_up": "green", "model_wait": "bright_black", "model_stream": "bright_black"}


def print_waterfall(workers: Sequence[ColdStart], longest_ms: float, console: Console) -> None:
    """Print cold starts; a bar as long as there is room stands for ``longest_ms``."""
    for line in _lines(workers, longest_ms or 1.0, console):
        console.print(line, no_wrap=True, overflow="ignore", crop=False)


def _lines(workers: Sequence[ColdStart], longest_ms: float, console: Console) -> Iterator[Text]:
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
            if any(stages):
                yield Text(group, style="dim")
            for stage in _in_order(stages):
                cells = [column.stage(stage, taken.get(stage)) for column, taken in zip(columns, stages, strict=True)]
                yield _line(f" {stage}", cells)
        yield _line("total", [column.number(column.worker.total_ms) for column in columns], style="bold")
        yield _line("idle (left out)", [column.number(column.worker.idle_ms) for column in columns], style="dim")
        for rank in range(min(_IMPORTS, max(len(column.worker.imports) for column in columns))):
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
        cell = self._cell(bar, _milliseconds(ms), f"{ms / (self.worker.total_ms or ms):.0%}")
        cell.stylize(_COLOURS.get(stage, "blue"), _GAP, _GAP + self._bar)
        return cell

    def number(self, ms: float) -> Text:
        return self._cell(ms=_milliseconds(ms))

    def slowest_import(self, rank: int) -> Text:
        if rank >= len(self.worker.imports):
            return self._cell()
        name = self.worker.imports[rank].name
        short = name if len(name) <= self._bar else f"{name[: self._bar - 2]}.."
        return self._cell(short, _milliseconds(self.worker.imports[rank].self_ms))

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
