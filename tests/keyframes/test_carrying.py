"""Paintings carried along known motion: where each pixel comes from, and what fills uncovered ground."""

from __future__ import annotations

import gc
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from scenes import change, ground, sharpness, shot, view

from vidstyle.errors import OutputError
from vidstyle.frames import Frame, Pixels
from vidstyle.keyframes import spill
from vidstyle.keyframes.choice import blended, seam_pattern
from vidstyle.keyframes.clip_plan import ClipPlan, Keyframe, plan_clip
from vidstyle.keyframes.coordinates import Coordinates, PairMotion, carried, identity, smoothed_edges
from vidstyle.keyframes.lookup import looked_up
from vidstyle.keyframes.moments import moments_of
from vidstyle.keyframes.propagation import propagated

HEIGHT, WIDTH = 96, 144


def frames_of(pictures: Sequence[Pixels]) -> list[Frame]:
    return [Frame(picture, Fraction(index, 25), Fraction(1, 25)) for index, picture in enumerate(pictures)]


def panned(count: int, step: float = 2.0, seed: int = 1) -> list[Pixels]:
    """A textured picture under a camera that moves ``step`` px a frame."""
    picture = ground(160, 300, seed)
    return [shot(view(picture, 80 + index * step, 80, 1, HEIGHT, WIDTH)) for index in range(count)]


def propagate(pictures: Sequence[Pixels], paintings: dict[int, Pixels], folder: Path) -> list[Pixels]:
    """The result for each of ``pictures`` with ``paintings`` by the numbers of their frames."""
    files = {}
    for number, painting in paintings.items():
        path = folder / f"painted-{number}.png"
        cv2.imwrite(str(path), painting[..., [2, 1, 0, *range(3, painting.shape[2])]])
        files[f"#{number}"] = str(path)
    plan = plan_clip(frames_of(pictures), moments_of(files))
    return [item.pixels for item in propagated(frames_of(pictures), plan)]


def test_the_painting_of_a_panned_picture_is_the_panned_painting(tmp_path: Path) -> None:
    count = 10
    clip, truth = panned(count), [255 - picture for picture in panned(count)]
    results = propagate(clip, {0: truth[0]}, tmp_path)
    covered = slice(4, WIDTH - 2 * count - 4)  # shown in the keyframe, too
    assert np.array_equal(results[0], truth[0])
    for result, true in zip(results, truth, strict=True):
        assert change(result[:, covered], true[:, covered]) < 6  # levels; the flow is off by 0.1 px
    assert sharpness(results[-1][:, covered]) > 0.8 * sharpness(truth[-1][:, covered])


def test_an_engine_begins_a_keyframe_with_the_frame_itself_where_paint_was_filled() -> None:
    begun: list[Pixels | None] = []

    def paint(frame: Frame, initial: Pixels | None) -> Pixels:
        begun.append(initial)
        return np.full_like(frame.pixels, 20)

    clip = panned(11, 4.0)
    shots = ClipPlan(np.zeros(11, np.int32), (Keyframe(0), Keyframe(10)))
    assert len(list(propagated(frames_of(clip), shots, paint=paint))) == 11
    first, later = begun
    assert first is None and later is not None
    assert change(later[:, 8:80], np.full_like(later[:, 8:80], 20)) < 3
    new = slice(WIDTH - 30, WIDTH - 4)  # what the pan has uncovered
    assert change(later[:, new], clip[10][:, new]) < 3


def test_a_painting_is_carried_back_to_the_frames_before_it(tmp_path: Path) -> None:
    count = 8
    clip, truth = panned(count), [255 - picture for picture in panned(count)]
    results = propagate(clip, {count - 1: truth[-1]}, tmp_path)
    covered = slice(2 * count + 4, WIDTH - 4)
    assert all(change(a[:, covered], b[:, covered]) < 6 for a, b in zip(results, truth, strict=True))


