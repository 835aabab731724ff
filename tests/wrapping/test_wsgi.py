"""Wrapped WSGI applications: servers get what they would get without us; a request lasts until its body is closed."""

from __future__ import annotations

import gc
import io
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from autogen_vitals.wrapping.proxy import Wrapper
from autogen_vitals.wrapping.wsgi import wsgi_call

on_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps the wrapper's frame")


class Body:
    """A body with all that a server may use of it."""

    def __init__(self, items: Iterable[bytes], seen: Callable[[], object], fails: str = "") -> None:
        self._items = iter(items)
        self._seen = seen
        self._fails = fails
        self.closed = 0
        self.status = "of the framework's own"

    def _do(self, what: str) -> None:
        self._seen()
        if self._fails == what:
            raise LookupError(what)

    def __iter__(self) -> Iterator[bytes]:
        self._do("iter")
        return self

    def __next__(self) -> bytes:
        self._do("next")
        return next(self._items)

    def close(self) -> None:
        self.closed += 1
        self._do("close")


@pytest.fixture
def seen(watch: Any) -> list[Any]:
    """The observations that the application's code saw to be current."""
    return []


@pytest.fixture
def application(watch: Any) -> Callable[[Callable[[Any, Any], Any]], Any]:
    """Makes an application of a function, wrapped."""

    def make(function: Callable[[Any, Any], Any]) -> Any:
        class Application:
            def __call__(self, environ: Any, start_response: Any) -> Any:
                return function(environ, start_response)

        Application.__call__ = Wrapper(Application.__call__, wsgi_call(watch))  # type: ignore[method-assign]
        return Application()

    return make


def respond(start_response: Any, *headers: tuple[str, str]) -> Any:
    return start_response("200 OK", [("Content-Type", "text/plain"), *headers])


def serve(app: Any) -> bytes:
    """One request by the standard library's server, without a socket; the whole answer."""
    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    output = io.BytesIO()

    class Handler(SimpleHandler):
        def log_exception(self, exc_info: Any) -> None:
            raise AssertionError from exc_info[1]

    Handler(io.BytesIO(), output, io.StringIO(), environ).run(app)
    return output.getvalue()


@pytest.mark.parametrize("kind", ["list", "generator", "body", "iterator", "sequence"])
def test_a_server_sends_the_same(kind: str, application: Any, watch: Any) -> None:
    """Byte by byte, the headers that it makes from the body's length included."""

    def answer(environ: Any, start_response: Any) -> Any:
        respond(start_response)
        return {
            "list": lambda: [b"one"],
            "generator": lambda: (item for item in (b"one", b"two")),
            "body": lambda: Body([b"one", b"two"], lambda: None),
            "iterator": lambda: iter([b"one"]),
            "sequence": lambda: Sequence(b"one", b"two"),
        }[kind]()

    bare = serve(answer)
    assert serve(application(answer)) == bare
    assert b"one" in bare
    assert watch.only.error is None


class Sequence:
    """Iterated by the protocol that has no iterator."""

    def __init__(self, *items: bytes) -> None:
        self._items = items

    def __getitem__(self, index: int) -> bytes:
        return self._items[index]


def test_the_contract_holds(application: Any, watch: Any) -> None:
    """As the standard library's validator understands it, with it on either side."""

    def answer(environ: Any, start_response: Any) -> Any:
        respond(start_response)
        return iter([b"one", b"two"])

    assert serve(validator(application(validator(answer)))).endswith(b"one" + b"two")
    assert watch.only.error is None


def test_the_body_belongs_to_the_request(application: Any, watch: Any, seen: list[Any]) -> None:
    """It is current while the body is asked for an item, and for its end, and not in between; its close() ends it."""
    body = Body([b"one", b"two"], lambda: seen.append(watch.current))
    app = application(lambda environ, start_response: body)
    answer = app({}, respond)
    assert watch.observed[0].told[-1] == "leave"
    for _ in answer:
        assert watch.current is None
    assert watch.observed[0].told[-1] == "leave"
    answer.close()
    assert set(seen) == {watch.only}
    assert len(seen) == 5, "iter, three times next, close"
    assert body.closed == 1
    assert watch.current is None


