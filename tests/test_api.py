"""The doors in Python: what goes in comes out painted, in kind, and nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import Sound, shapes, write_clip
from PIL import Image

import vidstyle
from vidstyle import Frame, Stylizer, stylize_frames, stylize_image, stylize_video
from vidstyle.api import steady
from vidstyle.errors import InputError, OptionError, OutputError, UnknownName
from vidstyle.frames import Pixels
from vidstyle.pipeline.report import Progress
from vidstyle.video.reading.reader import Reader


@pytest.fixture(scope="module")
def art(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A style picture of blotches in warm colours."""
    blotches = np.random.default_rng(5).integers(0, 255, (12, 16, 3), np.uint8)
    path = tmp_path_factory.mktemp("art") / "art.png"
    cv2.imwrite(str(path), cv2.resize(blotches, (160, 120), interpolation=cv2.INTER_CUBIC) // (3, 2, 1))
    return path


@pytest.fixture(scope="module")
def stylizer(art: Path) -> Stylizer:
    return Stylizer(art)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", shapes(12, 96, 64), sounds=[Sound()])


def _difference(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, np.float64) - other).mean())


def _read(path: Path) -> list[Frame]:
    with Reader(path) as reader:
        return list(reader)


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & {"decode", "stylize"}


# Streams of frames -----------------------------------------------------------------------------------


def test_arrays_come_back_as_arrays_of_their_size_and_depth(stylizer: Stylizer) -> None:
    for pictures in (shapes(3, 70, 50), shapes(3, 70, 50, deep=True)):
        painted = list(stylizer.frames(pictures))
        assert [picture.shape for picture in painted] == [(50, 70, 3)] * 3
        assert {picture.dtype for picture in painted} == {pictures[0].dtype}
        assert _difference(painted[0], pictures[0]) > 0.02 * np.iinfo(pictures[0].dtype).max


@pytest.mark.parametrize("temporal", ["map", "blend", "none"])
def test_a_stream_may_change_its_size_and_its_depth(art: Path, temporal: str) -> None:
    small = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    deep, large = small.astype(np.uint16) * 257, np.tile(small, (2, 2, 1))
    frames = [small, small, deep, deep, large, large, small]
    results = list(Stylizer(art, temporal=temporal, engine="stylenet", device="cpu").frames(frames))
    assert [(each.shape, each.dtype) for each in results] == [(each.shape, each.dtype) for each in frames]


def test_frames_come_back_as_frames_with_their_times_and_alpha(stylizer: Stylizer) -> None:
    alpha = np.arange(50 * 70, dtype=np.uint8).reshape(50, 70)
    times = [Fraction(0), Fraction(1, 7), Fraction(3, 7)]
    frames = [
        Frame(picture, time, Fraction(1, 7), alpha)
        for picture, time in zip(shapes(3, 70, 50), times, strict=True)
    ]
    painted = list(stylizer.frames(frames))
    assert [frame.time for frame in painted] == times
    assert all(np.array_equal(frame.alpha, alpha) for frame in painted if frame.alpha is not None)
    assert all(frame.alpha is not None for frame in painted)


def test_each_result_comes_before_the_next_frame_is_taken(stylizer: Stylizer) -> None:
    taken = 0

    def camera() -> Iterator[Pixels]:
        nonlocal taken
        for picture in shapes(4, 64, 48):
            taken += 1
            yield picture

    for number, _ in enumerate(stylizer.frames(camera()), 1):
        assert taken == number


def test_nothing_is_taken_before_it_is_asked_for(stylizer: Stylizer) -> None:
    def camera() -> Iterator[Pixels]:
        raise AssertionError("taken")
        yield

    stylizer.frames(camera())


def test_a_stream_keeps_no_memory_of_another(stylizer: Stylizer) -> None:
    pictures = shapes(3, 64, 48)
    first, second = list(stylizer.frames(pictures)), list(stylizer.frames(pictures))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8)), np.zeros((40, 40, 3)), np.zeros((40, 40, 4), np.uint8), "x"]
)
def test_what_is_no_picture_is_refused_in_one_line(stylizer: Stylizer, wrong: Any) -> None:
    with pytest.raises(OptionError, match=r"pixels must be \(H, W, 3\) uint8 or uint16"):
        list(stylizer.frames([wrong]))


def test_a_failing_source_of_frames_is_heard(stylizer: Stylizer) -> None:
    def camera() -> Iterator[Pixels]:
        yield from shapes(1, 64, 48)
        raise ConnectionError("unplugged")

    with pytest.raises(ConnectionError, match="unplugged"):
        list(stylizer.frames(camera()))


