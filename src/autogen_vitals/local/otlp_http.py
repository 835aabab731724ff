"""OTLP over HTTP as it is spoken on the wire: protobuf in, compressed or not, an answer or a refusal out."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Awaitable, Callable
from typing import Literal

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router

Signal = Literal["traces", "metrics", "logs"]

SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")

MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""A request larger than this, compressed or not, is answered with 413."""

_PROTOBUF = "application/x-protobuf"


def otlp_router(accept: Callable[[Signal, bytes], object], *more: Route) -> Router:
    """An ASGI app with ``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs``.

    Args:
        accept: is given the uncompressed body of each request, in the thread that serves; raises ``DecodeError`` or
            ``ValueError`` for one that is not OTLP, which is answered with 400.
        more: routes besides.
    """
    # A bare router: an instrumentation of this process that patches the Starlette class would trace each export, and
    # export that trace in turn.
    return Router([*(Route(f"/v1/{signal}", _endpoint(signal, accept), methods=["POST"]) for signal in SIGNALS), *more])


class _Refused(Exception):
    """A request that is answered with an error, and with which."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def _endpoint(signal: Signal, accept: Callable[[Signal, bytes], object]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            accept(signal, await _read(request))
        except _Refused as refusal:
            return _refuse(refusal.status, refusal.reason)
        except (DecodeError, ValueError) as error:
            return _refuse(400, f"not an OTLP request: {error}")
        except ClientDisconnect:
            return Response(status_code=499)  # killed in the middle of an export: nobody gets this
        # The answer of each signal has no field that need be set.
        return Response(b"", media_type=_PROTOBUF)

    return endpoint


def _refuse(status: int, reason: str) -> Response:
    # The protocol wants the reason as a google.rpc.Status, in the encoding of the request.
    return Response(Status(message=reason).SerializeToString(), status, media_type=_PROTOBUF)


async def _read(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() != _PROTOBUF:
        raise _Refused(415, f"only {_PROTOBUF} is accepted")
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        # Read to the end, however long: a client that cannot finish sending sees a reset connection, not the answer.
        size += len(chunk)
        if size <= MAX_REQUEST_BYTES:
            body += chunk
    if size > MAX_REQUEST_BYTES:
        raise _Refused(413, f"larger than {MAX_REQUEST_BYTES} bytes")
    encoding = request.headers.get("content-encoding", "identity")
    if encoding == "gzip":
        return _gunzip(body)
    if encoding != "identity":
        raise _Refused(415, f"content encoding {encoding} is not accepted")
    return bytes(body)


def _gunzip(body: bytearray) -> bytes:
    try:
        with gzip.open(io.BytesIO(body)) as stream:
            # One byte more than allowed is enough to know, however much a small body would inflate to.
            plain = stream.read(MAX_REQUEST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _Refused(400, f"not gzip: {error}") from error
    if len(plain) > MAX_REQUEST_BYTES:
        raise _Refused(413, f"larger than {MAX_REQUEST_BYTES} bytes when uncompressed")
    return plain
