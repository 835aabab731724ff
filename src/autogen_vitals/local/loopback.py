"""Serve an ASGI app on a free loopback port from a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from autogen_vitals.local.listening import listen

_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_GRACE_SECONDS = 1


class LoopbackServer:
    """A context manager that serves ``app`` on 127.0.0.1 while it is entered; use each object once.

    Args:
        app: what to serve.
        listener: from ``listening.listen``, where clients may come before there is anything to serve them.

    Raises:
        RuntimeError: on entering, when the server does not come up.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket | None = None) -> None:
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                access_log=False,
                # The logging of the process around us is not ours to configure.
                log_config=None,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._thread: threading.Thread | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> LoopbackServer:
        listener = self._listener or listen()
        self._port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name=f"autogen-vitals-{self._port}", daemon=True
        )
        self._thread.start()
        self._server.settled.wait(_START_SECONDS)
        if not self._server.started:
            self.__exit__()
            raise RuntimeError(f"the embedded server did not start on {self.url}")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    def _run(self, listener: socket.socket) -> None:
        try:
            # Outside the main thread uvicorn leaves the signal handlers alone.
            asyncio.run(self._server.serve(sockets=[listener]))
        finally:
            self._server.settled.set()
            listener.close()


class _Server(uvicorn.Server):
    """A uvicorn server that says when it serves, or that it never will."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()
