"""The socket of the page: of many looks at a frame the newest counts; what cannot be is told in a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import cast

import pytest
from clips import shapes, write_clip
from page_server import HOST, TOKEN, Served, serving
from websockets.sync.client import connect
from websockets.typing import Origin

from vidstyle.styles.pictures import BUNDLED


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("looks")
    clip = write_clip(folder / "clip.mp4", shapes(2, 64, 48))
    with serving(folder, str(clip)) as served:
        yield served


def _painted(served: Served, looks: list[dict[str, object]], last: int) -> list[dict[str, object]]:
    """The answers to looks that are sent at once, up to the last thumbnail of the one numbered ``last``."""
    uri, origin = f"ws://{HOST}:{served.port}/api/socket?token={TOKEN}", f"http://{HOST}:{served.port}"
    answers: list[dict[str, object]] = []
    with connect(uri, origin=Origin(origin)) as socket:
        for look in looks:
            socket.send(json.dumps(look))
        while not answers or (answers[-1].get("number"), answers[-1].get("style")) != (last, BUNDLED[-1]):
            answers.append(json.loads(socket.recv(timeout=60)))
    return answers


def _look(number: int, strength: float) -> dict[str, object]:
    styles, options = [{"id": "waves", "weight": 1}], {"engine": "stylenet", "strength": strength}
    settings = {"styles": styles, "options": options}
    return {"number": number, "clip": "given", "time": 0, "settings": settings}


def test_of_many_looks_at_a_frame_only_the_newest_is_painted_first_as_a_draft(served: Served) -> None:
    answers = _painted(served, [_look(number, 0.1 + number / 10) for number in range(1, 7)], last=6)
    stages = [(answer["number"], answer["stage"]) for answer in answers if answer["kind"] == "painted"]
    assert stages[-2:] == [(6, "draft"), (6, "full")]
    assert not {2, 3, 4, 5} & {number for number, stage in stages if stage == "full"}
    pictures = [
        str(answer["picture"]) for answer in answers if answer.get("number") == 6 and "picture" in answer
    ]
    assert len(pictures) >= 2 + len(BUNDLED)  # and a thumbnail of each style
    for picture in pictures:
        assert served.request("GET", f"/api/pictures/{picture}")[1][:2] == b"\xff\xd8"


@pytest.mark.parametrize("odd", [math.nan, "\ud800"])
def test_the_page_opens_whatever_a_look_has_held(served: Served, odd: object) -> None:
    look = _look(7, 0.5)
    settings = {**cast("dict[str, object]", look["settings"]), "more": odd}
    _painted(served, [{**look, "settings": settings}], last=7)
    assert served.request("GET", "/api/state")[0] == 200
    assert served.ask("GET", "/api/state")["looked_at"] == {
        "clip": "given",
        "time": 0.0,
        **cast("dict[str, object]", look["settings"]),
        "layers": [],
        "track": [],
    }


def test_looks_that_cannot_be_painted_are_told_in_a_line(served: Served) -> None:
    wrong = {**_look(1, 0.5), "clip": "../../etc/passwd"}
    late = {**_look(1, 0.5), "time": 10**400}
    lines = _painted_errors(served, [wrong, "no object", _look(2, 9.0), late])
    assert [line.split(";")[0] for line in lines] == [
        "that clip is not in this session",
        "a message must be an object",
        "--strength must be from 0 to 1.5, got 9.0",
        f"a time must be a number of seconds, got {10**400}",
    ]


def _painted_errors(served: Served, looks: list[object]) -> list[str]:
    """The error of each of ``looks``, sent one after the other."""
    uri, origin = f"ws://{HOST}:{served.port}/api/socket?token={TOKEN}", f"http://{HOST}:{served.port}"
    lines = []
    with connect(uri, origin=Origin(origin)) as socket:
        for look in looks:
            socket.send(json.dumps(look))
            while (answer := json.loads(socket.recv(timeout=60)))["kind"] != "error":
                pass
            lines.append(answer["message"])
    return lines