def test_uncovered_ground_gets_the_paint_of_ground(tmp_path: Path) -> None:
    grass = np.tile(np.array([70, 130, 60], np.float32), (HEIGHT, WIDTH, 1))
    grass += 0.35 * (ground(HEIGHT, WIDTH, 5) - 120)
    clip = []
    for index in range(8):
        picture = grass.copy()
        cv2.circle(picture, (40 + 4 * index, 48), 16, (200, 40, 40), -1, cv2.LINE_AA)
        clip.append(shot(picture))
    is_disc = clip[0][..., 0].astype(int) - clip[0][..., 1] > 60
    blue, yellow = np.array([20, 40, 200], np.uint8), np.array([230, 220, 40], np.uint8)
    painting = np.where(is_disc[..., None], yellow, blue).astype(np.uint8)
    result = propagate(clip, {0: painting}, tmp_path)[-1]
    uncovered = result[40:56, 26:46]
    assert change(uncovered, np.broadcast_to(blue, uncovered.shape)) < 12
    disc = result[42:54, 62:74]
    assert change(disc, np.broadcast_to(yellow, disc.shape)) < 12


def test_between_two_keyframes_areas_change_one_by_one_and_within_few_frames(tmp_path: Path) -> None:
    clip = [panned(1)[0]] * 21
    red, green = np.full_like(clip[0], (200, 0, 0)), np.full_like(clip[0], (0, 200, 0))
    results = propagate(clip, {0: red, 20: green}, tmp_path)
    shares = [float((result[..., 1] > 100).mean()) for result in results]
    assert shares[0] == 0 and shares[-1] == 1
    assert shares == sorted(shares)
    assert 0.25 < shares[10] < 0.75
    is_mixed = np.stack([np.minimum(result[..., 0], result[..., 1]) > 20 for result in results])
    assert is_mixed.mean((1, 2)).max() < 0.42  # seams, around which coarse colours are mixed
    assert np.percentile(is_mixed.sum(0), 90) <= 5  # frames


def test_the_same_call_gives_the_same_result(tmp_path: Path) -> None:
    clip = panned(5, 6.0)
    first, second = (propagate(clip, {1: 255 - clip[1]}, tmp_path) for _ in range(2))
    assert all(map(np.array_equal, first, second))


