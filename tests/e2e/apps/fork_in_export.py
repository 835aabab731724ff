"""A script that forks at the very moment its metric reader is exporting. It is its own collector, one that never
answers, so that it knows the moment; and it tells how long its child took to end."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from urllib.parse import urlsplit

from children import work


def main() -> None:
    port = urlsplit(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]).port
    with socket.create_server(("127.0.0.1", port or 0)) as collector:
        work()
        connection, _ = collector.accept()
        # Inside the reader's export now: its request has begun, and nobody will answer it.
        connection.recv(1)
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            work()
            sys.exit(0)
        status = os.waitpid(pid, 0)[1]
        print(json.dumps({"status": status, "child_seconds": time.monotonic() - started}), flush=True)
        # The end of this process, whose exporter hangs too, is of no interest.
        os._exit(0)


if __name__ == "__main__":
    main()
