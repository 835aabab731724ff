"""From an exception to its category."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from autogen_vitals.crashes.categories import ROWS, Row
from autogen_vitals.crashes.chain import Link, links
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.guard import guarded
from autogen_vitals.vocabulary import Category


class Recognised(NamedTuple):
    """Why an exception is of a category.

    Attributes:
        row: of the table, the one that held.
        link: of its chain, the one that it held of.
    """

    row: Row
    link: Link


class _Candidate(NamedTuple):
    position: int
    package: str
    row: Row


def _by_name() -> dict[str, list[_Candidate]]:
    found: dict[str, list[_Candidate]] = {}
    for position, row in enumerate(ROWS):
        for qualified in row.classes:
            package, _, name = qualified.rpartition(".")
            found.setdefault(name, []).append(_Candidate(position, package, row))
    return found


_BY_NAME = _by_name()
_BY_ENDING = {name[1:]: candidates for name, candidates in _BY_NAME.items() if name.startswith("*")}


def classify(error: BaseException, *, in_init: bool = False) -> Category:
    """What ``error`` means; ``other`` where it is not sure. Never raises.

    What it was explicitly raised from explains it before what was merely being handled at the time.

    Args:
        error: what ended a boot, an init, a request or a run.
        in_init: it ended an init. What a constructor refuses is its configuration; elsewhere the same exception may be
            about a model's reply.
    """
    recognised = recognise(error, in_init=in_init)
    return "other" if recognised is None else recognised.row.category


@guarded
def recognise(error: BaseException, *, in_init: bool = False) -> Recognised | None:
    """As ``classify``, with its reason; ``None`` where it is not sure. Never raises."""
    chain = list(links(error))
    return _first(chain, in_init, explicit=True) or _first(chain, in_init, explicit=False)


def _first(chain: Iterable[Link], in_init: bool, *, explicit: bool) -> Recognised | None:
    # By row, then by nearness: the reason may be deep, what it looks like from outside is on top.
    found = [
        (position, depth, row, link)
        for depth, link in enumerate(chain)
        if link.explicit is explicit
        for position, row in _candidates(link)
    ]
    found.sort(key=lambda candidate: candidate[:2])
    for _, _, row, link in found:
        if _holds(row, link, in_init):
            return Recognised(row, link)
    return None


def _candidates(link: Link) -> Iterable[tuple[int, Row]]:
    found: dict[int, Row] = {}
    for package, name in link.names:
        for candidate in _BY_NAME.get(name, ()):
            if candidate.package in ("", package) or not package:
                found[candidate.position] = candidate.row
    for ending, candidates in _BY_ENDING.items():
        if any(name.endswith(ending) for _, name in link.names):
            found.update((candidate.position, candidate.row) for candidate in candidates)
    return found.items()


def _holds(row: Row, link: Link, in_init: bool) -> bool:
    if (row.in_init and not in_init) or (row.where == "outermost" and not link.outermost):
        return False
    if not link.explicit and row.where != "contexts":
        return False
    if row.message is not None and compiled(row.message).search(link.text) is None:
        return False
    return row.check is None or row.check(link)
