"""A TLS front that lets its clients wait before it shakes hands."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit


class SlowTls:
    """Listens on loopback while it is entered and hands everything on to ``target``, as plain HTTP.

    Args:
        target: URL of what answers.
        delay: seconds from accepting a connection to the handshake.
        folder: where the certificate of its authority is written.
    """

    def __init__(self, target: str, delay: float, folder: Path) -> None:
        # Not among what the matrix installs, where nothing here runs, but is collected.
        import trustme

        url = urlsplit(target)
        self._target = (url.hostname or "", url.port or 80)
        self._path = url.path
        self._delay = delay
        authority = trustme.CA()
        self.authority_file = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority_file))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        """The target's URL, by way of this."""
        return f"https://localhost:{self._listener.getsockname()[1]}{self._path}"

    def __enter__(self) -> SlowTls:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # shutdown(): close() alone does not wake a thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        time.sleep(self._delay)
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(accepted, server_side=True) as client,
            socket.create_connection(self._target) as upstream,
        ):
            back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
            back.start()
            _copy(client, upstream)
            back.join()


def _copy(source: socket.socket, destination: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            destination.sendall(data)
    with contextlib.suppress(OSError):
        destination.shutdown(socket.SHUT_WR)
