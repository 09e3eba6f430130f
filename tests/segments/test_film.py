"""A film that is painted in segments equals one in one piece, and goes on where an earlier run stopped."""

from __future__ import annotations

import json
import logging
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import number_of, write_clip
from films import FRAMES, RATE, assert_same_frames, frames_of, packets_of, psnr, write_film

import vidstyle
from vidstyle import FilmProgress, InputError, OptionError, OutputError, Progress, RunReport, VidstyleError
from vidstyle.segments.status import films_in
from vidstyle.segments.work_folder import WorkFolder

_SHORT = 46  # frames: three segments
LIMIT = 2.5  # s: four segments, of which the third goes on from the second


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4")


def paint(film: Path, target: Path, **options: Any) -> RunReport:
    given = {"style": "waves", "engine": "plain_engine:plain", "device": "cpu", "segments": LIMIT}
    given["temporal"] = "none"
    return vidstyle.stylize_video(film, target, **{**given, **options})


class Stop(Exception):
    """What ends a run in the middle of a test."""


def stop_after(count: int) -> Any:
    """A hook that ends a run with an error after so many frames."""

    def on_frame(progress: Progress) -> None:
        if progress.index == count:
            raise Stop

    return on_frame


def painted_frames(film: Path, target: Path, **options: Any) -> list[int]:
    """The numbers of the frames that a run paints."""
    numbers: list[int] = []
    paint(film, target, on_frame=lambda progress: numbers.append(progress.index), **options)
    return numbers


