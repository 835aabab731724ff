"""Requests as events: told to whoever asks for them, by a name that is one for many."""

from __future__ import annotations

import logging
import time

import pytest
from observed import Vitals, assert_events_in_the_catalogue, event_name

from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.telemetry.events import route_of


def a_request(**facts: object) -> Request:
    request = Request(process.facts.pid, time.perf_counter_ns() - 2_000_000_000, used=True, **facts)  # type: ignore[arg-type]
    request.duration_ns = 1_500_000_000
    return request


def test_each_request_is_told_of_where_that_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    """With what it paid; dated to its beginning."""
    vitals = Vitals()
    request = a_request(asked=("GET", "/chats/17"), is_served=True)
    request.init_count, request.init_ns, request.connect_count, request.error = 2, 30_000_000, 1, "ValueError"
    with caplog.at_level(logging.DEBUG, logger="autogen_vitals"):
        vitals.sink().request_ended(request)
    (record,) = vitals.events()
    assert_events_in_the_catalogue([record])
    assert (event_name(record), record.severity_text) == ("autogen.request", "DEBUG")
    told = record.attributes
    assert told["autogen.request.name"] == "GET /chats/{id}"
    assert told["autogen.start.type"] == "reconnect"
    assert told["autogen.request.duration"] == 1.5
    assert (told["autogen.request.init.count"], told["autogen.request.init.duration"]) == (2, 0.03)
    assert (told["autogen.request.connect.count"], told["error.type"]) == (1, "ValueError")
    assert 1.9e9 < time.time_ns() - record.timestamp < 60e9


def test_nobody_is_told_otherwise() -> None:
    """In production there is a histogram, and no record of each request."""
    vitals = Vitals()
    vitals.sink().request_ended(a_request(asked=("GET", "/chats/17")))
    assert vitals.events() == []


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (a_request(name="nightly-report", asked=("GET", "/x")), "nightly-report"),
        (a_request(asked=("", "shop.tasks.answer")), "shop.tasks.answer"),
        (a_request(asked=("POST", "/ask")), "POST /ask"),
        (a_request(), None),
    ],
    ids=["given", "task", "HTTP", "not known"],
)
def test_it_is_told_by_its_name(request_: Request, name: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """The user's own name first."""
    vitals = Vitals()
    with caplog.at_level(logging.DEBUG, logger="autogen_vitals"):
        vitals.sink().request_ended(request_)
    (record,) = vitals.events()
    assert record.attributes.get("autogen.request.name") == name


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/ask-now", "/ask-now"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/chats/17/messages", "/chats/{id}/messages"),
        ("/chats/0b6f1c1e-8f6a-4a53-9a35-0c8d9f4b1a77", "/chats/{id}"),
        ("/t/sk-abcdef0123456789", "/t/{id}"),
        ("/t/abcdefghijklmnopqrstuvwxyzabcdefghij", "/t/{id}"),
        ("", ""),
    ],
)
def test_a_path_is_one_for_all_ids(path: str, route: str) -> None:
    """What stands for the route: neither an id nor a token is in it."""
    assert route_of(path) == route


def test_a_path_is_bounded() -> None:
    """However long it is."""
    assert len(route_of("/a" * 5000)) <= 200
