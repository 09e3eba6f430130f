"""The camera of a page, without a browser: the newest frame is painted, and errors are told in a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from clips import shapes
from page_server import HOST, TOKEN, Served, serving
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from vidstyle.errors import InputError
from vidstyle.server import live

_SETTINGS = {"styles": [{"id": "waves", "weight": 1}], "options": {"engine": "stylenet"}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("live")) as served:
        yield served


@pytest.fixture
def socket(served: Served) -> Iterator[ClientConnection]:
    uri, origin = f"ws://{HOST}:{served.port}/api/live?token={TOKEN}", f"http://{HOST}:{served.port}"
    with connect(uri, origin=Origin(origin)) as socket:
        yield socket


def _jpeg(number: int, width: int = 64, height: int = 48) -> bytes:
    return bytes(cv2.imencode(".jpg", shapes(number + 1, width, height)[number])[1])


def _huge() -> bytes:
    """A JPEG file that says that it has 30000 x 30000 px."""
    data = bytearray(_jpeg(0))
    size = data.find(b"\xff\xc0") + 5
    data[size : size + 4] = (30000).to_bytes(2, "big") * 2
    return bytes(data)


def _error(socket: ClientConnection) -> str:
    while not isinstance(answer := socket.recv(timeout=60), str) or json.loads(answer)["kind"] != "error":
        pass
    return str(json.loads(answer)["message"])


def test_each_frame_comes_back_painted_or_is_dropped_for_a_newer_one(socket: ClientConnection) -> None:
    socket.send(json.dumps(_SETTINGS))
    for number in range(6):
        socket.send(_jpeg(number))
    painted = dropped = 0
    while painted + dropped < 6:
        answer = socket.recv(timeout=60)
        if isinstance(answer, str):
            assert json.loads(answer) == {"kind": "dropped"}
            dropped += 1
        else:
            picture = cv2.imdecode(np.frombuffer(answer, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None and picture.shape == (48, 64, 3)
            painted += 1
    assert painted >= 1
    socket.send(_jpeg(0, 48, 64))  # the camera was turned: a new stream begins
    while isinstance(answer := socket.recv(timeout=60), str):
        pass
    turned = cv2.imdecode(np.frombuffer(answer, np.uint8), cv2.IMREAD_COLOR)
    assert turned is not None and turned.shape == (64, 48, 3)


@pytest.mark.parametrize(
    ("settings", "frame", "line"),
    [
        (_SETTINGS, b"no picture", "the camera's frame is no JPEG picture"),
        (_SETTINGS, _huge(), "the camera's frame is no JPEG picture"),
        ({**_SETTINGS, "styles": [{"id": "../art.png", "weight": 1}]}, None, "is not in this session"),
        (
            {**_SETTINGS, "options": {"quality": "best"}},
            None,
            "clips: give --quality draft, normal or high",
        ),
        ("nonsense", None, "the settings must be an object"),
    ],
)
def test_what_cannot_be_painted_is_told_in_a_line(
    socket: ClientConnection, settings: object, frame: bytes | None, line: str
) -> None:
    socket.send(json.dumps(settings))
    if frame is not None:
        socket.send(frame)
    assert line in _error(socket)


@pytest.mark.parametrize(
    ("options", "quality", "engine"),
    [
        ({}, "draft", None),
        ({"quality": "high"}, "high", None),
        ({"engine": "stylenet"}, None, "stylenet"),
    ],
)
def test_the_camera_is_painted_as_a_draft_unless_something_else_is_chosen(
    socket: ClientConnection,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    quality: str | None,
    engine: str | None,
) -> None:
    made: list[dict[str, object]] = []

    def record(styles: object, **keywords: object) -> None:
        made.append(keywords)
        raise InputError("enough is known")

    monkeypatch.setattr(live, "Stylizer", record)
    socket.send(json.dumps({**_SETTINGS, "options": options}))
    assert _error(socket) == "enough is known"
    assert (made[0].get("quality"), made[0].get("engine")) == (quality, engine)
    assert (made[0]["working_size"], made[0]["fps_target"]) == ("auto", 10)


def test_a_second_camera_ends_the_first(served: Served, socket: ClientConnection) -> None:
    socket.send(json.dumps(_SETTINGS))
    uri, origin = f"ws://{HOST}:{served.port}/api/live?token={TOKEN}", f"http://{HOST}:{served.port}"
    with connect(uri, origin=Origin(origin)) as second:
        second.send(json.dumps(_SETTINGS))
        second.send(_jpeg(0))
        assert isinstance(second.recv(timeout=60), bytes)
