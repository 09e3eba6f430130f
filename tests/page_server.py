"""The server of the page in a thread, and the browser of this machine."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from vidstyle.server.app import make_app
from vidstyle.server.listening import listening, server_of
from vidstyle.server.serving import address_of
from vidstyle.server.session import Session

TOKEN = "the-token"
HOST = "127.0.0.1"

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)


@dataclass(frozen=True)
class Served:
    """A running server of the page."""

    session: Session
    port: int
    address: str

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str = TOKEN,
        pieces: Iterable[bytes] | None = None,
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers (in lower case) of an answer; ``path`` is sent as it is.

        ``pieces`` are a body whose length is not told in advance.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            url = f"{path}?{urlencode({**(query or {}), 'token': token})}"
            connection.request(
                method, url, body if pieces is None else pieces, dict(headers or {}), encode_chunked=True
            )
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, data, {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, object]:
        """The JSON of an answer."""
        value = json.loads(self.request(method, path, body=body, query=query)[1])
        assert isinstance(value, dict)
        return value


@contextmanager
def serving(results: Path, clip: str | None = None, *, clip_limit: int = 10_000_000) -> Generator[Served]:
    """A server in a thread, which ends with this context."""
    with Session(results, clip) as session:
        listener = listening(HOST, 0)
        server = server_of(make_app(session, token=TOKEN, host=HOST, clip_limit=clip_limit))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(session, listener.getsockname()[1], address_of(listener, HOST, TOKEN))
        finally:
            server.should_exit = True
            thread.join()
            listener.close()


def browser_path() -> str:
    """Chrome or Chromium; without one the tests are skipped, or fail with ``VIDSTYLE_REQUIRE_BROWSER=1``."""
    found = [path for name in _BROWSERS if (path := shutil.which(name))]
    found += [place for place in _PLACES if Path(place).is_file()]
    if not found:
        why = "the tests of the page need Chrome or Chromium"
        if os.environ.get("VIDSTYLE_REQUIRE_BROWSER") == "1":
            pytest.fail(why)
        pytest.skip(why)
    return found[0]
