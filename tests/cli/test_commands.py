"""The commands at work, in this process: files that appear, lines that are printed, exit codes."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import Sound, shapes, write_clip

from vidstyle.cli.main import main
from vidstyle.cli.progress import state
from vidstyle.frames import Frame, Pixels, VideoInfo
from vidstyle.pipeline import contact_sheet
from vidstyle.pipeline.report import Progress
from vidstyle.registry import ENGINES
from vidstyle.rendering.renderer import Renderer
from vidstyle.video.reading.reader import Reader
from vidstyle.video.stills import save_image


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a style picture ``art.png`` and a clip ``clip.mp4``."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("art.png", np.random.default_rng(4).integers(0, 255, (60, 80, 3), np.uint8))
    write_clip(Path("clip.mp4"), shapes(6, 64, 48), sounds=[Sound()])
    return tmp_path


def _ran(*arguments: str) -> int:
    return main(arguments)


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _count(path: str) -> int:
    with Reader(path) as reader:
        return sum(1 for _ in reader)


# run -------------------------------------------------------------------------------------------------


def test_run_paints_beside_the_clip_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ran("run", "clip.mp4", "--style", "art.png") == 0
    assert _count("clip_art.mp4") == 6
    output = capsys.readouterr()
    assert output.out.startswith("clip_art.mp4: 6 frames in ")
    assert output.err == ""  # no bar where there is no terminal


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ran("run", "clip.mp4", "--style", "art.png", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_an_existing_result_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    Path("clip_art.mp4").write_text("mine")
    assert _ran("run", "clip.mp4", "--style", "art.png") == 1
    assert (
        capsys.readouterr().err == "vidstyle: clip_art.mp4 exists already; give --overwrite to replace it\n"
    )
    assert Path("clip_art.mp4").read_text() == "mine"
    assert _ran("run", "clip.mp4", "--style", "art.png", "--overwrite") == 0
    assert _count("clip_art.mp4") == 6


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "no.mp4", "--style", "art.png"], "no such file: no.mp4"),
        (["run", "text.mp4", "--style", "art.png"], "text.mp4"),
        (["run", "empty.mp4", "--style", "art.png"], "empty.mp4 is empty"),
        (["run", "art.png", "--style", "art.png"], "single picture"),
        (["run", "clip.mp4", "--style", "no.png"], "no style 'no.png'"),
        (["run", "clip.mp4", "--style", "clip.mp4"], "clip.mp4 is a video"),
        (["run", "clip.mp4", "--style", "wavse"], "did you mean 'waves'?"),
        (["run", "clip.mp4", "--style", "art.png", "-o", "no/out.mp4"], "the folder no does not exist"),
        (["run", "clip.mp4", "--style", "art.png", "-o", "out.doc"], "cannot write '.doc' files"),
        (["run", "clip.mp4", "--style", "art.png", "-o", "clip.mp4", "--overwrite"], "is the input itself"),
        (["run", "clip.mp4", "--style", "art.png", "--mask", "no.png"], "no.png"),
        (["run", "clip.mp4", "--style", "art.png", "--start", "9"], "--start 9"),
        (["run", "clip.mp4", "--style", "art.png", "--json", "no/run.json"], "no folder no for --json"),
        (["run", "clip.mp4", "--style-track", "no.txt"], "no.txt"),
        (["run", "hollow", "--style", "art.png"], "hollow"),
        (["image", "no.png", "--style", "art.png"], "no.png"),
        (["image", "text.mp4", "--style", "art.png"], "text.mp4"),
        (["image", "art.png", "--style", "art.png", "-o", "out.doc"], "out.doc"),
        (["sheet", "no.mp4", "--style", "art.png"], "no such file: no.mp4"),
        (["steady", "clip.mp4", "no.mp4"], "no such file: no.mp4"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    arguments: list[str], expected: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.mp4").write_text("this is a text\n" * 40)
    Path("empty.mp4").touch()
    Path("hollow").mkdir()
    before = _files(workplace)
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("vidstyle: ")
    assert output.err.count("\n") == 1
    assert expected in output.err
    assert _files(workplace) == before


def test_one_bad_clip_does_not_stop_the_rest(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.mp4").write_text("no clip")
    write_clip(Path("second.mkv"), shapes(3, 64, 48))
    Path("out").mkdir()
    inputs = ["clip.mp4", "bad.mp4", "second.mkv"]
    assert _ran("run", *inputs, "--style", "art.png", "-o", "out", "--json", "run.json") == 1
    assert _files(workplace / "out") == {"clip_art.mp4", "second_art.mkv"}
    output = capsys.readouterr()
    assert "2 of 3 inputs done\n  failed: bad.mp4\n" in output.out
    assert output.err.startswith("vidstyle: bad.mp4 ")
    assert output.err.count("\n") == 1
    content = json.loads(Path("run.json").read_text())
    assert [item["frames"] for item in content["runs"]] == [6, 3]
    assert [item["source"] for item in content["failed"]] == ["bad.mp4"]


def test_several_clips_share_one_look_at_the_style(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace / "new"))  # other tests have looked at the picture
    looks: list[Pixels] = []
    encode = Renderer.encode

    def counted(self: Renderer[Any, Any], picture: Pixels) -> Any:
        looks.append(picture)
        return encode(self, picture)

    monkeypatch.setattr(Renderer, "encode", counted)
    write_clip(Path("second.mp4"), shapes(2, 64, 48))
    assert _ran("run", "clip.mp4", "second.mp4", "--style", "art.png") == 0
    assert len(looks) == 1


def test_a_folder_of_clips_stands_for_each(workplace: Path) -> None:
    Path("clips").mkdir()
    for name in ("b.mp4", "a.mov"):
        write_clip(Path("clips") / name, shapes(2, 64, 48))
    Path("clips/notes.txt").write_text("not a clip")
    Path("clips/.hidden.mp4").write_text("not shown")
    assert _ran("run", "clips", "--style", "art.png", "-o", "new") == 0
    assert _files(workplace / "new") == {"a_art.mov", "b_art.mp4"}


def test_a_second_run_over_a_folder_leaves_the_first_runs_results_alone(workplace: Path) -> None:
    Path("clips").mkdir()
    write_clip(Path("clips/a.mp4"), shapes(2, 64, 48))
    for _ in range(2):
        assert _ran("run", "clips", "--style", "art.png", "--overwrite") == 0
    assert _files(workplace / "clips") == {"a.mp4", "a_art.mp4"}


def test_a_folder_of_pictures_is_a_clip() -> None:
    Path("frames").mkdir()
    for number, picture in enumerate(shapes(4, 64, 48)):
        cv2.imwrite(f"frames/{number}.png", picture)
    assert _ran("run", "frames", "--style", "art.png", "--rate", "10") == 0
    with Reader("frames_art.mp4") as reader:
        assert [float(frame.time) for frame in reader] == [0.0, 0.1, 0.2, 0.3]


def test_a_folder_as_output_of_one_clip_takes_the_default_name(workplace: Path) -> None:
    Path("out").mkdir()
    assert _ran("run", "clip.mp4", "--style", "art.png", "-o", "out") == 0
    assert _files(workplace / "out") == {"clip_art.mp4"}


def test_results_of_one_name_are_refused(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("a", "b", "out"):
        Path(folder).mkdir()
        write_clip(Path(folder) / "x.mp4", shapes(2, 64, 48))
    assert _ran("run", "a/x.mp4", "b/x.mp4", "--style", "art.png", "-o", "out", "--overwrite") == 1
    assert "a/x.mp4 and b/x.mp4 would all be written to out/x_art.mp4" in capsys.readouterr().err


def test_a_file_as_output_of_several_clips_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ran("run", "clip.mp4", "clip.mp4", "--style", "art.png", "-o", "out.mp4") == 1
    assert "--output out.mp4 must be a folder for the results of 2 inputs" in capsys.readouterr().err


def test_the_report_holds_options_versions_timings_and_warnings() -> None:
    write_clip(Path("odd.mp4"), shapes(6, 63, 47), pixel_format="yuv444p")
    assert _ran("run", "odd.mp4", "--style", "art.png", "--strength", "0.5", "--json", "run.json", "-q") == 0
    content = json.loads(Path("run.json").read_text())
    assert content["frames"] == 6
    assert content["cuts"] == []
    assert 0 < content["repainted"] <= 1
    assert content["options"]["strength"] == 0.5
    assert content["options"]["style"] == ["art.png"]
    assert content["options"]["temporal"] == "map"
    assert set(content["stages"]) == {"decode", "stylize", "encode", "plan", "paint", "settle"}
    assert content["seconds"] > 0
    assert content["versions"]["torch"]
    assert any("4:4:4" in line for line in content["warnings"])


def test_warnings_are_shown_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(Path("odd.mp4"), shapes(6, 63, 47), pixel_format="yuv444p")
    assert _ran("run", "odd.mp4", "--style", "art.png") == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(set(lines)) == 1
    assert lines[0].startswith("vidstyle: warning: ")


def test_preview_shows_source_and_result_and_writes_no_clip(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _files(workplace)
    assert _ran("run", "clip.mp4", "--style", "art.png", "--preview") == 0
    assert _files(workplace) - before == {"clip_art_preview.png"}
    assert "about 6 frames at" in capsys.readouterr().out
    picture = cv2.imread("clip_art_preview.png")
    assert picture is not None
    assert picture.shape[0] == 48
    assert picture.shape[1] > 2 * 64
    with Reader("clip.mp4") as reader:
        frames = [frame.pixels for frame in reader]
    assert np.array_equal(picture[:, :64, ::-1], frames[3])  # from the middle of the clip
    assert np.abs(picture[:, -64:, ::-1].astype(int) - frames[3]).mean() > 5


def test_preview_is_the_png_that_output_names_and_no_warning_speaks_of_sound(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _files(workplace)
    assert _ran("run", "clip.mp4", "--style", "art.png", "--preview", "-o", "x.png") == 0
    assert _files(workplace) - before == {"x.png"}
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.startswith("x.png; the whole: about 6 frames at")
    assert _ran("run", "clip.mp4", "--style", "art.png", "--preview", "-o", "x.png") == 1
    assert "x.png" in capsys.readouterr().err  # it is not replaced without --overwrite


def test_preview_never_replaces_the_style_picture(capsys: pytest.CaptureFixture[str]) -> None:
    style = Path("art.png").read_bytes()
    assert _ran("run", "clip.mp4", "--style", "art.png", "--preview", "-o", "art.png", "--overwrite") == 1
    assert "never replaced" in capsys.readouterr().err
    assert Path("art.png").read_bytes() == style


def test_preview_of_one_picture_cannot_tell_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(Path("one.mp4"), shapes(1, 64, 48))
    assert _ran("run", "one.mp4", "--style", "art.png", "--preview") == 0
    assert "cannot be told" in capsys.readouterr().out


def test_sheet_of_a_short_clip_shows_what_there_is() -> None:
    write_clip(Path("two.mp4"), shapes(2, 64, 48))
    assert _ran("sheet", "two.mp4", "--style", "art.png", "--moments", "5") == 0
    assert Path("two_sheet.png").exists()


# image, sheet, steady, list, doctor ------------------------------------------------------------------


def test_image_writes_the_format_of_the_extension(capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite("photo.jpg", shapes(1, 64, 48)[0])
    assert _ran("image", "photo.jpg", "--style", "art.png") == 0
    assert capsys.readouterr().out == "photo_art.jpg\n"
    assert Path("photo_art.jpg").read_bytes().startswith(b"\xff\xd8")
    assert _ran("image", "photo.jpg", "--style", "art.png", "-o", "out.webp") == 0
    assert Path("out.webp").read_bytes()[8:12] == b"WEBP"


def test_image_takes_several_and_goes_on_after_a_bad_one(capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite("one.png", shapes(1, 64, 48)[0])
    Path("bad.png").write_text("no picture")
    assert _ran("image", "bad.png", "one.png", "--style", "art.png") == 1
    output = capsys.readouterr()
    assert output.out == "one_art.png\n"
    assert output.err.startswith("vidstyle: bad.png is not ")


def test_a_new_sheet_is_coarse_first_and_goes_if_it_is_not_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(Path("large.mp4"), shapes(2, 256, 192))
    seen: list[bytes] = []

    def interrupted(path: Path, frame: Frame) -> None:
        if seen:
            raise KeyboardInterrupt
        save_image(path, frame)
        seen.append(path.read_bytes())

    arguments = ["sheet", "large.mp4", "--style", "art.png", "--moments", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(contact_sheet, "save_image", interrupted)
        assert _ran(*arguments) == 130
    assert not Path("large_sheet.png").exists()
    assert _ran(*arguments) == 0
    assert Path("large_sheet.png").read_bytes() != seen[0]


def test_sheet_has_a_row_for_the_source_and_for_each_style() -> None:
    cv2.imwrite("calm.png", np.full((40, 40, 3), (200, 120, 30), np.uint8))
    arguments = ["--style", "art.png", "--style", "calm.png", "--moments", "3", "--cell", "96"]
    assert _ran("sheet", "clip.mp4", *arguments) == 0
    sheet = cv2.imread("clip_sheet.png")
    assert sheet is not None
    height, width = sheet.shape[:2]
    assert 3 * 72 < height < 3 * 72 + 80  # three rows of 96x72, gaps, and the times above
    assert 3 * 96 < width < 3 * 96 + 150
    rows = [
        sheet[height - (row + 1) * 80 : height - row * 80 - 8, width - 104 : width - 8] for row in range(3)
    ]
    assert np.abs(rows[0].astype(int) - rows[1]).mean() > 5
    assert np.abs(rows[1].astype(int) - rows[2]).mean() > 5


def test_steady_writes_beside_the_painting(capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(Path("painted.mp4"), [255 - picture for picture in shapes(6, 64, 48)])
    assert _ran("steady", "clip.mp4", "painted.mp4") == 0
    assert _count("painted_steady.mp4") == 6
    assert capsys.readouterr().out.startswith("painted_steady.mp4: 6 frames")


def test_list_names_what_options_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ran("list") == 0
    output = capsys.readouterr().out
    for name in ("stylenet", "raft-small", "map", "h264", "waves"):
        assert name in output
    assert _ran("list", "codecs") == 0
    assert "h264" in capsys.readouterr().out.splitlines()


def test_the_list_of_engines_says_what_each_is_good_for_and_where_its_weights_come_from(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _ran("list", "engines") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(ENGINES)
    assert all("time: " in line and "weights: " in line for line in lines)


def test_doctor_checks_codecs_and_weights(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _ran("doctor") == 0
    output = capsys.readouterr().out
    assert "all is well" in output
    assert "libx264" in output
    assert "stylenet-v1.safetensors" in output
    Path("raft-small.safetensors").write_bytes(b"broken")
    monkeypatch.setenv("VIDSTYLE_WEIGHTS", ".")
    assert _ran("doctor") == 1
    assert "NO  raft-small.safetensors is not" in capsys.readouterr().out


# the bar ---------------------------------------------------------------------------------------------


def test_the_bar_shows_time_rate_time_left_and_what_limits() -> None:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), Fraction(19, 2), Fraction(1, 2))
    info = VideoInfo(Path("clip.mp4"), 4, 4, duration=Fraction(90))
    recent = [(100.0, Fraction(5)), (101.0, Fraction(15, 2)), (102.5, Fraction(10))]
    output = state(Progress(19, frame, info, limit="stylize"), recent)
    assert output == "00:10/01:30, 0.8 frames/s, 00:40 left, stylize limits"


def test_the_bar_of_a_clip_of_unknown_length_shows_no_end() -> None:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), Fraction(0), Fraction(1, 2))
    progress = Progress(0, frame, VideoInfo(Path("clip.mp4"), 4, 4))
    assert state(progress, [(1.0, Fraction(1, 2))]) == "00:00"