def test_a_lossless_film_in_segments_has_the_bytes_of_one_in_one_piece(film: Path, tmp_path: Path) -> None:
    options = {"codec": "ffv1", "engine": "stylenet", "temporal": "map"}
    one = paint(film, tmp_path / "one.mkv", segments="off", **options)
    several = paint(film, tmp_path / "several.mkv", **options)
    assert several.segments == 4
    assert (several.frames, several.duration, several.cuts) == (one.frames, one.duration, one.cuts)
    assert several.repainted == pytest.approx(one.repainted)
    assert (tmp_path / "several.mkv").read_bytes() == (tmp_path / "one.mkv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.mkv", "several.mkv"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("film.mp4", {}),
        ("film.mp4", {"codec": "hevc", "preset": "ultrafast"}),
        ("film.mp4", {"codec": "av1", "preset": "ultrafast"}),
        ("film.webm", {"preset": "ultrafast"}),
    ],
    ids=["h264", "hevc", "av1", "vp9"],
)
def test_a_lossy_film_has_the_frames_times_and_sound_of_one_in_one_piece(
    film: Path, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    one, several = tmp_path / f"one_{name}", tmp_path / f"several_{name}"
    paint(film, one, segments="off", frames=_SHORT, **options)
    assert paint(film, several, frames=_SHORT, **options).segments == 3
    expected, got = frames_of(one), frames_of(several)
    assert [(item.time, item.duration) for item in got] == [(item.time, item.duration) for item in expected]
    assert [number_of(item.pixels) for item in got] == list(range(_SHORT))
    assert min(psnr(a.pixels, b.pixels) for a, b in zip(expected, got, strict=True)) > 25
    assert packets_of(several, "audio") == packets_of(one, "audio")
    assert several.stat().st_size < 1.05 * one.stat().st_size


@pytest.mark.parametrize("name", ["film.mov", "film.gif", "pictures"])
def test_what_has_only_whole_pictures_is_the_same(film: Path, tmp_path: Path, name: str) -> None:
    options = {
        "temporal": "none",
        **({"film.mov": {"codec": "prores"}, "pictures": {"codec": "png"}}.get(name, {})),
    }
    one, several = tmp_path / f"one_{name}", tmp_path / f"several_{name}"
    paint(film, one, segments="off", frames=_SHORT, **options)
    paint(film, several, frames=_SHORT, **options)
    if one.is_dir():
        assert_same_frames(frames_of(one), frames_of(several))
    else:
        assert several.read_bytes() == one.read_bytes()


def test_uneven_times_and_depth_are_kept(tmp_path: Path) -> None:
    ticks = [140 * number + 20 * (number % 3) for number in range(FRAMES)]
    film = write_film(tmp_path / "uneven.mp4", ticks=ticks, time_base=Fraction(1, 1000), last_ticks=170)
    paint(film, tmp_path / "one.mp4", segments="off")
    paint(film, tmp_path / "several.mp4", segments=4)
    times = [
        [(frame.time, frame.duration) for frame in frames_of(tmp_path / f"{name}.mp4")]
        for name in ("one", "several")
    ]
    assert times[0] == times[1]
    assert times[0][-1][1] == Fraction(17, 100)


def test_a_run_goes_on_from_what_is_done(film: Path, tmp_path: Path) -> None:
    options = {"codec": "ffv1", "temporal": "map"}
    paint(film, tmp_path / "whole.mkv", **options)
    for after in (30, 45):  # within the second segment, and within the third, which goes on from it
        with pytest.raises(Stop):
            paint(film, tmp_path / "film.mkv", on_frame=stop_after(after), **options)
    assert not (tmp_path / "film.mkv").exists()
    numbers: list[int] = []
    report = paint(film, tmp_path / "film.mkv", on_frame=lambda item: numbers.append(item.index), **options)
    assert numbers[0] == report.reused > 20
    assert numbers == list(range(report.reused, FRAMES))
    assert (tmp_path / "film.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mkv", "whole.mkv"]


@pytest.fixture(scope="module")
def whole(film: Path) -> bytes:
    """The film as an unbroken run makes it."""
    paint(film, film.with_name("whole.mkv"), codec="ffv1")
    return film.with_name("whole.mkv").read_bytes()


@pytest.fixture(scope="module")
def interrupted(film: Path) -> Path:
    """The work folder of a run that was stopped after three segments."""
    target = film.with_name("film.mkv")
    with pytest.raises(Stop):
        paint(film, target, on_frame=stop_after(60), codec="ffv1")
    return WorkFolder(target, None).path


@pytest.fixture
def stopped(interrupted: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The target and the work folder of a run that was stopped after three segments."""
    work = tmp_path / interrupted.name
    shutil.copytree(interrupted, work)
    return tmp_path / "film.mkv", work


def test_what_differs_is_refused_by_name(film: Path, stopped: tuple[Path, Path]) -> None:
    target, work = stopped
    changes: dict[str, dict[str, Any]] = {
        "strength was 1.0 and now is 0.5": {"strength": 0.5},
        "style was ": {"style": "mosaic"},
        "engine was plain_engine:plain and now is stylenet": {"engine": "stylenet"},
        "preset was medium and now is fast": {"preset": "fast"},
        "segments was 2.5 and now is 2": {"segments": 2},
        "frames was None and now is 70": {"frames": 70},
    }
    for told, change in changes.items():
        with pytest.raises(OptionError, match=told) as refused:
            paint(film, target, **{"codec": "ffv1", **change})
        assert "--restart" in str(refused.value)
        assert work.is_dir()


def test_another_input_is_refused_and_begun_anew_on_request(
    stopped: tuple[Path, Path], tmp_path: Path
) -> None:
    target, _ = stopped
    other = write_film(tmp_path / "other.mp4", seed=8)
    with pytest.raises(OptionError, match=r"input was .{8}… and now is"):
        paint(other, target, codec="ffv1")
    assert painted_frames(other, target, codec="ffv1", restart=True) == list(range(FRAMES))


def test_a_mistake_in_an_option_costs_nothing_though_the_run_is_to_begin_anew(
    film: Path, stopped: tuple[Path, Path]
) -> None:
    target, work = stopped
    done = sorted(path.name for path in work.iterdir())
    with pytest.raises(VidstyleError, match="no style 'wavs'"):
        paint(film, target, codec="ffv1", style="wavs", restart=True)
    assert sorted(path.name for path in work.iterdir()) == done
    assert paint(film, target, codec="ffv1").reused


def test_another_version_is_refused_by_name(film: Path, stopped: tuple[Path, Path]) -> None:
    target, work = stopped
    from dataclasses import replace

    from vidstyle.segments.manifest import Manifest

    manifest = Manifest.load(work)
    assert manifest is not None
    replace(manifest, facts={**manifest.facts, "version of torch": "1.0"}).save(work)
    with pytest.raises(OptionError, match=r"version of torch was 1\.0 and now is"):
        paint(film, target, codec="ffv1")


@pytest.mark.parametrize("damaged", ["00000", "00001", "00002", "manifest.json"])
def test_what_is_damaged_is_found_and_painted_again(
    film: Path, stopped: tuple[Path, Path], damaged: str, whole: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    target, work = stopped
    data = bytearray((work / damaged).read_bytes())
    data[len(data) // 2] ^= 1
    (work / damaged).write_bytes(data)
    with caplog.at_level(logging.WARNING, "vidstyle"):
        paint(film, target, codec="ffv1")
    assert any("damaged" in record.getMessage() for record in caplog.records)
    assert target.read_bytes() == whole


def test_a_manifest_that_can_be_read_but_was_changed_is_planned_anew(
    film: Path, stopped: tuple[Path, Path], whole: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    target, work = stopped
    manifest = json.loads((work / "manifest.json").read_bytes())
    manifest["content"]["plan"]["durations"][0][0] = "1/7"
    (work / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with caplog.at_level(logging.WARNING, "vidstyle"):
        paint(film, target, codec="ffv1")
    assert "manifest.json is damaged" in caplog.text
    assert target.read_bytes() == whole


def test_a_lost_manifest_is_planned_anew_and_segments_are_found(
    film: Path, stopped: tuple[Path, Path]
) -> None:
    target, work = stopped
    (work / "manifest.json").write_bytes(b"{")
    numbers = painted_frames(film, target, codec="ffv1")
    assert 0 not in numbers and FRAMES - 1 in numbers


def test_a_damaged_film_is_the_same_though_its_middle_reads_differently(film: Path, tmp_path: Path) -> None:
    pictures = [item.pixels for item in frames_of(film)]
    source = write_clip(tmp_path / "damaged.mp4", pictures, rate=RATE, gop=20, b_frames=2)
    data = bytearray(source.read_bytes())
    places = np.random.default_rng(1).integers(len(data) // 8, len(data) * 3 // 4, 25)
    for place in places:
        data[place] ^= 0xFF
    source.write_bytes(data)
    paint(source, tmp_path / "one.mkv", codec="ffv1", segments="off")
    assert paint(source, tmp_path / "several.mkv", codec="ffv1", segments=1).segments > 3
    assert (tmp_path / "several.mkv").read_bytes() == (tmp_path / "one.mkv").read_bytes()


def test_two_runs_on_one_target_are_refused(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"
    with WorkFolder(target, None), pytest.raises(OutputError, match="another run is painting"):
        paint(film, target, codec="ffv1")


@pytest.mark.parametrize("options", [{}, {"measure": True}], ids=["off", "measure"])
def test_a_film_in_one_piece_does_not_silently_give_up_what_is_done_in_segments(
    film: Path, stopped: tuple[Path, Path], options: dict[str, Any]
) -> None:
    target, work = stopped
    given = {"codec": "ffv1", "frames": 5, **options, "segments": "auto" if options else "off"}
    with pytest.raises(OptionError, match=r"segments was 2\.5 and now is off.*or --restart to begin anew"):
        paint(film, target, **given)
    assert work.is_dir() and not target.exists()
    assert paint(film, target, **given, restart=True).frames == 5
    assert list(target.parent.iterdir()) == [target]


def test_a_short_clip_in_one_piece_removes_a_folder_without_a_plan(film: Path, tmp_path: Path) -> None:
    with WorkFolder(tmp_path / "film.mkv", None) as work:
        with pytest.raises(OutputError, match="another run is painting"):
            paint(film, tmp_path / "film.mkv", segments="auto")
        assert work.exists()
    paint(film, tmp_path / "film.mkv", segments="auto")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


def test_auto_goes_on_in_segments_though_the_manifest_is_damaged(
    film: Path, stopped: tuple[Path, Path], whole: bytes
) -> None:
    target, work = stopped
    (work / "manifest.json").write_bytes(b"{")
    assert paint(film, target, codec="ffv1", segments="auto").frames == FRAMES
    assert list(target.parent.iterdir()) == [target]
    assert target.read_bytes() == whole


def test_segments_are_refused_while_a_run_in_one_piece_writes_the_target(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"

    def second(progress: Progress) -> None:
        if progress.index == 0:
            with pytest.raises(OutputError, match="another run is writing"):
                paint(film, target)

    paint(film, target, segments="off", frames=3, on_frame=second)
    assert list(tmp_path.iterdir()) == [target]


def test_resume_needs_an_earlier_run(film: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no earlier run"):
        paint(film, tmp_path / "film.mkv", resume=True)
    with pytest.raises(OptionError, match="no earlier run"):
        paint(film, tmp_path / "film.mkv", resume=True, segments="auto")
    with pytest.raises(OptionError, match="give one of the two"):
        paint(film, tmp_path / "film.mkv", resume=True, restart=True)
    assert list(tmp_path.iterdir()) == []


def test_auto_goes_on_with_the_segments_of_the_earlier_run(film: Path, stopped: tuple[Path, Path]) -> None:
    target, _ = stopped
    report = paint(film, target, codec="ffv1", segments="auto", resume=True)
    assert report.segments == 4 and report.reused


def test_short_clips_are_painted_in_one_piece(film: Path, tmp_path: Path) -> None:
    assert paint(film, tmp_path / "film.mkv", segments="auto").segments == 1


def test_long_clips_are_painted_in_segments(tmp_path: Path) -> None:
    film = write_film(tmp_path / "slow.mp4", rate=1, sounds=[], chapters=[])  # 76 s
    assert paint(film, tmp_path / "film.mkv", segments="auto").segments >= 4


@pytest.mark.parametrize(
    "options",
    [
        {"measure": True},
        {"segments": "off", "workers": 2},
        {"segments": "auto", "measure": True, "resume": True},
    ],
)
def test_what_segments_cannot_do_is_refused(film: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="leave out one of the two"):
        paint(film, tmp_path / "film.mkv", **options)
    assert list(tmp_path.iterdir()) == []


def test_work_is_kept_elsewhere_and_on_request(film: Path, tmp_path: Path) -> None:
    place = tmp_path / "scratch"
    paint(film, tmp_path / "film.mkv", work_dir=place, keep_work=True)
    assert [path.name for path in tmp_path.iterdir() if path != place] == ["film.mkv"]
    work = place / "film.mkv.vidstyle"
    assert json.loads((work / "manifest.json").read_bytes())["content"]["done"].keys() == set("0123")
    assert [status.is_whole for status in films_in(place)] == [True]
    report = paint(film, tmp_path / "film.mkv", work_dir=place, overwrite=True)
    assert report.reused == FRAMES
    assert not place.exists()


def test_folders_that_were_there_before_the_work_stay(film: Path, tmp_path: Path) -> None:
    place = tmp_path / "there" / "new" / "newer"
    (tmp_path / "there").mkdir()
    with pytest.raises(Stop):
        paint(film, tmp_path / "film.mkv", work_dir=place, on_frame=stop_after(40))
    assert place.is_dir()
    paint(film, tmp_path / "film.mkv", work_dir=place)
    assert list((tmp_path / "there").iterdir()) == []


def test_an_early_end_on_request_leaves_a_valid_film(film: Path, tmp_path: Path) -> None:
    report = paint(film, tmp_path / "film.mp4", on_frame=lambda progress: progress.index < 40)
    assert report.stopped and report.frames == 41
    assert len(frames_of(tmp_path / "film.mp4")) == 41


def test_an_error_before_the_first_segment_leaves_nothing(film: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        paint(film, tmp_path / "film.mkv", style=str(tmp_path / "missing.png"))
    assert list(tmp_path.iterdir()) == []


def test_a_part_with_a_moving_mask_and_style_track_is_the_same(film: Path, tmp_path: Path) -> None:
    track = tmp_path / "track.txt"
    track.write_text("0 waves\n7 mosaic\n", encoding="utf-8")
    options = {
        "codec": "ffv1", "engine": "stylenet", "style": (), "style_track": track, "start": 0.5, "mask": film
    }  # fmt: skip
    options |= {"temporal": "map", "frames": _SHORT}
    paint(film, tmp_path / "one.mkv", segments="off", **options)
    assert paint(film, tmp_path / "several.mkv", **options).segments > 2
    assert (tmp_path / "several.mkv").read_bytes() == (tmp_path / "one.mkv").read_bytes()


def test_pictures_with_alpha_are_films_too(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    import cv2

    for number in range(40):
        picture = np.full((48, 64, 4), 6 * number, np.uint8)
        picture[:, : number + 1] = (200, 30, 90, 128)
        cv2.imwrite(str(folder / f"{number:03}.png"), picture)
    options = {"rate": RATE, "segments": 1}
    paint(folder, tmp_path / "one.webm", **{**options, "segments": "off"})
    assert paint(folder, tmp_path / "several.webm", **options).segments > 2
    one, several = frames_of(tmp_path / "one.webm"), frames_of(tmp_path / "several.webm")
    assert [frame.time for frame in several] == [frame.time for frame in one]
    for first, second in zip(one, several, strict=True):
        assert first.alpha is not None and second.alpha is not None
        assert psnr(first.alpha, second.alpha) > 30


def test_the_progress_of_a_film_is_told(film: Path, tmp_path: Path) -> None:
    told: list[FilmProgress] = []
    paint(film, tmp_path / "film.mkv", on_film=told.append)
    painting = [each for each in told if each.step == "paint"]
    assert [each.segments for each in painting] == [0, 1, 2, 3, 4]
    assert (painting[-1].frames, painting[-1].total, painting[-1].of_segments) == (FRAMES, FRAMES, 4)
    assert painting[-1].time == painting[-1].duration == Fraction(FRAMES, RATE)
    assert told[-1].step == "join"