def test_stability_0_is_the_same_as_no_temporal_method(art: Path) -> None:
    pictures = shapes(4, 64, 48)
    alone = list(stylize_frames(pictures, style=art, temporal="none"))
    unsteady = list(stylize_frames(pictures, style=art, stability=0))
    assert all(np.array_equal(one, other) for one, other in zip(alone, unsteady, strict=True))


def test_strength_0_is_the_clip_exactly(art: Path) -> None:
    pictures = shapes(3, 64, 48)
    painted = list(stylize_frames(pictures, style=art, strength=0))
    assert all(np.array_equal(one, other) for one, other in zip(painted, pictures, strict=True))


def test_a_mask_keeps_the_clip_where_it_is_black(art: Path, tmp_path: Path) -> None:
    half = np.zeros((48, 64), np.uint8)
    half[:, 32:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), half)
    pictures = shapes(3, 64, 48)
    painted = list(stylize_frames(pictures, style=art, mask=tmp_path / "mask.png"))
    assert np.array_equal(painted[2][:, :32], pictures[2][:, :32])
    assert _difference(painted[2][:, 32:], pictures[2][:, 32:]) > 5


def test_a_picture_of_a_mask_is_read_once(art: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    cv2.imwrite(str(mask), np.zeros((64, 96), np.uint8))
    stylizer = vidstyle.Stylizer(art, mask=mask, device="cpu")
    mask.unlink()
    picture = shapes(1)[0]
    assert (stylizer.image(picture) == picture).all()


@pytest.mark.parametrize("name", ["mask.mkv", "mask.gif", "masks"])
def test_a_mask_clip_is_checked_before_anything_is_painted(art: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir() if name == "masks" else (tmp_path / name).write_bytes(b"GIF89a no")
    with pytest.raises(vidstyle.InputError, match=name):
        vidstyle.Stylizer(art, mask=tmp_path / name, device="cpu")


@pytest.mark.parametrize("name", ["mask.mkv", "mask.gif", "mask.png", "mask.webp"])
def test_a_mask_may_move(art: Path, tmp_path: Path, name: str) -> None:
    white = np.full((48, 64, 3), 255, np.uint8)
    if name == "mask.mkv":
        write_clip(tmp_path / name, [white * 0, white], codec="ffv1", pixel_format="bgr0")
    else:
        black = Image.fromarray(white * 0)
        black.save(tmp_path / name, save_all=True, append_images=[Image.fromarray(white)], duration=40)
    pictures = shapes(2, 64, 48)
    painted = list(stylize_frames(pictures, style=art, mask=tmp_path / name))
    assert np.array_equal(painted[0], pictures[0])
    assert _difference(painted[1], pictures[1]) > 5


def test_small_things_come_back_in_frames_and_pictures(art: Path) -> None:
    picture = np.full((96, 128, 3), 200, np.uint8)
    picture[10:80, 60:62] = 20
    alone, detailed = Stylizer(art, working_size=16, detail=0), Stylizer(art, working_size=16, detail=1)
    painted = [stylizer.image(picture).astype(int) for stylizer in (alone, detailed)]
    assert (painted[0] - painted[1])[20:70, 60:62].mean() > 20
    assert np.array_equal(painted[0][:, :50], painted[1][:, :50])
    for stylizer, still in zip((alone, detailed), painted, strict=True):
        assert _difference(next(iter(stylizer.frames([picture]))), still) < 1


def test_a_style_track_moves_from_one_style_to_the_next(art: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "night.png"), np.full((64, 64, 3), (90, 20, 10), np.uint8))
    track = tmp_path / "track.txt"
    track.write_text(f"0 {art}\n0.4 night.png\n")
    pictures = [shapes(1, 64, 48)[0]] * 12
    painted = list(stylize_frames(pictures, style_track=track))
    assert np.array_equal(painted[0], next(iter(stylize_frames(pictures, style=art))))
    assert _difference(painted[0], painted[11]) > 5


# Clips -----------------------------------------------------------------------------------------------


def test_a_clip_is_painted_with_its_sound(stylizer: Stylizer, clip: Path, tmp_path: Path) -> None:
    report = stylizer.video(clip)
    assert report.target == tmp_path / "clip_art.mp4"
    assert report.frames == 12
    painted, source = _read(report.target), _read(clip)
    assert [frame.time for frame in painted] == [frame.time for frame in source]
    assert _difference(painted[5].pixels, source[5].pixels) > 5
    with av.open(str(report.target)) as result, av.open(str(clip)) as original:
        sounds = [[bytes(packet) for packet in file.demux(audio=0)] for file in (result, original)]
    assert sounds[0] == sounds[1]


def test_a_clip_equals_the_stream_of_its_frames(stylizer: Stylizer, clip: Path, tmp_path: Path) -> None:
    report = stylizer.video(clip, tmp_path / "out.mkv", codec="ffv1")
    streamed = list(stylizer.frames(_read(clip)))
    for written, frame in zip(_read(report.target), streamed, strict=True):
        assert _difference(written.pixels, frame.pixels) < 1


def test_the_same_run_gives_the_same_bytes(stylizer: Stylizer, clip: Path, tmp_path: Path) -> None:
    results = [stylizer.video(clip, tmp_path / f"{number}.mp4").target.read_bytes() for number in (1, 2)]
    assert results[0] == results[1]


def test_the_hook_may_stop_a_run(stylizer: Stylizer, clip: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []

    def stop(progress: Progress) -> bool:
        seen.append(progress)
        return progress.index < 3

    report = stylizer.video(clip, tmp_path / "short.mp4", on_frame=stop)
    assert report.stopped
    assert len(_read(report.target)) == len(seen) == 4
    assert seen[0].is_cut
    assert _threads() == set()


def test_a_failing_engine_leaves_nothing(
    stylizer: Stylizer, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*arguments: Any) -> None:
        raise RuntimeError("the engine broke")

    monkeypatch.setattr(stylizer._painter.engine, "stylize", breaks)
    with pytest.raises(RuntimeError, match="the engine broke"):
        stylizer.video(clip, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == [clip]
    assert _threads() == set()


def test_all_words_may_be_given_at_once(art: Path, clip: Path, tmp_path: Path) -> None:
    report = stylize_video(
        clip,
        tmp_path / "out.mp4",
        style=[art, art],
        style_weights=(2, 1),
        strength=0.5,
        temporal="blend",
        start="0.08",
        end=0.32,
        crf=30,
        preset="ultrafast",
    )
    assert report.frames == 6
    assert report.options["strength"] == 0.5
    assert report.options["start"] == Fraction(2, 25)
    assert report.options["style"] == [art, art]


def test_what_is_wrong_is_found_before_anything_is_painted(art: Path, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "there.mp4").write_text("mine")
    wrong: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (OptionError, "did you mean 'stability'", {"stabilty": 1}),
        (OptionError, "--strength must be from 0 to 1.5", {"strength": 2}),
        (OptionError, "--detail must be from 0 to 1", {"detail": 2}),
        (OptionError, "--style-weights must be 1 number", {"style_weights": (1, 2)}),
        (UnknownName, "no engine named 'stylnet'; did you mean 'stylenet'", {"engine": "stylnet"}),
        (UnknownName, "no codec named 'h246'", {"codec": "h246"}),
        (OutputError, "exists already", {"target": tmp_path / "there.mp4"}),
        (OutputError, "does not exist", {"target": tmp_path / "no" / "out.mp4"}),
        (InputError, "no style 'nothing.jpg'", {"style": "nothing.jpg"}),
        (InputError, "is a video", {"style": clip}),
        (InputError, "mask", {"mask": tmp_path / "mask.png"}),
    ]
    before = set(tmp_path.iterdir())
    for kind, message, options in wrong:
        options = {"target": tmp_path / "out.mp4", "style": art, **options}
        with pytest.raises(kind, match=message):
            stylize_video(clip, **options)
    assert set(tmp_path.iterdir()) == before


def test_frames_painted_elsewhere_are_steadied(clip: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(2)
    flickering = [
        np.clip(128 - frame.pixels.astype(int) // 2 + noise.integers(0, 60, frame.pixels.shape), 0, 255)
        for frame in _read(clip)
    ]
    painted = write_clip(tmp_path / "painted.mp4", [picture.astype(np.uint8) for picture in flickering])
    report = steady(clip, painted)
    assert report.target == tmp_path / "painted_steady.mp4"
    results, before = _read(report.target), _read(painted)
    still = (slice(20, 60), slice(0, 8))  # away from what moves

    def flicker(frames: list[Frame]) -> float:
        pairs = pairwise(frame.pixels[still] for frame in frames)
        return float(np.mean([_difference(one, two) for one, two in pairs]))

    assert flicker(results) < 0.7 * flicker(before)
    assert report.frames == 12


def test_frames_painted_elsewhere_get_small_things_back(tmp_path: Path) -> None:
    picture = np.full((96, 128, 3), 200, np.uint8)
    picture[10:80, 60:64] = 20
    clip = write_clip(tmp_path / "rope.mkv", [picture] * 3, codec="ffv1", pixel_format="bgr0")
    flat = [np.full((96, 128, 3), (180, 140, 110), np.uint8)] * 3
    painted = write_clip(tmp_path / "flat.mkv", flat, codec="ffv1", pixel_format="bgr0")
    ropes = []
    for detail in (0.0, 0.5):
        report = steady(clip, painted, tmp_path / f"{detail}.mkv", detail=detail, codec="ffv1")
        ropes.append(_read(report.target)[2].pixels[20:70, 61:63])
        assert report.options["detail"] == detail
    assert _difference(ropes[0], flat[0][:50, :2]) < 2
    assert flat[0].mean() - ropes[1].mean() > 40


def test_steady_refuses_what_cannot_belong_together(clip: Path, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.mp4", shapes(40, 96, 64))
    with pytest.raises(InputError, match="40 frames"):
        steady(clip, other)
    assert set(tmp_path.iterdir()) == {clip, other}


def test_steady_keeps_the_size_of_the_painting_and_the_shape_of_the_clip(clip: Path, tmp_path: Path) -> None:
    painted = write_clip(tmp_path / "large.mp4", shapes(12, 128, 128))
    report = steady(clip, painted)
    with Reader(report.target) as reader:
        assert (reader.info.width, reader.info.height) == (128, 128)
        assert reader.info.pixel_aspect == Fraction(96, 64)


# Pictures --------------------------------------------------------------------------------------------


def test_a_picture_is_painted_from_pixels_frame_or_file(stylizer: Stylizer, tmp_path: Path) -> None:
    pixels = shapes(1, 64, 48)[0]
    cv2.imwrite(str(tmp_path / "photo.png"), pixels[..., ::-1])
    painted = stylizer.image(pixels)
    assert painted.shape == pixels.shape
    assert np.array_equal(stylizer.image(Frame(pixels)), painted)
    assert np.array_equal(stylizer.image(tmp_path / "photo.png"), painted)


def test_a_picture_is_painted_coarsely_first_then_in_full(stylizer: Stylizer) -> None:
    picture = shapes(1, 256, 192)[0]
    coarse, full = stylizer.progressive(picture)
    assert coarse.shape == full.shape == picture.shape
    assert np.array_equal(full, stylizer.image(picture))
    assert np.abs(coarse.astype(int) - full).mean() > 2


def test_a_picture_keeps_depth_and_transparency(art: Path, tmp_path: Path) -> None:
    deep = np.full((48, 64, 4), 1234, np.uint16)
    deep[..., :3] = shapes(1, 64, 48, deep=True)[0]
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    painted = stylize_image(tmp_path / "deep.png", tmp_path / "out.png", style=art)
    assert painted.dtype == np.uint16
    saved = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert saved is not None
    assert saved.dtype == np.uint16
    assert np.array_equal(saved[..., 2::-1], painted)
    assert (saved[..., 3] == 1234).all()


def test_an_existing_picture_is_kept(art: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    target.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        stylize_image(shapes(1)[0], target, style=art)
    assert target.read_text() == "mine"
    stylize_image(shapes(1)[0], target, style=art, overwrite=True)
    assert target.read_bytes().startswith(b"\x89PNG")


def test_public_names_lead_to_the_doors() -> None:
    assert vidstyle.stylize_video is stylize_video
    assert vidstyle.Stylizer is Stylizer


# Inputs are never replaced ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["style", "mask", "style_track", "weights"])
def test_no_result_replaces_what_it_is_made_from(clip: Path, tmp_path: Path, kind: str) -> None:
    read = tmp_path / "read.apng"
    read.write_bytes(b"precious")
    options: dict[str, Any] = {"style": "waves", kind: read}
    with pytest.raises(OutputError, match=r"read\.apng is the input itself"):
        stylize_video(clip, read, overwrite=True, **options)
    assert read.read_bytes() == b"precious"


def test_no_painted_picture_replaces_its_input(stylizer: Stylizer, art: Path, tmp_path: Path) -> None:
    before = art.read_bytes()
    for picture in (art, shapes(1, 64, 48)[0]):  # a picture of its own, or a style's
        with pytest.raises(OutputError, match="is the input itself"):
            stylizer.image(picture, art, overwrite=True)
    assert art.read_bytes() == before
