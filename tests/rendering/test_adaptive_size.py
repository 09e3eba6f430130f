"""Painted sizes that hold a rate."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from plain_engine import PAUSE, Plain
from scenes import ground, shot, view
from torch import Tensor

from vidstyle import Stylizer
from vidstyle.cli.main import main
from vidstyle.engines.base import Painted, Statistics, load_engine
from vidstyle.errors import OptionError
from vidstyle.frames import Frame
from vidstyle.rendering.adaptive_size import AdaptiveSize
from vidstyle.rendering.renderer import Renderer


def shares(size: AdaptiveSize, cost: float, rest: float, count: int, *, cut_every: int = 0) -> list[float]:
    """The shares chosen for ``count`` frames of 1/25 s whose painting costs ``cost`` s at full size."""
    chosen = []
    for index in range(count):
        size.decide(is_cut=bool(cut_every) and index % cut_every == 0)
        chosen.append(size.share)
        size.observe(cost * size.share**2, rest, 1 / 25)
    return chosen


def test_frames_that_are_quick_enough_keep_the_largest_size() -> None:
    assert set(shares(AdaptiveSize(), 0.02, 0.01, 200, cut_every=20)) == {1.0}


def test_the_size_falls_until_the_rate_of_the_clip_is_held_and_no_further() -> None:
    chosen = shares(AdaptiveSize(), 0.1, 0.01, 100)
    assert chosen[0] == 1.0
    assert 0.6 * 0.04 < 0.1 * chosen[-1] ** 2 + 0.01 <= 0.04
    assert len(set(chosen)) == 2  # one change, none back


def test_a_rate_that_is_missed_by_far_is_not_waited_for() -> None:
    def first_change(cost: float) -> int:
        chosen = shares(AdaptiveSize(), cost, 0.01, 40)
        return next(number for number, share in enumerate(chosen) if share < 1)

    assert first_change(0.5) < 10 < first_change(0.06)


def test_a_wanted_rate_takes_the_place_of_the_clip_s() -> None:
    assert shares(AdaptiveSize(seconds=0.2), 0.1, 0.01, 60)[-1] == 1.0
    assert 0.1 * shares(AdaptiveSize(seconds=0.02), 0.1, 0.005, 60)[-1] ** 2 + 0.005 <= 0.02


def test_frames_without_a_duration_have_no_rate_to_hold() -> None:
    size = AdaptiveSize()
    for _ in range(60):
        size.decide(is_cut=False)
        assert size.share == 1.0
        size.observe(0.1, 0.01, 0.0)


def test_strokes_grow_finer_at_a_cut_but_not_for_little_within_a_shot() -> None:
    size = AdaptiveSize()
    slow = shares(size, 0.1, 0.01, 60)[-1]
    assert shares(size, 0.06, 0.01, 60)[-1] == slow
    assert shares(size, 0.06, 0.01, 60, cut_every=30)[-1] > slow


def test_a_rate_that_painting_alone_cannot_hold_gives_the_smallest_size() -> None:
    smallest = shares(AdaptiveSize(), 9.0, 0.01, 60)[-1]
    assert 0.15 < smallest < 0.3


def test_painting_that_takes_little_beside_the_rest_is_not_made_coarser() -> None:
    assert shares(AdaptiveSize(), 1.0, 9.0, 60)[-1] == 1.0


@pytest.mark.parametrize("height", [90, 360, 1080, 2160])
def test_a_coarser_renderer_paints_at_the_share_of_what_it_paints_at_most(height: int) -> None:
    renderer = Renderer(load_engine("stylenet"))
    width = height * 16 // 9
    largest = renderer._shapes(height, width)[1][0]
    for share in (0.84, 0.5, 0.25):
        working, fine = renderer.coarser(share)._shapes(height, width)
        most = max(share * largest, min(96, height)) + 1
        assert most / 1.26 - 2 < fine[0] <= most  # what is a little larger than its strokes is enlarged
        assert working[0] <= fine[0]
    assert renderer.coarser(1.0)._shapes(height, width) == renderer._shapes(height, width)


def frames(count: int) -> list[Frame]:
    views = (shot(view(ground(200, 260, 1), 100 + index, 90, 1, 120, 160)) for index in range(count))
    return [Frame(each, Fraction(i, 25), Fraction(1, 25)) for i, each in enumerate(views)]


def test_a_clip_is_painted_smaller_to_hold_an_impossible_rate_and_at_full_size_for_an_easy_one() -> None:
    clip = frames(30)
    options = {"engine": "stylenet", "device": "cpu", "temporal": "none"}
    plain, easy, hard = (
        [frame.pixels for frame in Stylizer("waves", **options, **more).frames(clip)]  # type: ignore[arg-type]
        for more in (
            {},
            {"working_size": "auto", "fps_target": 0.1},
            {"working_size": "auto", "fps_target": 1e6},
        )
    )
    assert all((one == other).all() for one, other in zip(plain, easy, strict=True))
    assert (hard[3] == plain[3]).all() and not (hard[-1] == plain[-1]).all()
    assert hard[-1].shape == plain[-1].shape


class Recording(Plain):
    """Notes the sizes at which it paints."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, ...]] = []

    def stylize(
        self, image: Tensor, style: Tensor, statistics: Statistics | None = None
    ) -> Painted[Statistics]:
        self.sizes.append(tuple(image.shape[-2:]))
        return super().stylize(image, style, statistics)


