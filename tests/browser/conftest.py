"""A browser, a page that remembers, and the book's address as a folder and as a server's.

Where there is no Chromium nothing here runs, and one warning says so.
"""

import shutil
import threading
import warnings
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import built
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = {"width": 390, "height": 844}

collect_ignore = []
if not CHROMIUM:
    collect_ignore = [path.name for path in Path(__file__).parent.glob("test_*.py")]
    warnings.warn("no Chromium here: the book's pages are not tried in a browser", stacklevel=1)


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def folder():
    """The address of the book's folder."""
    return built.pages().as_uri() + "/"


@pytest.fixture(scope="module")
def server():
    """The address of a server of the book."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(built.pages()))) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


@pytest.fixture(scope="module")
def chromium():
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu", "--disable-quic"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh page that keeps what it asked for (`asked`) and what went wrong (`faults`)."""
    page = chromium.new_page(viewport=PHONE)
    page.asked, page.faults = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("requestfailed", lambda request: page.faults.extend(_failure(request)))
    page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    yield page
    page.close()


def _failure(request):
    """What went wrong with a request, if it was not the reader who went on to another page."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"{request.failure}: {request.url}"]
