"""JupyterLab and Notebook in a browser that reaches nothing but this machine."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import nbformat
import pytest

from support.chromium import Browser, browser

App = Literal["lab", "notebook"]

_PAGES = {"lab": "lab/tree/", "notebook": "notebooks/"}
_EXPOSED = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}

# No name of another machine means anything, as without internet.
_ALONE = '--host-resolver-rules="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"'


class Notebook:
    """A notebook that is open in a browser."""

    def __init__(self, browser: Browser, url: str, path: Path) -> None:
        self._browser, self._path = browser, path
        size = {"width": 1300, "height": 3000, "deviceScaleFactor": 1, "mobile": False}
        browser.send("Emulation.setDeviceMetricsOverride", **size)
        browser.send("Page.navigate", url=url)
        self.wait("window.jupyterapp && jupyterapp.shell.currentWidget?.context?.isReady")
        self.wait("jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'")

    def run_cells(self) -> None:
        """Run all cells."""
        self._browser.run("jupyterapp.commands.execute('notebook:run-all-cells')")

    def run_last_cell(self) -> str:
        """Run the last cell, and return what it prints."""
        cells = "jupyterapp.shell.currentWidget.content"
        last = f"{cells}.widgets.at(-1).model"
        before = self._browser.run(f"{last}.executionCount") or 0
        self._browser.run(f"{cells}.activeCellIndex = {cells}.widgets.length - 1")
        self._browser.run("jupyterapp.commands.execute('notebook:run-cell')")
        self.wait(f"{last}.executionCount > {before}")
        return str(self._browser.run(f"{last}.outputs.toJSON().map(one => one.text ?? one.evalue).join('')"))

    def wait(self, code: str, *, seconds: float = 60) -> Any:
        """Evaluate JavaScript until its value is true."""
        until = time.monotonic() + seconds
        while not (value := self._browser.run(code)):
            if time.monotonic() > until:
                self.picture(self._path.with_suffix(".png"))
                raise AssertionError(f"never came true: {code}; see {self._path.with_suffix('.png')}")
            time.sleep(0.1)
        return value

    def settle(self, code: str) -> Any:
        """Evaluate JavaScript until its value has been the same for a second."""
        seen, since = self._browser.run(code), time.monotonic()
        while time.monotonic() < since + 1:
            time.sleep(0.1)
            if (value := self._browser.run(code)) != seen:
                seen, since = value, time.monotonic()
        return seen

    def run(self, code: str) -> Any:
        """Evaluate JavaScript."""
        return self._browser.run(code)

    def press(self, *points: tuple[float, float]) -> None:
        """Move the mouse to the first point, press its button, move on to the others, and release it."""
        (x, y), *others = points
        self._mouse("mouseMoved", x - 1, y, 0)
        self._mouse("mouseMoved", x, y, 0)
        self._mouse("mousePressed", x, y, 1)
        for x, y in others:
            self._mouse("mouseMoved", x, y, 1)
        self._mouse("mouseReleased", x, y, 0)

    def _mouse(self, kind: str, x: float, y: float, buttons: int) -> None:
        button = "left" if kind != "mouseMoved" or buttons else "none"
        self._browser.send(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1
        )

    def picture(self, path: Path, clip: dict[str, float] | None = None) -> None:
        """Save a picture of the page."""
        area = {"clip": clip | {"scale": 1}} if clip else {}
        data = self._browser.send("Page.captureScreenshot", format="png", **area)["data"]
        path.write_bytes(base64.b64decode(data))

    @property
    def hosts(self) -> set[str | None]:
        """The hosts that the page asked anything of."""
        sent = (event["params"] for event in self._browser.events if event.get("method") == "Network.requestWillBeSent")
        urls = (urlsplit(params["request"]["url"]) for params in sent)
        return {url.hostname for url in urls if url.scheme in ("http", "https", "ws", "wss")}


@contextmanager
def server(app: App, folder: Path) -> Iterator[str]:
    """Start JupyterLab or Notebook in a folder, and return its URL."""
    pytest.importorskip("jupyterlab" if app == "lab" else "notebook")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    package = Path(__file__).parents[2]
    paths = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "jupyter", app, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += [f"--{_EXPOSED[app]}.expose_app_in_browser=True", "--IdentityProvider.token=", "--ServerApp.password="]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.news_url=", "--ServerApp.port_retries=0"]
    with subprocess.Popen(
        command, env=os.environ | own | {"PYTHONPATH": paths}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        url = f"http://127.0.0.1:{port}/"
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    urlopen(f"{url}api/status", timeout=5).close()
                    break
                except (URLError, OSError):
                    assert process.poll() is None, "the server has ended"
                    assert time.monotonic() < until, "the server does not answer"
                    time.sleep(0.2)
            yield url
        finally:
            process.terminate()


@contextmanager
def offline_browser(folder: Path) -> Iterator[Browser]:
    """Start Chromium without access to other machines, or skip the test if it is not installed."""
    with browser(folder, flags=_ALONE) as started:
        yield started


@contextmanager
def opened(app: App, folder: Path, cells: list[str]) -> Iterator[Notebook]:
    """Open a new notebook with these cells of code."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "explorer.ipynb"
    nbformat.write(notebook, path)
    with server(app, folder) as url, offline_browser(folder / "browser") as browser:
        yield Notebook(browser, f"{url}{_PAGES[app]}{path.name}", path)