@pytest.mark.parametrize("temporal", ["none", "map"])
def test_layers_are_painted_at_one_size_that_follows_what_they_take_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporal: str
) -> None:
    mask = tmp_path / "mask.png"
    cv2.imwrite(str(mask), np.full((120, 160), 128, np.uint8))
    costs: list[float] = []
    observe = AdaptiveSize.observe

    def noted(size: AdaptiveSize, painting: float, rest: float, duration: float) -> None:
        costs.append(painting)
        observe(size, painting, rest, duration)

    monkeypatch.setattr(AdaptiveSize, "observe", noted)
    monkeypatch.setenv(PAUSE, "0.02")
    engine = Recording()
    stylizer = Stylizer(
        "waves",
        engine=engine,
        temporal=temporal,
        layer=[("ink", mask), ("mosaic", mask)],
        working_size="auto",
        fps_target=1e6,
    )
    negatives = [replace(frame, pixels=255 - frame.pixels) for frame in frames(12)]
    clip = [pair[index % 3 > 0] for index, pair in enumerate(zip(frames(12), negatives, strict=True))]
    painted = list(stylizer.frames(clip))
    assert len(painted) == len(costs) == 12
    assert max(costs) >= 3 * 0.02
    of_frames = list(zip(*(engine.sizes[layer::3] for layer in range(3)), strict=True))
    assert all(len(set(sizes)) == 1 for sizes in of_frames)
    assert of_frames[-1][0] < of_frames[0][0]


def test_a_run_says_that_its_size_was_chosen(plain_clip: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = ["run", str(plain_clip), "--style", "waves", "--engine", "stylenet", "--frames", "2", "-q"]
    more = [
        "--working-size",
        "auto",
        "--fps-target",
        "12",
        "--json",
        str(report),
        "-o",
        str(tmp_path / "a.mp4"),
    ]
    assert main([*words, *more]) == 0
    assert '"working_size": "auto"' in report.read_text()


def test_sizes_and_rates_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--fps-target is held by --working-size auto; give both"):
        Stylizer("waves", fps_target=10)
    with pytest.raises(OptionError, match="px, 16 or more, or auto, got 'large'"):
        Stylizer("waves", working_size="large")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="paints keyframes: give a number of px"):
        Stylizer("waves", engine="reshuffle", working_size="auto")
    with pytest.raises(OptionError, match="depend on the time that they take"):
        Stylizer("waves", engine="stylenet", working_size="auto").frames([], save_state=tmp_path / "state")
