"""Masks of the page: brushed on a frame, carried to the others, forgotten at a cut, written for a run."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from clips import write_clip
from numpy.typing import NDArray
from page_server import Served, serving

from vidstyle.cli.main import main
from vidstyle.server.settings import settings_of
from vidstyle.video.reading.reader import Reader

_SIZE = (160, 120)  # px
_STEP = 4  # px a frame


def _moving(count: int) -> list[NDArray[np.uint8]]:
    """A textured square that moves to the right over another texture; after ``count`` frames a cut."""
    random = np.random.default_rng(3)
    width, height = _SIZE
    ground = np.kron(random.integers(60, 120, (height // 4, width // 4, 3)), np.ones((4, 4, 1))).astype(
        np.uint8
    )
    thing = np.kron(random.integers(150, 255, (10, 10, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    frames = []
    for number in range(count):
        frame = ground.copy()
        frame[40:80, 20 + _STEP * number : 60 + _STEP * number] = thing
        frames.append(frame)
    return [*frames, *[255 - ground] * 4]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("masks")
    with serving(folder, str(write_clip(folder / "clip.mp4", _moving(8)))) as served:
        yield served


def _put(served: Served, seconds: float, values: NDArray[np.uint8], **changes: str) -> tuple[int, str]:
    query = {"time": str(seconds), "layer": "0", "over": "1", "width": str(_SIZE[0]), "height": str(_SIZE[1])}
    body = zlib.compress(values.tobytes())
    status, answer, _ = served.request("POST", "/api/clips/given/mask", body=body, query={**query, **changes})
    return status, json.loads(answer)["error"] if answer else ""


def _get(served: Served, seconds: float, layer: str = "0") -> NDArray[np.uint8] | None:
    query = {"time": str(seconds), "layer": layer}
    status, body, headers = served.request("GET", "/api/clips/given/mask", query=query)
    if status == 204:
        return None
    width, height = map(int, headers["x-size"].split("x"))
    return np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, width)


def _square() -> NDArray[np.uint8]:
    """The mask of the first frame: the thing keeps the clip."""
    mask = np.full(_SIZE[::-1], 255, np.uint8)
    mask[40:80, 20:60] = 0
    return mask


def test_a_mask_follows_the_thing_and_ends_at_the_cut(served: Served) -> None:
    assert _put(served, 0, _square()) == (204, "")
    until = time.monotonic() + 60
    while (later := _get(served, 6 / 25)) is None and time.monotonic() < until:
        time.sleep(0.05)
    assert later is not None
    kept, should = later < 128, np.zeros(_SIZE[::-1], bool)
    should[40:80, 20 + 6 * _STEP : 60 + 6 * _STEP] = True
    assert (kept & should).sum() / (kept | should).sum() > 0.8
    while (after := _get(served, 9 / 25)) is None and time.monotonic() < until:
        time.sleep(0.05)
    assert after is not None and after.min() == 255
    assert served.session.masks.to_json()["given"]


def test_the_time_line_learns_of_the_cuts(served: Served) -> None:
    until = time.monotonic() + 60
    while not (found := served.ask("GET", "/api/clips/given/cuts"))["is_done"] and time.monotonic() < until:
        time.sleep(0.05)
    assert found == {"cuts": [8 / 25], "is_done": True}


def test_a_run_with_a_mask_and_a_layer_writes_the_bytes_of_its_command(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(served, 0, _square(), over="0")
    _put(served, 0, 255 - _square(), layer="1", over="0")
    one = [{"id": "waves", "weight": 1}]
    track = [{"time": 0, "styles": one}, {"time": 0.2, "styles": [{"id": "ink", "weight": 1}]}]
    layers = [{"styles": [{"id": "mosaic", "weight": 1}]}]
    options = {"engine": "stylenet", "quality": "draft"}
    settings = {"styles": one, "track": track, "layers": layers, "options": options}
    body = json.dumps({"clip": "given", "settings": settings}).encode()
    job = served.session.jobs.job(str(served.ask("POST", "/api/jobs", body=body)["id"]))
    while job.state in ("waiting", "running"):
        time.sleep(0.02)
    assert (job.state, job.error) == ("done", "")
    masks = "--mask clip_mask.mkv --layer mosaic=clip_mask_2.mkv"
    assert f"--style-track track.json {masks} --quality draft" in job.command
    monkeypatch.chdir(tmp_path)
    files = served.session.command(served.session.clips["given"], settings_of(settings))["files"]
    assert isinstance(files, dict)
    Path("track.json").write_text(files["track.json"], encoding="utf-8")
    for layer, name in (("0", "clip_mask.mkv"), ("1", "clip_mask_2.mkv")):
        status, data, headers = served.request("GET", "/api/clips/given/mask-clip", query={"layer": layer})
        assert (status, name in headers["content-disposition"]) == (200, True)
        Path(name).write_bytes(data)
    assert main([*shlex.split(job.command)[1:], "-o", "by-command.mp4"]) == 0
    assert job.target.read_bytes() == Path("by-command.mp4").read_bytes()
    _check_project(served, settings, job.target)
    with Reader(job.target) as painted, Reader(served.session.clips["given"].path) as clip:
        pairs = list(zip(painted, clip, strict=True))
    last = 7
    difference = np.abs(pairs[last][0].pixels.astype(int) - pairs[last][1].pixels).mean(-1)
    inside = difference[46:74, 26 + last * _STEP : 54 + last * _STEP]
    assert inside.mean() * 3 < difference[:, : 15 + last * _STEP].mean()  # the mask keeps the clip there
    with Reader(Path("clip_mask.mkv")) as reader:
        assert np.array_equal(next(iter(reader)).pixels[..., 0], _square())


def _check_project(served: Served, settings: dict[str, object], result: Path) -> None:
    """What is set is saved, gives ``run`` the bytes of ``result``, and is opened again."""
    body = json.dumps({"settings": settings}).encode()
    status, saved, headers = served.request("POST", "/api/clips/given/save-project", body=body)
    assert (status, "clip_project.zip" in headers["content-disposition"]) == (200, True)
    with zipfile.ZipFile(io.BytesIO(saved)) as file:
        file.extractall("project")
    shutil.copy(served.session.clips["given"].path, "project/clip.mp4")
    assert main(["run", "--project", "project/project.json", "-o", "by-project.mp4"]) == 0
    assert Path("by-project.mp4").read_bytes() == result.read_bytes()
    _put(served, 0, _square() * 0, over="0")
    opened = served.ask("POST", "/api/clips/given/open-project", body=saved)
    assert opened == {"settings": settings, "styles": []}
    mask = _get(served, 0)
    assert mask is not None and np.array_equal(mask, _square())


def test_a_layer_in_a_picture_with_an_equals_sign_has_a_command_that_is_read_so(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = bytes(cv2.imencode(".png", np.random.default_rng(6).integers(0, 255, (32, 40, 3), np.uint8))[1])
    style = served.ask("POST", "/api/styles", body=drawn, query={"name": "a=b.png"})
    data = served.session.clips["given"].path.read_bytes()
    clip = str(served.ask("POST", "/api/clips", body=data, query={"name": "x=y.mp4"})["id"])
    query = {"time": "0", "layer": "1", "width": str(_SIZE[0]), "height": str(_SIZE[1])}
    mask = zlib.compress(_square().tobytes())
    assert served.request("POST", f"/api/clips/{clip}/mask", body=mask, query=query)[0] == 204
    layers = [{"styles": [{"id": style["id"], "weight": 1}]}]
    options = {"engine": "stylenet", "quality": "draft"}
    settings = {"styles": [{"id": "ink", "weight": 1}], "layers": layers, "options": options}
    body = json.dumps({"clip": clip, "settings": settings}).encode()
    job = served.session.jobs.job(str(served.ask("POST", "/api/jobs", body=body)["id"]))
    while job.state in ("waiting", "running"):
        time.sleep(0.02)
    assert (job.state, job.error) == ("done", "")
    told = served.session.command(served.session.clips[clip], settings_of(settings))
    assert "a-b.png (which was dropped as a=b.png)" in cast("list[str]", told["needs"])
    monkeypatch.chdir(tmp_path)
    Path("x=y.mp4").write_bytes(data)
    Path("a-b.png").write_bytes(drawn)
    saved = served.request("GET", f"/api/clips/{clip}/mask-clip", query={"layer": "1"})[1]
    Path("x=y_mask_2.mkv").write_bytes(saved)
    assert main([*shlex.split(job.command)[1:], "-o", "by-command.mp4"]) == 0
    assert job.target.read_bytes() == Path("by-command.mp4").read_bytes()


def test_styles_that_were_dropped_are_in_a_project(served: Served) -> None:
    picture = np.random.default_rng(5).integers(0, 255, (32, 40, 3), np.uint8)
    drawn = bytes(cv2.imencode(".png", picture)[1])
    style = served.ask("POST", "/api/styles", body=drawn, query={"name": "my art.png"})
    settings = {"styles": [{"id": style["id"], "weight": 1}], "options": {}}
    clip = served.session.clips["given"].path.read_bytes()
    names = [str(served.ask("POST", "/api/clips", body=clip, query={"name": "a.mp4"})["id"]) for _ in "ab"]
    body = json.dumps({"settings": settings}).encode()
    saved = served.request("POST", f"/api/clips/{names[0]}/save-project", body=body)[1]
    with zipfile.ZipFile(io.BytesIO(saved)) as file:
        project = json.loads(file.read("project.json"))
        assert file.read("my art.png") == drawn
    assert (project["clip"], project["styles"]) == ("a.mp4", ["my art.png"])
    opened = served.ask("POST", f"/api/clips/{names[1]}/open-project", body=saved)
    assert isinstance(opened["styles"], list)
    assert [each["name"] for each in opened["styles"]] == ["my art.png"]


def test_a_dropped_style_that_is_called_as_a_bundled_one_is_the_one_that_a_project_paints(
    served: Served,
) -> None:
    drawn = bytes(cv2.imencode(".png", np.full((32, 40, 3), 90, np.uint8))[1])
    style = served.ask("POST", "/api/styles", body=drawn, query={"name": "waves"})
    both = [{"id": "waves", "weight": 1}, {"id": style["id"], "weight": 1}]
    body = json.dumps({"settings": {"styles": both, "options": {}}}).encode()
    data = served.session.clips["given"].path.read_bytes()
    clip = served.ask("POST", "/api/clips", body=data, query={"name": "a.mp4"})
    saved = served.request("POST", f"/api/clips/{clip['id']}/save-project", body=body)[1]
    with zipfile.ZipFile(io.BytesIO(saved)) as file:
        assert json.loads(file.read("project.json"))["styles"] == ["waves", "waves-2"]
        assert file.read("waves-2") == drawn


def _zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return data.getvalue()


def _project(settings: object, mask: bytes | None = None) -> bytes:
    page = json.dumps({"vidstyle_page": 1, "settings": settings}).encode()
    return _zipped({"page.json": page, **({} if mask is None else {"brushed/0-0.0000.png": mask})})


def _encrypted(data: bytes) -> bytes:
    """The ZIP file ``data`` whose first file says that it is encrypted."""
    changed, entry = bytearray(data), data.find(b"PK\x01\x02")
    changed[6] |= 1
    changed[entry + 8] |= 1
    return bytes(changed)


_ELSEWHERE = {"styles": [{"id": "../../etc/passwd", "weight": 1}], "options": {}}


@pytest.mark.parametrize(
    "data",
    [
        b"no zip",
        _zipped({"page.json": b"[]"}),
        _zipped({"page.json": b'{"vidstyle_page": 9}'}),
        _zipped({"page.json": b"[" * 100_000}),
        _project(_ELSEWHERE),
        _project([]),
        _project({"styles": [{"id": "ink"}], "options": {}}, b"no picture"),
        _encrypted(_project({"styles": [{"id": "ink"}], "options": {}})),
    ],
    ids=["no zip", "list", "version", "nested", "elsewhere", "no settings", "no mask", "encrypted"],
)
def test_a_file_that_is_no_project_is_refused_in_a_line(served: Served, data: bytes) -> None:
    status, answer, _ = served.request("POST", "/api/clips/given/open-project", body=data)
    assert status == 400
    assert "is not a project that the page has saved" in json.loads(answer)["error"]


def test_a_stretch_in_the_middle_has_the_mask_that_is_carried_there(served: Served) -> None:
    _put(served, 0, _square(), over="0")
    path = served.session.masks.of_part("given", 0, Fraction(4, 25), Fraction(3))
    assert path is not None
    with Reader(path) as reader:
        masks = [frame.pixels[..., 0] for frame in reader]
    assert len(masks) == 8
    assert masks[1][50:70, 30 + 5 * _STEP : 50 + 5 * _STEP].max() < 128


def test_masks_that_were_carried_are_played_without_carrying_them_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(served, 0, _square())
    masks, part = served.session.masks, (Fraction(0), Fraction(3))
    first = masks.of_part("given", 0, *part)

    def carried_again(*arguments: object, **options: object) -> None:
        raise AssertionError("the masks are there already")

    monkeypatch.setattr("vidstyle.server.masks.carried_masks", carried_again)
    monkeypatch.setattr("vidstyle.keyframes.carried_masks.carried", carried_again)
    again = masks.of_part("given", 0, *part)
    assert first is not None and again is not None
    assert first.read_bytes() == again.read_bytes()
    with Reader(again) as reader:
        pictures = [frame.pixels[..., 0] for frame in reader]
    assert len(pictures) == 12
    assert np.array_equal(pictures[0], _square())
    carried = _get(served, 5 / 25)
    assert carried is not None and np.array_equal(pictures[5], carried)
    _put(served, 0, 255 - _square(), over="0")
    with pytest.raises(AssertionError, match="there already"):  # another stroke: they are carried anew
        masks.of_part("given", 0, *part)


def test_a_frame_whose_strokes_are_undone_has_the_mask_that_is_carried_to_it(served: Served) -> None:
    data = served.session.clips["given"].path.read_bytes()
    clip = str(served.ask("POST", "/api/clips", body=data, query={"name": "undone.mp4"})["id"])
    address, size = f"/api/clips/{clip}/mask", {"width": str(_SIZE[0]), "height": str(_SIZE[1])}
    frames = ({"time": "0", "layer": "0"}, {"time": str(5 / 25), "layer": "0"})
    for query, mask in zip(frames, (_square(), 255 - _square()), strict=True):
        body = zlib.compress(mask.tobytes())
        assert served.request("POST", address, body=body, query={**query, "over": "1", **size})[0] == 204
    assert served.request("GET", address, query=frames[1])[2]["x-brushed"] == "1"
    assert served.request("DELETE", address, query=frames[1])[0] == 204
    until = time.monotonic() + 60
    while (answer := served.request("GET", address, query=frames[1]))[0] == 204 and time.monotonic() < until:
        time.sleep(0.05)
    mask = np.frombuffer(zlib.decompress(answer[1]), np.uint8).reshape(_SIZE[::-1])
    assert "x-brushed" not in answer[2]
    assert mask[50:70, 30 + 5 * _STEP : 50 + 5 * _STEP].max() < 128 and mask[5:20].min() > 128
    marks = served.session.masks.to_json()[clip]
    assert isinstance(marks, dict) and marks["marks"] == [{"layer": 0, "time": 0.0, "tab": ""}]
    for _ in range(2):  # what is not there is not missed
        assert served.request("DELETE", address, query=frames[0])[0] == 204
    assert clip not in served.session.masks.to_json()


def test_layers_above_are_nowhere_until_they_are_brushed_and_move_down_when_one_is_removed(
    served: Served,
) -> None:
    _put(served, 0, _square(), layer="3", over="0")
    assert _get(served, 0, "2") is None
    served.request("POST", "/api/clips/given/remove-layer", query={"layer": "2"})
    moved = _get(served, 0, "2")
    assert moved is not None and np.array_equal(moved, _square())


def test_a_layer_that_is_removed_from_a_clip_stays_in_another_one(served: Served) -> None:
    data = served.session.clips["given"].path.read_bytes()
    other = str(served.ask("POST", "/api/clips", body=data, query={"name": "other.mp4"})["id"])
    layers = [{"styles": [{"id": name, "weight": 1}]} for name in ("ink", "mosaic")]
    size = {"width": str(_SIZE[0]), "height": str(_SIZE[1])}
    for clip in ("given", other):
        served.ask("POST", f"/api/clips/{clip}/layers", body=json.dumps({"layers": layers}).encode())
        for layer, mask in (("1", _square()), ("2", 255 - _square())):
            query = {"time": "0", "layer": layer, **size}
            served.request("POST", f"/api/clips/{clip}/mask", body=zlib.compress(mask.tobytes()), query=query)
    served.request("POST", f"/api/clips/{other}/remove-layer", query={"layer": "1"})
    state = served.ask("GET", "/api/state")["layers"]
    assert isinstance(state, dict)
    assert (state["given"], state[other]) == (layers, layers[1:])
    first, second = _get(served, 0, "1"), _get(served, 0, "2")
    assert first is not None and np.array_equal(first, _square())
    assert second is not None and np.array_equal(second, 255 - _square())
    moved = served.session.masks.at(other, 1, Fraction(0))
    assert moved is not None and np.array_equal(moved, 255 - _square())
    refused = served.request("POST", f"/api/clips/{other}/remove-layer", query={"layer": "0"})
    assert refused[0] == 400 and b"the lowest layer cannot be removed" in refused[1]


@pytest.mark.parametrize("style", ["nothing", "\ud800"])
def test_layers_of_styles_that_are_not_there_are_refused_and_the_page_still_opens(
    served: Served, style: str
) -> None:
    layers = json.dumps({"layers": [{"styles": [{"id": style, "weight": 1}]}]}).encode()
    status, answer, _ = served.request("POST", "/api/clips/given/layers", body=layers)
    assert status == 400 and "is not in this session" in json.loads(answer)["error"]
    assert served.request("GET", "/api/state")[0] == 200


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"width": "99999"}, "a mask of clip.mp4 has 160 x 120 px"),
        ({"layer": "99"}, "a layer must be a number from 0 to 7"),
        ({"layer": "²"}, "a layer must be a number from 0 to 7"),
        ({"layer": "1" * 5000}, "a layer must be a number from 0 to 7"),
        ({"time": "soon"}, "a time must be a number of seconds"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_in_a_line(
    served: Served, changes: dict[str, str], line: str
) -> None:
    status, error = _put(served, 0, _square(), **changes)
    assert status == 400 and line in error


@pytest.mark.parametrize("body", [b"nothing", zlib.compress(b"\0" * 7), zlib.compress(b"\0" * 40_000_000)])
def test_bytes_that_are_no_mask_are_refused(served: Served, body: bytes) -> None:
    query = {"time": "0", "width": str(_SIZE[0]), "height": str(_SIZE[1])}
    status, answer, _ = served.request("POST", "/api/clips/given/mask", body=body, query=query)
    assert status == 400 and "mask" in json.loads(answer)["error"]
