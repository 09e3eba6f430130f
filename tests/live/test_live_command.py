"""``vidstyle live``, with a clip as the camera: the newest frame wins, viewers see it, it ends cleanly."""

from __future__ import annotations

import sys
import types
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import number_of, shapes, write_clip
from plain_engine import PAUSE, Plain

import vidstyle
from vidstyle.cli.main import main
from vidstyle.errors import InputError, OutputError
from vidstyle.frames import Frame, Pixels
from vidstyle.live.camera import Camera
from vidstyle.live.mjpeg import MjpegServer
from vidstyle.live.painting import LiveReport, paint_live
from vidstyle.live.virtual_camera import VirtualCamera

GREY = np.full((64, 64, 3), 128, np.uint8)


class Seen:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.pictures: list[Pixels] = []

    def send(self, pixels: Pixels) -> None:
        self.pictures.append(pixels)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", shapes(15, 96, 64), rate=50)


def test_the_newest_frame_wins_when_painting_is_slow(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PAUSE, "0.06")  # s; a frame of the clip takes 0.02
    seen, reports = Seen(), list[LiveReport]()
    stylizer = vidstyle.Stylizer(GREY, engine=Plain(), temporal="none", strength=1)
    with Camera(str(clip)) as camera:
        report = paint_live(camera, stylizer, [seen], on_frame=reports.append)
    numbers = [number_of(pixels) for pixels in seen.pictures]
    assert numbers == sorted(set(numbers))
    assert report.frames == len(numbers) < 12
    assert report.frames + report.dropped == 15
    assert numbers[-1] == 14
    assert [each.frames for each in reports] == list(range(1, len(numbers) + 1))


def test_viewers_get_the_newest_frame_and_the_stream_ends() -> None:
    with MjpegServer("127.0.0.1", 0) as server:
        server.send(GREY)
        base = server.address.removesuffix("stream.mjpg")
        with urllib.request.urlopen(base + "frame.jpg", timeout=10) as answer:
            picture = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None and np.abs(picture.astype(int) - 128).max() <= 2
        with urllib.request.urlopen(base, timeout=10) as answer:
            assert b"stream.mjpg" in answer.read()
        stream = urllib.request.urlopen(server.address, timeout=10)
        assert stream.headers["Content-Type"].startswith("multipart/x-mixed-replace")
        assert stream.readline() == b"--vidstyle-frame\r\n"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(base + "../etc/passwd", timeout=10)
        foreign = urllib.request.Request(base, headers={"Host": "evil.example:80"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(foreign, timeout=10)
        port = int(base.rstrip("/").rpartition(":")[2])
        with pytest.raises(OutputError, match=f"no stream can be served at 127.0.0.1:{port}"):
            MjpegServer("127.0.0.1", port)
    stream.read()
    stream.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(base, timeout=10)


def test_the_command_paints_until_the_camera_ends_or_ctrl_c(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["live", "--camera", str(clip), "--style", "waves", "--mjpeg", "0", "--engine", "stylenet"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("http://127.0.0.1:") and "frames painted" in out and "at 96 x 64 px" in out

    def interrupted(self: MjpegServer, pixels: Pixels) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MjpegServer, "send", interrupted)
    assert main([*words, "--quiet"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_a_virtual_camera_gets_the_frames_or_says_what_is_missing(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["live", "--camera", str(clip), "--style", "waves", "--virtual-camera", "--engine", "stylenet"]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    assert main(words) == 1
    assert "pip install 'vidstyle[live]'" in capsys.readouterr().err
    made: list[tuple[int, int, float]] = []
    sent: list[Pixels] = []

    class Device:  # the library needs a driver of the system
        device = "/dev/video9"

        def __init__(self, width: int, height: int, fps: float, *, fmt: str) -> None:
            if made:
                raise RuntimeError("no device")
            made.append((width, height, fps))

        def send(self, pixels: Pixels) -> None:
            sent.append(pixels)

        def close(self) -> None:
            sent.append(GREY)

    library = types.ModuleType("pyvirtualcam")
    library.Camera, library.PixelFormat = Device, types.SimpleNamespace(RGB="rgb")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", library)
    assert main(words) == 0
    assert made == [(96, 64, 10.0)] and sent[0].shape == (64, 96, 3) and sent[-1] is GREY
    made.clear()
    with VirtualCamera(96, 64, 10.0) as camera:
        camera.send(GREY[:32, :48])  # as reduced to hold the rate
    assert sent[-2].shape == (64, 96, 3)
    assert main(words) == 1
    assert "there is no virtual camera (no device)" in capsys.readouterr().err


def test_the_rate_is_held_by_the_size_of_the_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    large = write_clip(tmp_path / "large.mp4", (frames := shapes(8, 400, 300)), rate=50)
    monkeypatch.setattr(
        Camera, "frames", lambda self: (Frame(pixels) for pixels in frames)
    )  # none is left out
    mask = tmp_path / "mask.png"
    cv2.imwrite(str(mask), np.full((60, 80), 128, np.uint8))
    words = ["live", "--camera", str(large), "--style", "waves", "--mjpeg", "0", "--engine", "stylenet"]
    for more, size in (
        (["--fps-target", "900"], "320 x 240"),
        (["--fps-target", "900", "--layer", f"ink={mask}"], "320 x 240"),
        (["--working-size", "100"], "400 x 300"),  # holds no rate
    ):
        assert main([*words, *more]) == 0
        assert f"at {size} px" in capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--working-size", "240"]])
def test_an_engine_that_paints_keyframes_is_refused_with_what_to_give_instead(
    clip: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    words = ["live", "--camera", str(clip), "--style", "waves", "--mjpeg", "0", *more]
    for choice in (["--quality", "best"], ["--engine", "reshuffle"]):
        assert main([*words, *choice]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err == (
            "vidstyle: a camera cannot be painted by reshuffle, which paints keyframes of whole clips: give "
            "--quality draft, normal or high, or another --engine\n"
        )


def test_what_is_wrong_is_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for camera in ("97", "gone.mp4", "9" * 20):
        with pytest.raises(InputError, match=f"no camera or clip can be opened as '{camera}'"):
            Camera(camera)
    assert main(["live", "--style", "waves", "--camera", "97"]) == 1
    assert capfd.readouterr().err.count("\n") == 1
    assert main(["live", "--style", "waves", "--mjpeg", "0.0.0.0:9000"]) == 1
    assert "add --allow-remote" in capfd.readouterr().err
    assert main(["live", "--style", "waves", "--mjpeg", "many"]) == 2
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"no picture")
    words = ["live", "--style", "waves", "--engine", "stylenet", "--mjpeg", "0", "--camera", str(damaged)]
    assert main(words) == 1
    assert "vidstyle: no frame came from the camera" in capfd.readouterr().err