def test_a_body_looks_as_it_did(application: Any) -> None:
    """To who asks what it is, and for what is the framework's own."""
    body = Body([b"one"], lambda: None)
    answer = application(lambda environ, start_response: body)({}, respond)
    assert isinstance(answer, Body)
    assert answer.status == "of the framework's own"
    answer.status = "changed"
    assert body.status == "changed"
    assert next(iter(answer)) == b"one"
    answer.close()


def test_next_works_without_iter(application: Any, watch: Any) -> None:
    """Middleware looks at the first item so."""
    answer = application(lambda environ, start_response: (item for item in (b"one", b"two")))({}, respond)
    assert (next(answer), list(answer)) == (b"one", [b"two"])
    answer.close()
    assert watch.only.error is None


def test_a_file_stays_the_server_s(application: Any, watch: Any) -> None:
    """Which recognises its wrapper, and sends the file itself."""

    def answer(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"content"))

    given = application(answer)({"wsgi.file_wrapper": FileWrapper}, lambda *_: None)
    assert type(given) is FileWrapper
    assert watch.only.error is None
    assert serve(application(answer)).endswith(b"content")


def test_write_is_the_server_s(application: Any, watch: Any) -> None:
    """What start_response returns is handed on."""

    def answer(environ: Any, start_response: Any) -> Any:
        write = respond(start_response)
        write(b"written ")
        return [b"returned"]

    assert serve(application(answer)).endswith(b"written returned")
    assert watch.only.error is None


def test_a_body_without_close_ends_too(application: Any, watch: Any) -> None:
    """A server that finds one calls it."""
    answer = application(lambda environ, start_response: Sequence(b"one"))({}, respond)
    assert list(answer) == [b"one"]
    answer.close()
    assert watch.only.error is None


@pytest.mark.parametrize("place", ["call", "iter", "next", "close"])
def test_exceptions_pass(place: str, application: Any, watch: Any) -> None:
    """Wherever they come from; the request has failed with them, once."""

    def answer(environ: Any, start_response: Any) -> Any:
        if place == "call":
            raise LookupError(place)
        return Body([b"one"], lambda: None, place)

    app = application(answer)

    def as_a_server_does() -> None:
        given = app({}, respond)
        try:
            list(given)
        finally:
            given.close()

    with pytest.raises(LookupError, match=place) as raised:
        as_a_server_does()
    assert watch.only.error is raised.value


@on_3_11
def test_tracebacks_are_the_application_s(application: Any) -> None:
    """No frame of ours is in them."""
    app = application(lambda environ, start_response: Body([b"one"], lambda: None, "next"))
    answer = app({}, respond)
    with pytest.raises(LookupError) as raised:
        for _ in answer:
            pass
    files = {frame.filename for frame in traceback.extract_tb(raised.value.__traceback__)}
    assert files == {__file__}
    answer.close()


def test_a_dropped_body_is_abandoned(application: Any, watch: Any) -> None:
    """A server that does not close it."""
    answer = application(lambda environ, start_response: Body([b"one"], lambda: None))({}, respond)
    assert next(iter(answer)) == b"one"
    del answer
    gc.collect()
    assert watch.only.told[-1] == "abandon"


def test_what_is_not_observed_is_what_it_was(application: Any, watch: Any) -> None:
    """Inside of another request, or switched off."""
    watch.declines = True
    body = Body([b"one"], lambda: None)
    assert application(lambda environ, start_response: body)({}, respond) is body


def test_an_application_that_is_called_oddly_is_called(application: Any, watch: Any) -> None:
    """By names; and without an environ its answer is its answer."""
    body = Body([b"one"], lambda: None)
    app = application(lambda environ, start_response: body)
    assert isinstance(app(environ={}, start_response=respond), Body)
    assert app(None, respond) is body
