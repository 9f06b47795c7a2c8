"""A headless Chromium, driven over WebDriver: plain HTTP, no package needed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

#: Debian's names, and what others call it.
DRIVER = shutil.which("chromedriver")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class RefusedError(Exception):
    """What the driver says of a command that failed."""


class Element:
    """Something on the page."""

    def __init__(self, browser: Browser, name: str) -> None:
        self.browser, self.name = browser, name

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return self.browser.ask(method, f"/element/{self.name}/{path}", body)

    @property
    def text(self) -> str:
        return str(self._ask("GET", "text"))

    @property
    def label(self) -> str:
        """What a screen reader says."""
        return str(self._ask("GET", "computedlabel"))

    @property
    def role(self) -> str:
        return str(self._ask("GET", "computedrole"))

    def click(self) -> None:
        self._ask("POST", "click", {})

    def type(self, text: str) -> None:
        self._ask("POST", "value", {"text": text})

    def choose(self, value: str) -> None:
        """Picks an option of a list, as a person does."""
        self.browser.find(f"#{self._ask('GET', 'attribute/id')} option[value='{value}']").click()


class Browser:
    """One window."""

    def __init__(self, width: int = 1400, height: int = 1000) -> None:
        assert DRIVER is not None
        assert CHROMIUM is not None
        self.driver = subprocess.Popen(
            [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.url = self._address()
        arguments = ["--headless=new", "--no-first-run", "--disable-gpu", "--hide-scrollbars"]
        arguments += ["--disable-dev-shm-usage", "--lang=en", "--force-device-scale-factor=1"]
        if os.geteuid() == 0:
            # Chromium's sandbox refuses to work for root.
            arguments.append("--no-sandbox")
        options = {"binary": CHROMIUM, "args": arguments}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options}
        try:
            made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        except BaseException:
            self._end()
            raise
        self.session = f"/session/{made['sessionId']}"
        self.size(width, height)

    def _address(self) -> str:
        assert self.driver.stdout is not None
        for line in self.driver.stdout:
            if "started successfully on port " in line:
                return f"http://127.0.0.1:{line.rstrip().rstrip('.').rsplit(' ', 1)[1]}"
        raise AssertionError("the driver has ended")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RefusedError(json.load(error)["value"]["message"]) from None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A command of the window."""
        return self._call(method, self.session + path, body)

    def size(self, width: int, height: int) -> None:
        """Makes the page, not the window, this large: a window is never as narrow as a phone."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url: str) -> None:
        self.ask("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """Runs a script in the page."""
        given = [{_ELEMENT: it.name} if isinstance(it, Element) else it for it in arguments]
        return self.ask("POST", "/execute/sync", {"script": script, "args": given})

    def all(self, selector: str) -> list[Element]:
        found = self.ask("POST", "/elements", {"using": "css selector", "value": selector})
        return [Element(self, it[_ELEMENT]) for it in found]

    def find(self, selector: str, within: float = 60) -> Element:
        """Waits for the element, which the page may still have to draw."""
        element = self.eventually(lambda: next(iter(self.all(selector)), None), within, selector)
        assert isinstance(element, Element)
        return element

    def sees(self, selector: str, text: str, within: float = 60) -> None:
        """Waits until the element shows the text."""

        def shown() -> bool:
            # The page may draw it anew between finding and reading it.
            return text in str(
                self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
            )

        self.eventually(shown, within, f"{selector}: {text}")

    def eventually(self, true: Any, within: float, what: str) -> Any:
        deadline = time.monotonic() + within
        while not (found := true()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} never came; the page says:\n{self.text()}")
            time.sleep(0.05)
        return found

    def text(self) -> str:
        return str(self.run("return document.body.innerText"))

    def keys(self, *keys: str) -> None:
        """Presses keys one after the other, wherever the focus is."""
        actions: list[dict[str, str]] = []
        for key in keys:
            actions += [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def screenshot(self, selector: str) -> bytes:
        """What is seen of an element, as PNG."""
        box = self.run(
            "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return {x: Math.ceil(box.x + scrollX), y: Math.ceil(box.y + scrollY),"
            "        width: Math.floor(box.width) - 1, height: Math.floor(box.height) - 1};",
            selector,
        )
        shot = self.devtools(
            "Page.captureScreenshot", captureBeyondViewport=True, clip={**box, "scale": 1}
        )
        return base64.b64decode(shot["data"])

    def log(self) -> list[str]:
        """Errors that the page has reported."""
        return [str(it["message"]) for it in self.ask("POST", "/se/log", {"type": "browser"})]

    def _end(self) -> None:
        self.driver.terminate()
        with self.driver:
            pass

    def close(self) -> None:
        try:
            self.ask("DELETE", "")
        finally:
            self._end()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
