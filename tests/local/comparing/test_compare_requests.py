"""What a user may give as a request, and the words that are put into it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autogen_vitals.local.comparing.requests import Probe, RequestError, canaries_in, ids_in, parse_request


def test_a_request_is_a_method_a_path_and_maybe_a_body() -> None:
    """JSON is told from plain text, also where a word stands for a number."""
    assert str(parse_request("GET /ask?q={word}")) == "GET /ask?q={word}"
    post = parse_request('POST /chat {"q": "{word}", "number": {id}}')
    assert (post.method, post.path, post.body) == ("POST", "/chat", '{"q": "{word}", "number": {id}}')
    assert post.headers == (("content-type", "application/json"),)
    assert parse_request("POST /chat hello {word}").headers == (("content-type", "text/plain; charset=utf-8"),)


def test_words_are_put_where_their_places_are() -> None:
    """In the path as a URL has them, in body and headers as they are; braces that are no place stay."""
    probe = Probe(3)
    filled = parse_request('POST /a/{id}?q={word} {"q": "{word}", "other": {"x": "{y}"}}').filled(probe)
    assert filled.path == f"/a/{probe.id}?q=echo:{probe.id}%20canary:c{probe.id}"
    assert json.loads(filled.body) == {"q": f"echo:{probe.id} canary:c{probe.id}", "other": {"x": "{y}"}}


def test_it_is_known_which_places_there_are() -> None:
    """All of them, wherever they are; none is an answer too."""
    assert parse_request('POST /{id} {"q": "{canary}"}').places == {"id", "canary"}
    assert parse_request("GET /health").places == frozenset()


def test_a_file_says_the_same(tmp_path: Path) -> None:
    """With headers besides, and the content type that goes with JSON unless it has its own."""
    file = tmp_path / "ask.json"
    file.write_text(
        json.dumps({"method": "post", "path": "/x", "json": {"q": "{word}"}, "headers": {"x-user": "{canary}"}})
    )
    request = parse_request(str(file))
    assert (request.method, request.path, request.body) == ("POST", "/x", '{"q": "{word}"}')
    assert dict(request.headers) == {"x-user": "{canary}", "content-type": "application/json"}
    assert request.places == {"word", "canary"}
    file.write_text(json.dumps({"method": "POST", "path": "/x", "body": "a", "headers": {"Content-Type": "a/b"}}))
    assert dict(parse_request(str(file)).headers) == {"Content-Type": "a/b"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("/ask", "is no request. Write 'GET /ask?q={word}'"),
        ("get /ask", "is no request"),
        ("GET ask", "is no request"),
        ("GET /ask?q=hello there", "Write %20 for a space"),
        ("absent.json", "cannot be read"),
    ],
)
def test_what_is_no_request_is_refused_with_what_would_be_one(given: str, said: str) -> None:
    """In a sentence that quotes it."""
    with pytest.raises(RequestError, match=given.split()[0]) as refused:
        parse_request(given)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"path": "/"}', '{"method": "GET", "path": "/", "jsn": 1}'])
def test_a_file_that_is_no_request_is_refused(text: str, tmp_path: Path) -> None:
    """Its name is in the sentence."""
    (tmp_path / "ask.json").write_text(text)
    with pytest.raises(RequestError, match=r"ask\.json is n"):
        parse_request(str(tmp_path / "ask.json"))


def test_an_answer_is_known_by_the_words_that_it_carries() -> None:
    """Ids and canaries are told apart; pids, ports and times are neither, nor is a part of a longer number."""
    first, second = Probe(0), Probe(1)
    text = f'{{"reply": "echo:{first.id} canary:c{second.id}", "pid": 4194304, "at": 17644063911, "n": 1{first.id}}}'
    assert ids_in(text) == {first.id}
    assert canaries_in(text) == {second.id}
    assert len({Probe(number).id for number in range(10_000)}) == 10_000
    assert {len(Probe(number).id) for number in (0, 9_999)} == {9}
