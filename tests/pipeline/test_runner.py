"""Whole runs: what they report, and that nothing is left behind however they end."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import shapes, write_clip

from vidstyle.errors import InputError, OptionError, OutputError
from vidstyle.frames import Frame
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.pipeline.plan import Stage, plan_run
from vidstyle.pipeline.report import Progress, RunReport
from vidstyle.pipeline.runner import run
from vidstyle.temporal.base import StylizedFrame
from vidstyle.video.reading.provenance import is_result, warped_by
from vidstyle.video.reading.reader import Reader


def _stylized(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
    for index, frame in enumerate(frames):
        yield StylizedFrame(frame, index in (0, 4), 1.0 if index in (0, 4) else 0.25)


def _run(source: Path, target: Path, stage: Any = _stylized, on_frame: Any = None, **read: Any) -> RunReport:
    def load() -> Stage[Any]:
        return Stage(stage, {"strength": 1.0})

    options = ReadOptions(**read)
    plan = plan_run(lambda: Reader(source, options), target, load, inputs=[source], write=WriteOptions())
    return run(plan, on_frame=on_frame)


def _left_behind(folder: Path, *known: Path) -> list[str]:
    """Files that should not be there, and threads of ours that still run."""
    files = [path.name for path in folder.iterdir() if path not in known]
    return files + [thread.name for thread in threading.enumerate() if thread.name in ("decode", "stylize")]


def _frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """40 frames: more than fit into the queues."""
    return write_clip(tmp_path / "clip.mp4", shapes(40, 64, 48))


def test_a_run_reports_what_it_did(clip: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    report = _run(clip, tmp_path / "out.mp4", on_frame=seen.append)
    assert (report.frames, report.duration, report.stopped) == (40, Fraction(40, 25), False)
    assert report.cuts == (Fraction(4, 25),)
    assert report.repainted == pytest.approx((2 + 38 * 0.25) / 40)
    assert set(report.stages) == {"decode", "stylize", "encode", "plan", "paint", "settle"}
    assert report.limit in report.stages
    assert [progress.index for progress in seen] == list(range(40))
    assert [progress.is_cut for progress in seen[:6]] == [True, False, False, False, True, False]
    assert seen[0].info.frames == 40
    assert _left_behind(tmp_path, clip, report.target) == []


def test_a_report_is_json(clip: Path, tmp_path: Path) -> None:
    content = _run(clip, tmp_path / "out.mp4").to_json()
    assert content["frames"] == 40
    assert content["duration"] == pytest.approx(1.6)
    assert content["options"] == {"strength": 1.0}
    assert content["versions"]["av"] == av.__version__


def test_a_failing_stage_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    def fails(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
        for index, result in enumerate(_stylized(frames)):
            if index == 7:
                raise RuntimeError("the engine broke")
            yield result

    with pytest.raises(RuntimeError, match="the engine broke"):
        _run(clip, tmp_path / "out.mp4", fails)
    assert _left_behind(tmp_path, clip) == []


def test_a_failing_hook_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    def fails(progress: Progress) -> None:
        if progress.index == 5:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _run(clip, tmp_path / "out.mp4", on_frame=fails)
    assert _left_behind(tmp_path, clip) == []


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="no signals")
def test_ctrl_c_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    def press(progress: Progress) -> None:
        if progress.index == 5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _run(clip, tmp_path / "out.mp4", on_frame=press)
    assert _left_behind(tmp_path, clip) == []


def test_an_early_stop_gives_a_whole_shorter_file(clip: Path, tmp_path: Path) -> None:
    report = _run(clip, tmp_path / "out.mp4", on_frame=lambda progress: progress.index < 9)
    assert report.stopped
    assert report.frames == 10
    assert _frames(report.target) == 10
    assert _left_behind(tmp_path, clip, report.target) == []


def test_a_broken_source_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "clip.mp4"
    broken.write_bytes(b"no clip at all" * 100)
    with pytest.raises(InputError, match=r"clip\.mp4"):
        _run(broken, tmp_path / "out.mp4")
    assert _left_behind(tmp_path, broken) == []


def test_an_existing_target_is_kept(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        _run(clip, target)
    assert target.read_text() == "mine"
    assert _left_behind(tmp_path, clip, target) == []


def test_frames_do_not_pile_up_before_a_slow_writer(clip: Path, tmp_path: Path) -> None:
    made = [0]
    most = [0]

    def counted(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
        for result in _stylized(frames):
            made[0] += 1
            yield result

    def hook(progress: Progress) -> None:
        most[0] = max(most[0], made[0] - progress.index)

    _run(clip, tmp_path / "out.mp4", counted, hook)
    assert most[0] <= 8


def test_a_source_without_wanted_frames_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--start 100"):
        _run(clip, tmp_path / "out.mp4", start=100)
    assert _left_behind(tmp_path, clip) == []


def test_pixels_come_out_as_the_stage_made_them(clip: Path, tmp_path: Path) -> None:
    def inverts(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
        for frame in frames:
            yield StylizedFrame(Frame(255 - frame.pixels, frame.time, frame.duration), False, 1.0)

    report = _run(clip, tmp_path / "out.mp4", inverts, frames=3)
    with Reader(report.target) as result, Reader(clip) as source:
        for written, original in zip(result, source, strict=False):
            assert np.abs(written.pixels.astype(int) + original.pixels - 255).mean() < 4


def test_warnings_of_a_run_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    odd = write_clip(tmp_path / "odd.mkv", shapes(3, 63, 47), pixel_format="yuv444p")
    with caplog.at_level(logging.WARNING, "vidstyle"):
        _run(odd, tmp_path / "out.mp4")
    assert any("4:4:4" in message for message in caplog.messages)


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv", "out.webm"])
@pytest.mark.parametrize(
    "taken", [("comment",), ("comment", "keywords"), ("comment", "keywords", "vidstyle")]
)
def test_a_result_is_known_whatever_tags_its_clip_has(
    tmp_path: Path, name: str, taken: tuple[str, ...]
) -> None:
    own = {"title": "Tide", "artist": "Somebody", **dict.fromkeys(taken, "of my own")}
    clip = write_clip(tmp_path / "clip.mkv", shapes(2, 64, 48), metadata=own)
    assert not is_result(clip)
    plan = plan_run(
        lambda: Reader(clip), tmp_path / name, lambda: Stage(_stylized, {"flow": "dis"}),
        inputs=[clip], write=WriteOptions(preset="ultrafast"),
    )  # fmt: skip
    run(plan)
    assert is_result(tmp_path / name) and warped_by(tmp_path / name) == "dis"
    with av.open(tmp_path / name) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    own.pop("vidstyle", None)
    assert {key: tags.get(key) for key in own} == own


def test_the_tag_of_an_earlier_result_gives_way(tmp_path: Path) -> None:
    clip = write_clip(
        tmp_path / "clip.mkv", shapes(2, 64, 48), metadata={"comment": "vidstyle 0.1, flow: raft"}
    )
    plan = plan_run(
        lambda: Reader(clip), tmp_path / "out.mkv", lambda: Stage(_stylized, {"flow": "dis"}),
        inputs=[clip], write=WriteOptions(preset="ultrafast"),
    )  # fmt: skip
    run(plan)
    assert warped_by(tmp_path / "out.mkv") == "dis"
