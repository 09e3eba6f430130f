"""Where results go: names, early errors, and files that exist only when they are whole."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import Sound, shapes, write_clip

from vidstyle.errors import OptionError, OutputError, UnknownName
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.target import PartFile, cannot_write, check_target, default_target
from vidstyle.video.writing.writer import Writer

FAST = WriteOptions(preset="ultrafast")
LIKE = VideoInfo(Path("source.mp4"), 96, 64, rate=Fraction(25), time_base=Fraction(1, 25))


def items(count: int = 5) -> list[Frame]:
    return [
        Frame(picture, Fraction(index, 25), Fraction(1, 25)) for index, picture in enumerate(shapes(count))
    ]


def write(target: Path, frames: Sequence[Frame], options: WriteOptions = FAST) -> Path:
    with Writer(check_target(target, options), like=LIKE) as writer:
        for frame in frames:
            writer.write(frame)
    return target


@pytest.mark.parametrize(
    ("source", "codec", "expected"),
    [
        ("clip.mp4", None, "clip_waves.mp4"),
        ("clip.mov", None, "clip_waves.mov"),
        ("clip.MKV", None, "clip_waves.mkv"),
        ("clip.avi", None, "clip_waves.mp4"),
        ("clip.webm", None, "clip_waves.mp4"),
        ("clip.webm", "vp9", "clip_waves.webm"),
        ("clip.webm", "av1", "clip_waves.webm"),
        ("clip.mp4", "vp9", "clip_waves.webm"),
        ("clip.mp4", "prores", "clip_waves.mov"),
        ("clip.mp4", "ffv1", "clip_waves.mkv"),
        ("clip.mp4", "gif", "clip_waves.gif"),
        ("clip.mp4", "png", "clip_waves"),
        ("clip.mov", "h264_nvenc", "clip_waves.mov"),
        ("shot_%04d.png", None, "../shot_waves.mp4"),
        ("a.b.mp4", None, "a.b_waves.mp4"),
    ],
)
def test_name_of_a_result_left_to_us(tmp_path: Path, source: str, codec: str | None, expected: str) -> None:
    target = default_target(tmp_path / source, "waves", WriteOptions(codec=codec))
    assert target == (tmp_path / expected).resolve()


def test_name_of_a_folder_of_pictures_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "shot.v2"
    folder.mkdir()
    assert default_target(folder, "waves", WriteOptions()) == tmp_path / "shot.v2_waves.mp4"


def test_style_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    assert default_target(tmp_path / "a.mp4", "../x:y", WriteOptions()).parent == tmp_path


def test_long_names_are_cut_to_what_a_file_system_takes(tmp_path: Path) -> None:
    for codec, extension in (("h264", ".mp4"), ("gif", ".gif"), ("png", "")):
        options = WriteOptions(codec=codec)
        name = default_target(tmp_path / f"{'n' * 200}.mp4", "s" * 100, options).name
        assert 200 < len(name) <= 255 and name.endswith(extension)
        assert write(tmp_path / name, items(2), options).exists()


def test_unknown_codec_has_no_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'h264'"):
        default_target(tmp_path / "a.mp4", "waves", WriteOptions(codec="h246"))


def test_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(OutputError, match="--overwrite"):
        check_target(target, WriteOptions())
    with pytest.raises(OutputError, match="--overwrite"):
        write(target, items())
    assert target.read_bytes() == b"precious"


def test_existing_file_is_overwritten_when_asked(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"old")
    write(target, items(), WriteOptions(preset="ultrafast", overwrite=True))
    with av.open(target) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


def test_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"old")
    with Writer(check_target(target, WriteOptions(overwrite=True)), like=LIKE) as writer:
        for item in items():
            writer.write(item)
            assert target.read_bytes() == b"old"
    assert target.stat().st_size > 100


@pytest.mark.parametrize("overwrite", [False, True])
def test_input_is_never_the_output(tmp_path: Path, overwrite: bool) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    before = clip.read_bytes()
    other = tmp_path / "link.mp4"
    other.symlink_to(clip)
    for target in (clip, other):
        with pytest.raises(OutputError, match="itself, which is never replaced"):
            check_target(target, WriteOptions(overwrite=overwrite), clip)
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("missing/a.mp4", {}, "does not exist"),
        ("a.mp5", {}, "did you mean '.mp4'"),
        ("a.xyz", {}, r"cannot write '\.xyz' files; there are: "),
        ("a", {}, "--codec png for a folder"),
        ("a.webm", {"codec": "h264"}, r"\.webm files cannot hold h264.*goes into \.mp4.*holds av1, vp9"),
        ("a.mov", {"codec": "vp9"}, r"\.mov files cannot hold vp9"),
        ("a.mp4", {"codec": "prores"}, r"goes into \.mov, \.mkv"),
        ("a.mp4", {"codec": "gif"}, r"goes into \.gif"),
        ("a.gif", {"codec": "h264"}, r"\.gif files cannot hold h264"),
        ("a.png", {"codec": "png"}, "makes a folder"),
        ("a.mkv", {"codec": "png"}, r"\.mkv files cannot hold png"),
        (f"{'x' * 300}.mp4", {}, "too long"),
    ],
)
def test_impossible_targets_are_refused_in_one_line(
    tmp_path: Path, name: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(OutputError, match=message) as caught:
        check_target(tmp_path / name, WriteOptions(**options))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "fastt"}, "did you mean 'fast'"),
        ({"crf": 60}, "from 0 to 51"),
        ({"encoder_options": (("crff", "1"),)}, "no option 'crff'"),
        ({"codec": "h265x"}, "did you mean"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_painted(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        check_target(tmp_path / "a.mp4", WriteOptions(**options))  # type: ignore[arg-type]


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_target(tmp_path / "a.mp4", WriteOptions(overwrite=True))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_is_refused(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="nothing may be written"):
        check_target(locked / "a.mp4", WriteOptions())


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.gif", "a.apng", "a.webp", "frames"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_error_leaves_nothing_behind(tmp_path: Path, name: str, error: type[BaseException]) -> None:
    options = WriteOptions(codec="png" if name == "frames" else None)
    threads = threading.active_count()
    with pytest.raises(error), Writer(check_target(tmp_path / name, options), like=LIKE) as writer:
        for number, item in enumerate(items()):
            if number == 3:
                assert list(tmp_path.iterdir())  # there is something to leave behind
                raise error
            writer.write(item)
    assert not list(tmp_path.iterdir())
    assert threading.active_count() == threads


def test_error_while_the_sound_is_carried_leaves_nothing_behind(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", sounds=[Sound()])
    with (
        pytest.raises(KeyboardInterrupt),
        Reader(clip) as reader,
        Writer(
            check_target(tmp_path / "a.mp4", WriteOptions(), clip), like=reader.info, source=clip
        ) as writer,
    ):
        for frame in reader:
            writer.write(frame)
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_interrupt_while_finishing_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(part: PartFile) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PartFile, "keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.mp4", items())
    assert not list(tmp_path.iterdir())


def test_left_over_of_a_killed_run_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / ".a.part.mp4").write_bytes(b"half a clip")
    write(tmp_path / "a.mp4", items())
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_part_file_is_hidden_beside_its_lock_and_has_the_extension(tmp_path: Path) -> None:
    with Writer(check_target(tmp_path / "a.b.mp4", FAST), like=LIKE) as writer:
        writer.write(items()[0])
        writer.write(items()[1])
        assert {path.name for path in tmp_path.iterdir()} == {".a.b.part.mp4", ".a.b.mp4.lock"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.b.mp4"]


def test_names_with_colons_percents_and_other_scripts_are_just_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["file:x.mp4", "100%d.mp4", "böse wörter 日本.mp4", "-o.mkv", "a b.gif"]
    for name in names:
        write(Path(name), items(2))
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_finished_writer_takes_no_more_frames(tmp_path: Path) -> None:
    with Writer(check_target(tmp_path / "a.mp4", FAST), like=LIKE) as writer:
        writer.write(items()[0])
    with pytest.raises(OutputError, match="finished"):
        writer.write(items()[1])
    writer.finish()
    assert (tmp_path / "a.mp4").exists()


def test_full_disk_says_what_to_do() -> None:
    line = str(cannot_write(Path("a.mp4"), OSError(errno.ENOSPC, "No space left on device")))
    assert line == "cannot write a.mp4: the disk is full; make room or give another place with --output"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit to set")
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.gif", "a.apng", "frames"])
def test_disk_that_takes_no_more_is_one_line_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    script = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from vidstyle.errors import OutputError
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer
like = VideoInfo(Path("x"), 96, 64, rate=Fraction(25), time_base=Fraction(1, 25))
noise = np.random.default_rng(0)
target = Path(sys.argv[1])
options = WriteOptions(crf=1, preset="ultrafast") if target.suffix in (".mp4", ".mkv") else WriteOptions(
    codec=None if target.suffix else "png")
try:
    with Writer(check_target(target, options), like=like) as writer:
        for number in range(30):
            size = (64, 96, 3) if target.suffix else (240, 320, 3)
            pixels = noise.integers(0, 255, size, dtype=np.uint8)
            writer.write(Frame(pixels, Fraction(number, 25)))
except OutputError as error:
    print("OutputError:", error)
"""
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / name)], capture_output=True, text=True, timeout=60
    )
    assert result.stdout.startswith(f"OutputError: cannot write {tmp_path / name}: the file grew larger"), (
        result.stdout + result.stderr
    )
    assert result.stdout.count("\n") == 1
    assert not result.stderr
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    script = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from vidstyle.frames import Frame, VideoInfo
from vidstyle.options import WriteOptions
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer
like = VideoInfo(Path("x"), 160, 96, rate=Fraction(25), time_base=Fraction(1, 25))
noise = np.random.default_rng(0).integers(0, 255, (96 + 64, 160 + 64, 3), dtype=np.uint8)
peaks = []
with Writer(check_target(Path(sys.argv[1]), WriteOptions(preset="ultrafast")), like=like) as writer:
    for number in range(1200):
        top = number % 64
        writer.write(Frame(noise[top : top + 96, top : top + 160].copy(), Fraction(number, 25)))
        if number in (299, 1199):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[1] / peaks[0])
"""
    if sys.platform == "win32":
        pytest.skip("Windows has no getrusage")
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.mp4")], capture_output=True, text=True, timeout=60
    )
    assert float(result.stdout) < 1.03, result.stderr
