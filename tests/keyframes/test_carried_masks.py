"""Masks carried through a clip: they stay on the thing, are exact where they were drawn, and end at cuts."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import shapes, write_clip
from numpy.typing import NDArray
from plain_engine import Plain
from results import read, times_of
from scenes import ground, shot, view

import vidstyle
from vidstyle.cli.main import main
from vidstyle.errors import OptionError
from vidstyle.frames import Pixels
from vidstyle.keyframes.mask_edges import along_outlines

HEIGHT, WIDTH = 96, 144


def scene(count: int, speed: float = 3.0) -> tuple[list[Pixels], list[NDArray[np.uint8]]]:
    """A warm disc over cool ground that moves too, and the true mask of the disc in each frame."""
    back = ground(200, 320, 1) * np.array([0.5, 0.7, 1.0], np.float32)
    front = ground(200, 320, 5) * 0.5 + np.array([120.0, 60.0, 10.0], np.float32)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pictures, masks = [], []
    for number in range(count):
        centre = 42 + speed * number, 48 + 6 * np.sin(number / 4)
        inside = np.clip(26.5 - np.hypot(x - centre[0], y - centre[1]), 0, 1).astype(np.float32)[..., None]
        disc = view(front, 160 - (centre[0] - WIDTH / 2), 100 - (centre[1] - HEIGHT / 2), 1, HEIGHT, WIDTH)
        picture = disc * inside + view(back, 130 + number, 100, 1, HEIGHT, WIDTH) * (1 - inside)
        pictures.append(shot(picture, 1.0, number))
        masks.append(np.rint(inside[..., 0] * 255).astype(np.uint8))
    return pictures, masks


def overlap(mask: NDArray[Any], truth: NDArray[np.uint8]) -> float:
    """Intersection over union."""
    one, other = mask > 0.5, truth > 127
    return float((one & other).sum() / (one | other).sum())


def test_a_mask_stays_on_the_thing_that_it_was_drawn_on() -> None:
    pictures, truth = scene(9)
    carried = list(vidstyle.carried_masks(pictures, {0: truth[0]}))
    stays = [overlap(truth[0] / 255, each) for each in truth]
    overlaps = [overlap(*pair) for pair in zip(carried, truth, strict=True)]
    assert overlaps[0] == 1.0
    assert stays[-1] < 0.45 and min(overlaps) > 0.9


def test_a_mask_is_carried_back_and_between_two_masks() -> None:
    pictures, truth = scene(7)
    back = list(vidstyle.carried_masks(pictures, {6: truth[6]}))
    assert overlap(back[0], truth[0]) > 0.7 > 1.3 * overlap(truth[6] / 255, truth[0])
    between = list(vidstyle.carried_masks(pictures, {0: truth[0], 6: truth[6]}))
    assert overlap(between[3], truth[3]) > 0.88
    empty = np.zeros_like(truth[0])  # a correction: later, nothing is to be painted
    corrected = list(vidstyle.carried_masks(pictures, {0: truth[0], 6: empty}))
    shares = [float(mask[truth[index] > 250].mean()) for index, mask in enumerate(corrected)]
    assert shares[0] == 1.0 and shares[6] == 0.0
    assert all(later <= earlier for earlier, later in pairwise(shares))


def test_a_mask_ends_at_a_cut() -> None:
    pictures, truth = scene(4)
    other = [255 - picture[:, ::-1] for picture in shapes(4, WIDTH, HEIGHT)]
    carried = list(vidstyle.carried_masks([*pictures, *other], {1: truth[1]}))
    assert overlap(carried[3], truth[3]) > 0.9
    assert all(not mask.any() for mask in carried[4:])
    filled = list(vidstyle.carried_masks([*pictures, *other], {1: truth[1]}, elsewhere=1.0))
    assert all((mask == 1).all() for mask in filled[4:])


def test_edges_follow_outlines_and_soft_edges_stay_soft() -> None:
    frame = np.full((80, 120, 3), 40, np.uint8)
    frame[:, 60:] = 200
    off = np.zeros((80, 120), np.float32)
    off[:, 56:] = 1.0  # by 4 px
    fitted = along_outlines(off, frame)
    assert fitted[:, :58].max() < 0.15 and fitted[:, 62:].min() > 0.85
    ramp = np.tile(np.clip(np.arange(240) / 200 - 0.1, 0, 1), (80, 1)).astype(np.float32)
    flat = np.full((80, 240, 3), 90, np.uint8)
    assert np.abs(along_outlines(ramp, flat) - ramp)[:, 60:180].max() < 0.02


def test_what_carried_masks_does_not_take_is_told() -> None:
    frames, mask = np.zeros((2, 40, 60, 3), np.uint8), np.zeros((40, 60), np.uint8)
    with pytest.raises(OptionError, match=r"pixels must be \(H, W, 3\)"):
        list(vidstyle.carried_masks(list(frames[..., 0]), {0: mask}))
    with pytest.raises(OptionError, match="by the number of the frame"):
        list(vidstyle.carried_masks(list(frames), [mask]))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="--elsewhere must be from 0 to 1"):
        list(vidstyle.carried_masks(list(frames), {0: mask}, elsewhere=3))


def test_no_line_is_left_around_a_mask_where_the_ground_has_stripes_of_its_own() -> None:
    frame = np.full((480, 640, 3), 200, np.uint8)
    mask = np.zeros((480, 640), np.float32)
    frame[180:300, 260:380], mask[180:300, 260:380] = 20, 1.0
    frame[150:330:4] = frame[150:330:4] * 0.75
    fitted = along_outlines(mask, frame)
    assert fitted[180:300, 260:380].min() > 0.99
    fitted[174:306, 254:386] = 0
    assert fitted.max() < 0.01


def test_the_command_writes_a_lossless_clip_that_run_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures, truth = scene(5)
    write_clip(Path("clip.mp4"), pictures)
    cv2.imwrite("mask.png", truth[0])
    assert main(["propagate-mask", "clip.mp4", "--mask", "0=mask.png", "-o", "mask.mkv", "-q"]) == 0
    masks = [pixels for pixels, _ in read(Path("mask.mkv"))]
    assert np.array_equal(masks[0], np.dstack([truth[0]] * 3))
    assert times_of(Path("mask.mkv")) == times_of(Path("clip.mp4"))
    assert overlap(masks[4][..., 0] / 255, truth[4]) > 0.9
    grey = np.full((64, 64, 3), 128, np.uint8)
    vidstyle.stylize_video(
        "clip.mp4", "out.mkv", style=grey, engine=Plain(), mask="mask.mkv", codec="ffv1", strength=0.0
    )
    assert len(list(read(Path("out.mkv")))) == 5


def test_shots_without_a_mask_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures, truth = scene(3)
    write_clip(
        tmp_path / "clip.mp4", [*pictures, *(255 - each[:, ::-1] for each in shapes(3, WIDTH, HEIGHT))]
    )
    with caplog.at_level(logging.WARNING):
        report = vidstyle.propagate_mask(tmp_path / "clip.mp4", {"#0": truth[0]}, tmp_path / "mask.mkv")
    assert "no mask in the shot from 0.12 to 0.24 s: 0 everywhere" in caplog.text
    assert report.frames == 6 and len(report.cuts) == 1


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({}, "a mask is needed"),
        ({0: np.zeros((4, 4), np.float32)}, r"a mask must be \(H, W\) or \(H, W, 3\) uint8 or uint16"),
        ({9: np.zeros((4, 4), np.uint8)}, r"--mask #9=pixels is outside of the clip, which has 2 frames"),
    ],
)
def test_a_wrong_mask_is_one_line(masks: dict[int, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        list(vidstyle.carried_masks(shapes(2), masks))
