"""The servers' table: what it names is there in the servers that are installed."""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import Any

import pytest

from autogen_vitals.hooks.servers import SERVERS
from autogen_vitals.hooks.tables import Boundary
from autogen_vitals.wrapping.importing import resolve, split_target

CALLS = [row.target for row in SERVERS.calls]
OTHERS = [
    *(row.target for row in (*SERVERS.boundaries, *SERVERS.signals, *SERVERS.failures)),
    *(target for row in SERVERS.tasks for target in (row.begins, row.ends, *row.answers)),
]
# Extras of gunicorn's, and a worker that its later versions do not have any more.
MAY_BE_MISSING = ("gevent", "eventlet", "gunicorn.workers.geventlet")


def _boundaries(protocol: str) -> list[Boundary]:
    return [row for row in SERVERS.boundaries if row.protocol == protocol]


@pytest.mark.parametrize("target", CALLS + OTHERS)
def test_every_target_exists(target: str) -> None:
    """A method that moved is noticed: a server would seem never to be ready, or never to end."""
    module, path = split_target(target)
    pytest.importorskip(module.partition(".")[0])
    try:
        imported = importlib.import_module(module)
    except (ImportError, RuntimeError) as error:
        # gunicorn raises a RuntimeError of its own where an extra is not installed.
        named = f"{getattr(error, 'name', '')} {error}"
        if any(name in named for name in MAY_BE_MISSING):
            pytest.skip(named)
        raise
    found = resolve(imported, path)
    assert found is not None, f"{target} is nowhere"
    assert callable(found[2]) or hasattr(found[2], "connect")


@pytest.mark.parametrize("module", [*SERVERS.services, *SERVERS.reapers])
def test_every_module_exists(module: str) -> None:
    """One that moved is noticed: no process of that server would be of interest, or none of its ends be seen."""
    pytest.importorskip(module.partition(".")[0])
    importlib.import_module(module)


@pytest.mark.parametrize("module", SERVERS.reapers)
def test_every_supervisor_waits_by_the_function_that_is_wrapped(module: str) -> None:
    """Looked up in ``os`` when it is called: who took it when it was imported would not be heard."""
    pytest.importorskip(module.partition(".")[0])
    source = inspect.getsource(importlib.import_module(module))
    assert "os.waitpid(" in source
    assert "from os import" not in source


def test_every_call_says_something() -> None:
    """A moment, or what its failure ends."""
    for row in SERVERS.calls:
        assert row.before or row.after or row.failed, row.target


def test_a_server_that_becomes_ready_says_so_before_it_waits() -> None:
    """A loop's call does not return while the server serves: "ready" after it would be the end."""
    for row in SERVERS.calls:
        if row.target.endswith((".run", ".serve_forever", ".workloop")) and row.failed is None:
            assert row.after is None, row.target
            assert row.before in ("ready", "becomes_fork_server", "becomes_supervisor"), row.target


@pytest.mark.parametrize("row", _boundaries("asgi"), ids=lambda row: row.target)
def test_every_asgi_application_is_called_with_scope_receive_send(row: Boundary) -> None:
    """And is a coroutine function: what is current while it runs is current for its application."""
    function = _function(row.target)
    assert inspect.iscoroutinefunction(function)
    assert list(inspect.signature(function).parameters)[1:4] == ["scope", "receive", "send"]


def test_a_scrape_is_no_request() -> None:
    """Prometheus' exporter, which is in every process, is served by the standard library's server."""
    assert not [target for target in OTHERS if target.startswith(("wsgiref", "http", "socketserver"))]


@pytest.mark.parametrize("row", _boundaries("wsgi"), ids=lambda row: row.target)
def test_every_wsgi_application_is_called_with_environ_start_response(row: Boundary) -> None:
    """By position, as servers do."""
    function = _function(row.target)
    assert not inspect.iscoroutinefunction(function)
    assert list(inspect.signature(function).parameters)[1:] == ["environ", "start_response"]


@pytest.mark.parametrize("row", _boundaries("server"), ids=lambda row: row.target)
def test_every_server_s_method_calls_the_application_and_closes_its_body(row: Boundary) -> None:
    """In one synchronous call: its return is the end of the request."""
    function = _function(row.target)
    assert not inspect.iscoroutinefunction(function)
    assert not inspect.isgeneratorfunction(function)
    source = inspect.getsource(sys.modules[function.__module__])
    assert ".close()" in source
    assert any(word in inspect.getsource(function) for word in ("self.wsgi(", "app(", "application("))


def _function(target: str) -> Any:
    module, path = split_target(target)
    pytest.importorskip(module.partition(".")[0])
    found = resolve(importlib.import_module(module), path)
    assert found is not None
    return inspect.unwrap(found[2])
