"""A headless Chromium without a network, to look at pages; driven by its DevTools protocol, over two pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CHECKOUT = Path(__file__).parents[3]
_PROGRAMS = (
    os.environ.get("CHROMIUM", ""),
    str(_CHECKOUT / ".cache/system/bin/chromium"),
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# As root there is no sandbox. No name is found and no address reached, so that nobody is asked for anything.
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)
_SECONDS = 60.0
"""That an answer may take: it is a busy machine."""


def find_chromium() -> str | None:
    """The path of a Chromium that runs; ``None`` where there is none."""
    for program in filter(None, _PROGRAMS):
        path = shutil.which(program)
        if path and subprocess.run([path, "--version"], capture_output=True, timeout=_SECONDS).returncode == 0:
            return path
    return None


class Page:
    """One tab.

    Attributes:
        requests: the URLs that were asked for.
        complaints: what the console has shown as a warning or an error, and exceptions.
    """

    def __init__(self, browser: _Pipe, session: str) -> None:
        self._browser = browser
        self._session = session
        self.requests: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")
        self._ask(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )

    def look(self, width: int, height: int, scheme: str) -> None:
        """Let the window be so many pixels wide and high, and the user prefer ``light`` or ``dark``."""
        phone = width < 600
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self._ask("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, file: Path) -> None:
        """Open a file, and wait until it has been loaded."""
        self._browser.drop_events()
        self._ask("Page.navigate", url=file.resolve().as_uri())
        self._browser.wait_for("Page.loadEventFired", self._note)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press_tab(self) -> None:
        self.press("Tab", "")

    def press(self, key: str, text: str) -> None:
        """Press a key, ``Tab`` or ``Enter``, which types a text, or none."""
        code = {"Tab": 9, "Enter": 13}[key]
        for kind in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def print_preview(self, scheme: str) -> None:
        """Let it be as on paper, for a user who prefers ``light`` or ``dark``."""
        self._ask(
            "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def picture(self, most: int | None = None) -> bytes:
        """The page as PNG, or its first so many pixels."""
        width, height = self.evaluate("[innerWidth, document.scrollingElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, most or height), "scale": 1}
        return base64.b64decode(
            self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        )

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.ask(method, parameters, self._session, self._note)

    def _note(self, event: dict[str, Any]) -> None:
        told = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Log.entryAdded" if told["entry"]["level"] in ("warning", "error"):
                self.complaints.append(told["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(told["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"]))
            case _:
                pass


class _Pipe:
    """The two pipes: messages are JSON, and end with a zero byte."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._left = b""
        self._last = 0
        self._events: list[dict[str, Any]] = []

    def ask(self, method: str, parameters: dict[str, Any], session: str, note: Any) -> dict[str, Any]:
        self._last += 1
        asked = {
            "id": self._last,
            "method": method,
            "params": parameters,
            **({"sessionId": session} if session else {}),
        }
        rest = json.dumps(asked).encode() + b"\0"
        while rest:
            rest = rest[os.write(self._to, rest) :]
        deadline = time.monotonic() + _SECONDS
        while True:
            message = self._read(deadline)
            if message.get("id") == self._last:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self._events.append(message)
            note(message)

    def wait_for(self, method: str, note: Any) -> None:
        deadline = time.monotonic() + _SECONDS
        while not any(event.get("method") == method for event in self._events):
            self._events.append(message := self._read(deadline))
            note(message)

    def drop_events(self) -> None:
        self._events.clear()

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            got = os.read(self._from, 1 << 20)
            assert got, "Chromium has ended"
            self._left += got
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)


@contextmanager
def browsing(program: str, profile: Path) -> Generator[Page, None, None]:
    """One tab of a Chromium that is started for it, with a profile of its own, and ended again."""
    out_of_us, to_browser = os.pipe()
    from_browser, into_us = os.pipe()
    for end in (out_of_us, into_us):
        os.set_inheritable(end, True)
    # Chromium reads what it is told from 3, and answers on 4.
    placed = f'exec 3<&{out_of_us} 4>&{into_us}; exec "$@"'
    command = ["bash", "-c", placed, "bash", program, *_ARGUMENTS, f"--user-data-dir={profile}"]
    with open(profile.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(command, pass_fds=(out_of_us, into_us), stdout=log, stderr=log)
    os.close(out_of_us)
    os.close(into_us)
    pipe = _Pipe(to_browser, from_browser)
    try:
        target = pipe.ask("Target.createTarget", {"url": "about:blank"}, "", lambda _: None)["targetId"]
        attached = pipe.ask("Target.attachToTarget", {"targetId": target, "flatten": True}, "", lambda _: None)
        yield Page(pipe, attached["sessionId"])
        pipe.ask("Browser.close", {}, "", lambda _: None)
        process.wait(_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(to_browser)
        os.close(from_browser)
