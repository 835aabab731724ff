"""The phase of the process's life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autogen_vitals.lifecycle.phases import Phases


def all_phases(phases: Phases) -> dict[str, str]:
    return {
        "importing": phases.phase(in_request=False, importing=True),
        "in a request": phases.phase(in_request=True, importing=False),
        "importing in a request": phases.phase(in_request=True, importing=True),
        "otherwise": phases.phase(in_request=False, importing=False),
    }


NEW = {
    "importing": "import",
    "in a request": "request",
    "importing in a request": "request",
    "otherwise": "startup",
}


def test_a_new_process_starts_up() -> None:
    """What is imported is import, what is asked for is request, the rest is startup."""
    assert all_phases(Phases()) == NEW


def test_while_a_server_starts_nothing_is_a_request() -> None:
    """A warm-up run in a lifespan belongs to the start-up."""
    phases = Phases()
    phases.begin_starting()
    assert all_phases(phases) == {**NEW, "in a request": "startup", "importing in a request": "import"}


def test_a_run_while_the_server_starts_does_not_make_it_ready() -> None:
    """Only the server, or a request it serves, says that it is ready."""
    phases = Phases()
    phases.begin_starting()
    phases.first_request()
    assert phases.ready is False
    phases.become_ready()
    assert (phases.starting, phases.ready) == (False, True)
    assert all_phases(phases) == {**NEW, "otherwise": "background"}


def test_without_a_server_the_first_request_makes_it_ready() -> None:
    """A script is ready when it first runs something."""
    phases = Phases()
    phases.first_request()
    assert all_phases(phases) == {**NEW, "otherwise": "background"}


@pytest.mark.parametrize("before", [Phases.begin_starting, Phases.become_ready, Phases.first_request])
def test_draining_is_draining(before: Callable[[Phases], None]) -> None:
    """Whatever was before, and whatever is going on."""
    phases = Phases()
    before(phases)
    phases.draining = True
    assert set(all_phases(phases).values()) == {"draining"}


def test_a_server_may_start_again() -> None:
    """As test clients do in one process: a new start-up, no draining any more."""
    phases = Phases()
    phases.become_ready()
    phases.draining = True
    phases.begin_starting()
    assert phases.phase(in_request=False, importing=False) == "startup"
    phases.become_ready()
    assert phases.phase(in_request=False, importing=False) == "background"


def test_a_forked_child_starts_anew(in_fork: Callable[..., Any]) -> None:
    """A worker forked by a master that is ready, or drains, starts up."""
    phases = Phases()
    phases.become_ready()
    phases.draining = True
    assert in_fork(lambda: all_phases(phases)) == NEW
    assert phases.draining is True
