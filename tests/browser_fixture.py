"""One browser for all tests of the page that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

_ARGUMENTS = (
    *("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-gpu"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
PATIENCE = 40_000  # ms, on a busy machine


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser with a camera that shows a moving pattern."""
    from page_server import browser_path  # not above: it imports torch, and xdist's controller needs none

    path = browser_path()
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()
