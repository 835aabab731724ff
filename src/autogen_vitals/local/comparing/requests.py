"""What is asked of the app: requests with places for words that show whose answer came back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

_METHOD = re.compile(r"[A-Z]+")
_PLACEHOLDER = re.compile(r"\{(id|canary|word)\}")
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_KEYS = frozenset({"method", "path", "json", "body", "headers"})
_FIRST, _STEP = 271_828_182, 9_973
_ID = re.compile(r"(?<![0-9A-Za-z])\d{9}(?!\d)")
_CANARY = re.compile(r"(?<![0-9A-Za-z])c(\d{9})(?!\d)")


class RequestError(ValueError):
    """What was given is no request; the message says what would be one."""


@dataclass(frozen=True)
class Probe:
    """The words of one request, by its number: nobody else's answer may carry them."""

    number: int

    @property
    def id(self) -> str:
        """Nine digits: an app may take it for a number, and no pid, port or time looks like it."""
        return str(_FIRST + _STEP * self.number)

    @property
    def canary(self) -> str:
        """A word for the model, which tells all that it sees in a conversation."""
        return f"canary:c{self.id}"

    @property
    def word(self) -> str:
        """Both for the model: the id that it is to answer with, and the canary."""
        return f"echo:{self.id} {self.canary}"

    def fill(self, text: str, *, quoted: bool = False) -> str:
        """``text`` with this probe's words in its places, quoted for a URL if need be."""

        def value(place: re.Match[str]) -> str:
            word: str = getattr(self, place[1])
            return quote(word, safe=":") if quoted else word

        return _PLACEHOLDER.sub(value, text)


@dataclass(frozen=True)
class Request:
    """A request as the user has given it.

    Attributes:
        body: empty for none.
        headers: names and values; a ``content-type`` is among them where there is a body.
    """

    method: str
    path: str
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def places(self) -> frozenset[str]:
        """Which of ``id``, ``canary`` and ``word`` it has a place for."""
        texts = (self.path, self.body, *(value for _, value in self.headers))
        return frozenset(name for text in texts for name in _PLACEHOLDER.findall(text))

    def filled(self, probe: Probe) -> Request:
        """The same with a probe's words in their places."""
        headers = tuple((name, probe.fill(value)) for name, value in self.headers)
        return Request(self.method, probe.fill(self.path, quoted=True), probe.fill(self.body), headers)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def ids_in(text: str) -> set[str]:
    """The ids of probes that an answer carries."""
    return set(_ID.findall(text))


def canaries_in(text: str) -> set[str]:
    """The ids of the probes whose canaries an answer carries."""
    return set(_CANARY.findall(text))


def parse_request(given: str) -> Request:
    """A request from ``METHOD PATH[ BODY]``, or from the JSON file that is named.

    Raises:
        RequestError: it is neither.
    """
    if given.endswith(".json") and " " not in given:
        return _from_file(Path(given))
    method, _, rest = given.partition(" ")
    path, _, body = rest.strip().partition(" ")
    if not _METHOD.fullmatch(method) or not path.startswith("/"):
        raise RequestError(f"{given!r} is no request. Write 'GET /ask?q={{word}}', 'POST /ask BODY', or FILE.json")
    if body and method in _WITHOUT_BODY:
        raise RequestError(f"{given!r}: a {method} has no body. Write %20 for a space in the path")
    return Request(method, path, body, _content_type(body))


def _from_file(file: Path) -> Request:
    try:
        said: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RequestError(f"{file} is not JSON: {error}") from error
    if not isinstance(said, dict) or not {"method", "path"} <= said.keys() <= _KEYS:
        keys = ", ".join(sorted(_KEYS))
        raise RequestError(f"{file} is no request: an object with method and path, of the keys {keys}")
    headers: Mapping[str, str] = said.get("headers") or {}
    body = json.dumps(said["json"], ensure_ascii=False) if "json" in said else str(said.get("body", ""))
    method, path = str(said["method"]).upper(), str(said["path"])
    if not path.startswith("/"):
        raise RequestError(f"{file}: the path {path!r} does not begin with /")
    named = {name.lower() for name in headers}
    typed = () if "content-type" in named else _content_type(body)
    return Request(method, path, body, (*((name, str(value)) for name, value in headers.items()), *typed))


def _content_type(body: str) -> tuple[tuple[str, str], ...]:
    if not body:
        return ()
    try:
        # The places may stand where a number does.
        json.loads(_PLACEHOLDER.sub("1", body))
    except ValueError:
        return (("content-type", "text/plain; charset=utf-8"),)
    return (("content-type", "application/json"),)
