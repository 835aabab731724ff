"""The rows of a library's table as plans: which methods of which classes are wrapped, and what watches them."""

from __future__ import annotations

from collections.abc import Mapping

from autogen_vitals.hooks import Library
from autogen_vitals.hooks.tables import Component, Run, Source
from autogen_vitals.lifecycle.reading import Reader, argument, attribute, first, given
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.lifecycle.watches import Described, ForgetWatch, InitWatch, RunFacts, RunWatch
from autogen_vitals.vocabulary import ComponentKind
from autogen_vitals.wrapping.coverage import ClassPlan
from autogen_vitals.wrapping.watch import Watch


def class_plans(library: Library, tracker: Tracker) -> tuple[ClassPlan, ...]:
    """One for each of its components."""
    runs = {
        row.target: {run.method: _run_watch(run, row, library, tracker) for run in row.runs}
        for row in library.components
    }
    for row in library.components:
        own = runs[row.target]
        for method, watch in runs.get(row.refines or "", {}).items():
            if method in own:
                watch.refined[row.target] = own[method]
    return tuple(_plan(row, library, runs[row.target], tracker) for row in library.components)


def _plan(row: Component, library: Library, watches: Mapping[str, RunWatch], tracker: Tracker) -> ClassPlan:
    described = _described(row, row.kind, library)
    construct, start, restore = (InitWatch(tracker, described, stage) for stage in ("construct", "start", "restore"))
    inits = (row.starts, start), (row.restores, restore), (row.builds, construct)
    runs: dict[str, Watch] = {run.method: watches[run.method] for run in row.runs if not run.is_synchronous}
    return ClassPlan(
        row.target,
        constructor=construct,
        runs={**runs, **dict.fromkeys(row.forgets, ForgetWatch(tracker))},
        calls={run.method: watches[run.method] for run in row.runs if run.is_synchronous},
        starts={method: watch for methods, watch in inits for method in methods},
    )


def _run_watch(run: Run, row: Component, library: Library, tracker: Tracker) -> RunWatch:
    return RunWatch(tracker, _described(row, run.kind or row.kind, library), run.operation, _facts(run))


def _described(row: Component, kind: ComponentKind, library: Library) -> Described:
    return Described(
        kind,
        tuple(row.name.split(".")),
        library.providers,
        row.plumbing,
        _steps(row.provider),
        remembers=bool(row.forgets),
        folder=_steps(row.folder),
    )


def _facts(run: Run) -> RunFacts:
    return RunFacts(
        before=tuple((name, _reader(source)) for name, source in run.facts.items()),
        after=tuple((name, _paths(path)) for name, path in run.result.items()),
        failed=_steps(run.failed),
        succeeded=_steps(run.succeeded),
        cached=_steps(run.cached),
        of=None if run.of is None else given(run.of.keyword, run.of.position),
        is_synchronous=run.is_synchronous,
    )


def _reader(source: Source | tuple[Source, ...]) -> Reader:
    if isinstance(source, tuple):
        return first(tuple(_reader(one) for one in source))
    return attribute(source) if isinstance(source, str) else argument(source.keyword, source.position, source.path)


def _paths(paths: str | tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(path.split(".")) for path in ((paths,) if isinstance(paths, str) else paths))


def _steps(path: str | None) -> tuple[str, ...] | None:
    return None if path is None else tuple(path.split("."))