def test_a_shot_without_a_keyframe_is_painted_by_analogy_and_stays_steady(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = [*panned(4), *(255 - picture // 2 for picture in panned(4, seed=9))]
    painting = np.where(clip[0].mean(2, keepdims=True) > 110, (200, 60, 0), (0, 60, 200)).astype(np.uint8)
    results = propagate(clip, {1: painting}, tmp_path)
    assert "no keyframe in the shot from 0.16 to 0.32 s" in caplog.text
    colors = {tuple(color) for color in results[6][::4, ::4].reshape(-1, 3) // 64}
    assert colors <= {tuple(color) for color in painting.reshape(-1, 3) // 64} | _mixed(painting)


def _mixed(painting: Pixels) -> set[tuple[int, ...]]:
    """Colours between those of ``painting``, as seams have them."""
    one, other = np.unique(painting.reshape(-1, 3), axis=0).astype(int)
    ways = [one + (other - one) * way / 16 + tilt for way in range(17) for tilt in (-6, 0, 6)]
    return {tuple(np.clip(way, 0, 255).astype(int) // 64) for way in ways}


def test_few_frames_of_a_long_stretch_are_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill.Spill.__init__, "__defaults__", (1 << 16,))  # bytes: a file from the start
    clip = panned(24, 0.5)
    path = tmp_path / "painted.png"
    cv2.imwrite(str(path), 255 - clip[-1][..., ::-1])
    plan = plan_clip(frames_of(clip), moments_of({"#23": str(path)}))
    alive: list[weakref.ref[Pixels]] = []
    most = 0

    def counted() -> Iterator[Frame]:
        nonlocal most
        for index, picture in enumerate(clip):
            pixels = picture.copy()
            alive.append(weakref.ref(pixels))
            yield Frame(pixels, Fraction(index, 25), Fraction(1, 25))
            del pixels
            if index % 6 == 5:  # all objects of the process are looked at, which takes long
                gc.collect()
                most = max(most, sum(each() is not None for each in alive))

    assert sum(1 for _ in propagated(counted(), plan)) == 24
    assert most <= 4


def test_rows_of_a_spill_come_back_from_memory_and_from_a_file() -> None:
    for size in (1, 1 << 20):
        with spill.Spill(size) as rows:
            for number in range(5):
                rows.append(np.full((3, number), number, np.float32), np.arange(number) > 1)
            assert len(rows) == 5
            values, flags = rows[3]
            assert values.shape == (3, 3) and values.dtype == np.float32 and (values == 3).all()
            assert flags.tolist() == [False, False, True]


def test_a_temporary_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with (
        spill.Spill(1) as rows,
        pytest.raises(OutputError, match=r"cannot be written to .*missing: No such file .*; TMPDIR names"),
    ):
        rows.append(np.zeros(100))


def test_coordinates_follow_motion_and_are_lost_where_the_keyframe_ends() -> None:
    shift = np.full((20, 30), 3, np.float32)
    zero = np.zeros_like(shift)
    result, unknown = carried(identity(20, 30), PairMotion(shift, zero, -shift, zero))
    assert (result.x == 3).all() and (result.y == 0).all()
    assert unknown[:, 27:].all() and not unknown[:, :26].any()


def test_coordinates_stretched_beyond_twice_are_lost_and_edges_are_not() -> None:
    zero = np.zeros((20, 30), np.float32)
    stretched = np.arange(30, dtype=np.float32)[None] * 1.5 - 20 + zero
    edge = np.where(np.arange(30) < 15, 0, 6).astype(np.float32)[None] + zero
    still = PairMotion(zero, zero, zero, zero)
    nothing = np.zeros(zero.shape, np.bool_)
    assert carried(Coordinates(stretched, zero, nothing), still)[1][5:15, 12:18].all()
    assert not carried(Coordinates(edge, zero, nothing), still)[1][:, :20].any()


def test_crumbs_at_edges_take_the_offset_of_their_neighbours() -> None:
    offset = np.where(np.arange(30) < 15, 0, 6).astype(np.float32)[None].repeat(20, 0)
    crumbs = offset.copy()
    crumbs[5, 5], crumbs[9, 20] = 11, -7
    result = smoothed_edges(Coordinates(crumbs, np.zeros_like(offset), np.zeros(offset.shape, np.bool_)))
    assert np.array_equal(result.x, offset)


def test_a_larger_painting_is_looked_up_at_its_own_size() -> None:
    painting = shot(ground(80, 120))
    shift = np.full((20, 30), 2, np.float32)
    unmoved = np.zeros_like(shift)
    result = looked_up(painting, Coordinates(shift, unmoved, np.zeros(shift.shape, np.bool_)))
    assert np.array_equal(result[:, :112], painting[:, 8:])


def test_the_same_share_of_the_seam_pattern_changes_at_each_time() -> None:
    pattern = seam_pattern(40, 60)
    assert [round(float((pattern < level).mean()), 2) for level in (-0.5, 0, 0.5)] == [0.25, 0.5, 0.75]


def test_a_shot_goes_on_after_a_flash_with_the_paint_it_had(tmp_path: Path) -> None:
    clip, truth = panned(12, 1.0), [255 - picture for picture in panned(12, 1.0)]
    clip[6] = np.full_like(clip[6], 255)
    for painted in (0, 11):
        results = propagate(clip, {painted: truth[painted]}, tmp_path)
        assert len(results) == 12
        assert change(results[8][:, 16:-16], truth[8][:, 16:-16]) < 8


def test_a_flash_shows_its_own_painting_before_a_keyframe_of_the_shot_and_after_it(tmp_path: Path) -> None:
    clip = panned(8, 1.0)
    clip[4] = np.full_like(clip[4], 255)
    painting = shot(ground(HEIGHT, WIDTH, 5))
    for painted in (0, 7):
        results = propagate(clip, {painted: 255 - clip[painted], 4: painting}, tmp_path)
        assert np.array_equal(results[4], painting)


def test_frames_that_were_added_since_the_clip_was_planned_are_painted(tmp_path: Path) -> None:
    clip = panned(6, 1.0)
    cv2.imwrite(str(tmp_path / "painted.png"), 255 - clip[0])
    plan = plan_clip(frames_of(clip[:4]), moments_of({"#0": tmp_path / "painted.png"}))
    results = [item.pixels for item in propagated(frames_of(clip), plan)]
    assert len(results) == 6
    assert change(results[5], 255 - clip[5]) < 0.8 * change(results[5], clip[5])  # by analogy


@pytest.mark.parametrize("transparent", [0, 5])
def test_a_painting_with_transparent_parts_meets_one_without(transparent: int, tmp_path: Path) -> None:
    clip = panned(6, 1.0)
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, : WIDTH // 2] = 0
    half = cast(Pixels, np.dstack([255 - clip[transparent], alpha]))
    paintings = {0: 255 - clip[0], 5: 255 - clip[5], transparent: half}
    results = propagate(clip, paintings, tmp_path)
    assert np.array_equal(results[transparent][:, : WIDTH // 2], clip[transparent][:, : WIDTH // 2])
    assert np.array_equal(results[5 - transparent], 255 - clip[5 - transparent])
    assert change(results[2][:, WIDTH // 2 + 16 : -16], 255 - clip[2][:, WIDTH // 2 + 16 : -16]) < 8


@pytest.mark.parametrize("scale", [0.75, 2])
def test_paint_beside_transparent_black_has_no_dark_rim(scale: float, tmp_path: Path) -> None:
    clip = [100 + picture // 2 for picture in panned(4, 1.5)]
    height, width = int(HEIGHT * scale), int(WIDTH * scale)
    painting = np.zeros((height, width, 4), np.uint8)
    cv2.circle(painting, (width // 2, height // 2), height // 4, (255, 255, 255, 255), -1)
    results = propagate(clip, {0: painting}, tmp_path)
    assert np.min(np.array(results, int) - np.array(clip, int)) >= -1  # level


@pytest.mark.parametrize(("height", "width"), [(2, 2), (16, 16), (17, 31), (90, 8)])
def test_frames_of_any_size_are_painted(height: int, width: int, tmp_path: Path) -> None:
    picture = ground(height + 40, width + 40)
    clip = [shot(picture[index : index + height, 3 * index : 3 * index + width]) for index in range(4)]
    results = propagate(clip, {1: 255 - clip[1]}, tmp_path)
    assert [result.shape for result in results] == [(height, width, 3)] * 4
    assert np.array_equal(results[1], 255 - clip[1])


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_colours_of_two_paintings_meet_over_a_wide_band_and_strokes_at_a_seam(depth: type) -> None:
    scale = np.iinfo(depth).max // 255
    strokes = np.random.default_rng(0).integers(-20, 20, (2, 120, 240, 1))
    earlier, later = (
        ((shade + each) * scale * np.ones(3)).astype(depth)
        for shade, each in zip((100, 140), strokes, strict=True)
    )
    weights = np.zeros((60, 120), np.float32)
    weights[:, 60:] = 1
    result = blended(earlier, later, weights)
    assert result.dtype == depth
    for part, whole in ((np.s_[:, :60], earlier), (np.s_[:, 180:], later)):
        assert np.abs(result[part].astype(float) - whole[part]).max() <= scale
    # coarse colours: from one to the other without a step
    columns = cv2.blur(result.astype(np.float32), (9, 119))[60, :, 0] / scale
    assert np.diff(columns[40:200:8]).max() < 0.5 * 40
    assert np.diff(columns[40:200:8]).min() > -3
    # strokes: those of one painting, up to a few pixels from the seam
    for first, whole in ((100, earlier), (128, later)):
        fine, own = (
            (each - cv2.blur(each, (9, 9)))[:, first : first + 12] for each in (result / scale, whole / scale)
        )
        assert np.corrcoef(fine.ravel(), own.ravel())[0, 1] > 0.98
