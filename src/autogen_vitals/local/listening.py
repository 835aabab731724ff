"""A port to be reached at, before there is anything to serve."""

from __future__ import annotations

import socket

_BACKLOG = 512


def listen() -> socket.socket:
    """A free port of 127.0.0.1 on which connections wait from now on."""
    # asyncio sets TCP_NODELAY only where the protocol is given explicitly; without it a streamed reply waits 40 ms for
    # the client's delayed ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(_BACKLOG)
    return listener
