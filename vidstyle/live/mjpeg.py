"""An address at which the newest painted frame is seen: motion JPEG, for OBS, browsers and players."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Executor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

from vidstyle.errors import OutputError
from vidstyle.frames import Pixels
from vidstyle.pipeline.prefetch import side_thread
from vidstyle.server.addresses import is_own_host

_QUALITY = 90  # of JPEG, 0 to 100
_POLL = 0.5  # s between two looks at whether the server has ended
_TIMEOUT = 10.0  # s after which a viewer that takes nothing is given up
_BOUNDARY = "vidstyle-frame"
_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>vidstyle live</title>
<body style="margin:0;background:#111"><img src="stream.mjpg" alt="The painted camera"
style="width:100vw;height:100vh;object-fit:contain"></body></html>
"""


class MjpegServer:
    """Serves painted frames to any number of viewers, each the newest one; a context.

    ``/stream.mjpg`` is the stream, ``/frame.jpg`` one frame, ``/`` a page with the stream. Raises
    ``OutputError`` if it cannot listen.
    """

    def __init__(self, host: str, port: int) -> None:
        self._changed = threading.Condition()
        self._jpeg, self._number = b"", 0
        self._is_open = True
        try:
            self._server = _Server((host, port), self)
        except OSError as error:
            raise OutputError(
                f"no stream can be served at {host}:{port} ({error.strerror or error}); give another --mjpeg"
            ) from error
        self.host = host
        port = int(self._server.server_address[1])
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{port}/stream.mjpg"
        self._thread: Executor = side_thread("mjpeg")

    def __enter__(self) -> MjpegServer:
        self._thread.submit(self._server.serve_forever, _POLL)
        return self

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        self._server.shutdown()
        self._thread.shutdown()
        self._server.server_close()

    def send(self, pixels: Pixels) -> None:
        """Show ``pixels`` (H, W, 3) uint8 RGB."""
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        jpeg = np.asarray(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]).tobytes()
        with self._changed:
            self._jpeg, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def after(self, number: int) -> tuple[bytes, int] | None:
        """The newest frame as JPEG and its number, once that is more than ``number``; None at the end."""
        with self._changed:
            while self._is_open and self._number <= number:
                self._changed.wait(_POLL)
            return (self._jpeg, self._number) if self._is_open else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a viewer that takes nothing would hold up the end

    def __init__(self, address: tuple[str, int], stream: MjpegServer) -> None:
        self.stream = stream
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that has gone is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT

    def do_GET(self) -> None:
        if not is_own_host(self.headers.get("Host", ""), self.server.stream.host):
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path == "/":
            self._answer("text/html; charset=utf-8", _PAGE)
        elif self.path == "/frame.jpg":
            newest = self.server.stream.after(0)
            self._answer("image/jpeg", b"" if newest is None else newest[0])
        elif self.path == "/stream.mjpg":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged."""

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        number = 0
        while (newest := self.server.stream.after(number)) is not None:
            jpeg, number = newest
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
