"""Clips painted by a keyframe engine: which frames it paints, what the clip brings along, how a run ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import Sound, shapes, write_clip
from results import packets, read, times_of
from torch import Tensor

import vidstyle
from vidstyle.cli.main import main
from vidstyle.engines.base import EngineInfo, KeyframeEngine, OnStep, Painted, Statistics
from vidstyle.frames import Pixels
from vidstyle.pipeline.prefetch import Unwanted, check_wanted, interruptible, prefetch


class Negative(KeyframeEngine[Tensor]):
    """Paints the negative, slightly in the style's colour, and remembers what it was given."""

    info = EngineInfo(title="Negative", is_keyframe_engine=True)

    def __init__(self) -> None:
        super().__init__()
        self.initials: list[Tensor | None] = []

    def encode_style(self, image: Tensor) -> Tensor:
        return image.mean((2, 3), keepdim=True)

    def mix(self, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        return sum((style * weight for style, weight in zip(styles, weights, strict=True)), 0 * styles[0])

    def stylize(
        self,
        image: Tensor,
        style: Tensor,
        statistics: Statistics | None = None,
        *,
        initial: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Painted[Statistics]:
        self.initials.append(initial)
        if on_step is not None:
            on_step()
        return Painted((0.8 * (1 - image) + 0.2 * style).clamp(0, 1))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clip of two shots, 8 and 6 frames."""
    monkeypatch.chdir(tmp_path)
    second = [255 - each[::-1] // 2 for each in shapes(6)]
    write_clip(Path("clip.mp4"), [*shapes(8), *second], sounds=[Sound()])
    return tmp_path


def painted(engine: Negative, **options: Any) -> list[Pixels]:
    vidstyle.stylize_video(
        "clip.mp4", "out.mkv", style="waves", engine=engine, codec="ffv1", overwrite=True, **options
    )
    return [pixels for pixels, _ in read(Path("out.mkv"))]


def test_only_keyframes_are_painted_by_the_engine_and_all_frames_are_paintings(place: Path) -> None:
    engine = Negative()
    results, clip = painted(engine, detail=0), [pixels for pixels, _ in read(Path("clip.mp4"))]
    assert engine.initials == [None, None]  # the first frame of each shot
    assert len(results) == len(clip) == 14
    waves = vidstyle.stylize_image(clip[0], style="waves", engine=engine, detail=0)
    assert np.array_equal(results[0], waves)
    for result, frame in zip(results, clip, strict=True):
        whole = vidstyle.stylize_image(frame, style="waves", engine=engine, detail=0)
        assert np.abs(result.astype(int) - whole).mean() < 0.25 * np.abs(frame.astype(int) - whole).mean()


def test_times_and_sound_are_those_of_the_clip(place: Path) -> None:
    vidstyle.stylize_video("clip.mp4", "out.mp4", style="waves", engine=Negative(), preset="ultrafast")
    assert packets(Path("out.mp4")) == packets(Path("clip.mp4"))
    assert times_of(Path("out.mp4")) == times_of(Path("clip.mp4"))


def test_a_later_keyframe_of_a_shot_begins_with_what_was_carried_to_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstyle.keyframes.selection._LONGEST", 5)
    engine = Negative()
    assert len(painted(engine)) == 14
    assert [each is None for each in engine.initials] == [True, False, True, False]


def test_strength_mask_and_parts_work_as_with_other_engines(place: Path) -> None:
    clip = [pixels for pixels, _ in read(Path("clip.mp4"))]
    assert all(map(np.array_equal, painted(Negative(), strength=0), clip))
    assert len(painted(Negative(), start=0.2, frames=3)) == 3
    own = painted(Negative(), preserve_color=True, detail=0)[0]
    assert not np.array_equal(own, painted(Negative(), detail=0)[0])


def test_without_a_temporal_method_every_frame_is_painted(place: Path) -> None:
    engine = Negative()
    painted(engine, temporal="none")
    assert len(engine.initials) == 14


def test_the_report_says_that_frames_were_carried(place: Path) -> None:
    report = vidstyle.stylize_video("clip.mp4", "out.mkv", style="waves", engine=Negative(), measure=True)
    assert (report.options["temporal"], report.options["flow"]) == ("keyframes", "dis")
    assert 2 / 14 <= report.repainted < 0.5
    assert report.measured is not None and report.measured["pairs"]


def test_options_of_the_paint_map_are_told_to_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    vidstyle.Stylizer("waves", engine=Negative(), stability=0.5)
    assert "--flow-size and --stability are for the paint map" in caplog.text


def test_a_stream_of_frames_is_refused() -> None:
    with pytest.raises(vidstyle.OptionError, match="chosen in a whole clip"):
        vidstyle.stylize_frames(shapes(2), style="waves", engine=Negative())


def test_bad_options_are_one_line_and_leave_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "clip.mp4", "--style", "waves", "--engine", "gatys", "--engine-option", "iterations=no"]
    assert main([*words, "-o", "out.mp4"]) == 1
    error = capsys.readouterr().err
    assert "iterations of gatys must be a whole number" in error and error.count("\n") == 1
    assert [path.name for path in place.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize(
    ("words", "engine"),
    [
        (["--quality", "best"], "reshuffle"),
        (
            ["--engine", "gatys", "--engine-option", "iterations=1", "--engine-option", "features=small"],
            "gatys",
        ),
    ],
)
def test_a_run_by_keyframes_reports_its_engine(place: Path, words: list[str], engine: str) -> None:
    styles = ["--style", "waves", "--style", "ink"]
    assert main(["run", "clip.mp4", *styles, *words, "-o", "out.mp4", "-q", "--json", "report.json"]) == 0
    report = json.loads(Path("report.json").read_text())
    assert (report["frames"], report["options"]["engine"]) == (14, engine)


def test_work_whose_consumer_has_gone_is_told_so() -> None:
    ends: list[bool] = []

    def work() -> Any:
        yield 1
        try:
            while True:
                check_wanted()
        except Unwanted:
            ends.append(True)
            raise

    check_wanted()  # elsewhere nothing happens
    items = prefetch(work())
    assert next(items) == 1
    items.close()
    assert ends == [True]


def test_waiting_for_work_that_takes_long_can_be_interrupted() -> None:
    stop, ended = threading.Event(), threading.Event()

    def work() -> Iterator[int]:
        try:
            stop.set()  # by another thread, while the first item is awaited
            while True:
                check_wanted()
        finally:
            ended.set()
        yield 1

    with interruptible(stop), pytest.raises(Unwanted), closing(prefetch(work())) as items:
        next(items)
    assert ended.is_set()
    check_wanted()  # which raises nothing outside of the context
