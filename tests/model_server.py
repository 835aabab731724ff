"""A model on a loopback port that counts its connections, and fails and closes them as a test asks it to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ModelServer(ThreadingHTTPServer):
    """A context manager that serves ``url``, over connections that it keeps.

    Args:
        wait_ms: how long it asks the SDK to wait before another try.

    Attributes:
        failures: how many answers are errors before there is one.
        closes: whether it closes the connection after each answer.
        replies: what it says next, "a" when there is nothing: a text, or the name and arguments of a tool to call.
        connections, requests: how many there have been.
    """

    daemon_threads = True

    def __init__(self, wait_ms: int = 40) -> None:
        self.wait_ms = wait_ms
        self.failures = 0
        self.closes = False
        self.replies: list[str | tuple[str, str]] = []
        self.connections = 0
        self.requests = 0
        self._kept: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), Answer)

    def __enter__(self) -> ModelServer:
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        self._kept.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._kept.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the connections that clients keep: each of them keeps a thread of ours."""
        for connection in list(self._kept):
            with contextlib.suppress(OSError):  # it is gone already
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: the kernel holds a second one back until the first has been acknowledged, 40 ms.
    wbufsize = -1
    server: ModelServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests += 1
        if self.server.failures:
            self.server.failures -= 1
            self.answer(500, "application/json", b"{}")
        elif asked.get("stream"):
            chunks = [completion("delta", text) for text in ("a", "b", None)]
            if asked.get("stream_options", {}).get("include_usage"):
                chunks.append({**chunks[-1], "choices": []})
            self.answer(200, "text/event-stream", b"".join(map(event, chunks)) + b"data: [DONE]\n\n")
        else:
            reply = self.server.replies.pop(0) if self.server.replies else "a"
            self.answer(200, "application/json", json.dumps(completion("message", reply)).encode())

    def do_HEAD(self) -> None:
        self.answer(404, "text/plain", b"")

    def answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after-ms", str(self.server.wait_ms))
        if self.server.closes:
            self.send_header("connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


def event(chunk: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()


def completion(part: str, text: str | tuple[str, str] | None) -> dict[str, Any]:
    content: dict[str, Any] = {} if text is None else {"role": "assistant", "content": text}
    finished = "stop" if part == "message" or text is None else None
    if isinstance(text, tuple):
        call = {"id": "call-1", "type": "function", "function": {"name": text[0], "arguments": text[1]}}
        content, finished = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, part: content, "finish_reason": finished}
    kind = "chat.completion" if part == "message" else "chat.completion.chunk"
    return {"id": "x", "object": kind, "created": 0, "model": "stub", "choices": [choice], "usage": usage}
