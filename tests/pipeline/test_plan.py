"""The plan of a run: how often files are opened and the target is looked at, and that nothing stays open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from clips import Sound, shapes, write_clip

from vidstyle import steady, stylize_video
from vidstyle.cli.main import main
from vidstyle.errors import InputError, OptionError, OutputError
from vidstyle.options import WriteOptions
from vidstyle.pipeline.plan import plan_run
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing import target as targets


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a clip, the same frames as a painting, and a folder of two clips."""
    monkeypatch.chdir(tmp_path)
    for name in ("clip.mp4", "painted.mp4"):
        write_clip(Path(name), shapes(4, 64, 48), sounds=[Sound()])
    Path("clips").mkdir()
    for name in ("a.mp4", "b.mp4"):
        write_clip(Path("clips") / name, shapes(2, 64, 48), sounds=[Sound()])
    return tmp_path


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was opened to be read, how often a target was checked and an encoder rehearsed."""
    counted: Counter[str] = Counter()
    real: Any = av.open

    def opened(file: Any, mode: str = "r", *rest: Any, **keywords: Any) -> Any:
        if mode == "r":
            counted[Path(file).name] += 1
        return real(file, mode, *rest, **keywords)

    def counting(name: str) -> Callable[..., Any]:
        plain: Callable[..., Any] = getattr(targets, name)

        def call(*values: Any) -> Any:
            counted[name] += 1
            return plain(*values)

        return call

    monkeypatch.setattr(av, "open", opened)
    for name in ("_check_place", "try_encoder"):
        monkeypatch.setattr(targets, name, counting(name))
    return counted


_TWICE = {"clip.mp4": 2, "_check_place": 1, "try_encoder": 1}  # read for its pictures, and for its sound


def test_a_clip_is_opened_as_often_as_it_is_read_and_its_target_checked_once(counts: Counter[str]) -> None:
    assert main(["run", "clip.mp4", "--style", "waves", "--device", "cpu", "-q"]) == 0
    assert counts == _TWICE


def test_the_library_opens_and_checks_as_the_command_does(counts: Counter[str]) -> None:
    stylize_video("clip.mp4", style="waves", device="cpu")
    assert counts == _TWICE


def test_each_clip_of_a_folder_is_opened_and_checked_as_one_alone(counts: Counter[str]) -> None:
    assert main(["run", "clips", "--style", "waves", "--device", "cpu", "-q"]) == 0
    assert counts == {"a.mp4": 2, "b.mp4": 2, "_check_place": 2, "try_encoder": 2}


def test_a_preview_opens_the_clip_once_more_than_it_reads_it(counts: Counter[str]) -> None:
    assert main(["run", "clip.mp4", "--style", "waves", "--device", "cpu", "--preview", "-q"]) == 0
    assert counts == {"clip.mp4": 3, "_check_place": 1, "try_encoder": 1}


def test_a_painting_made_elsewhere_is_opened_once(counts: Counter[str]) -> None:
    steady("clip.mp4", "painted.mp4")
    assert counts == {**_TWICE, "painted.mp4": 1}


def test_a_mask_clip_is_opened_once_more_than_it_is_read(counts: Counter[str]) -> None:
    write_clip(Path("mask.mp4"), shapes(4, 64, 48))
    arguments = ["--style", "waves", "--device", "cpu", "--mask", "mask.mp4", "-q"]
    assert main(["run", "clip.mp4", *arguments]) == 0
    assert counts == {**_TWICE, "mask.mp4": 2}  # its headers are checked before anything is painted
    counts.clear()
    assert main(["run", "clips", *arguments]) == 0
    assert counts["mask.mp4"] == 3  # beside each of the two clips


def test_files_are_found_wrong_before_anything_is_loaded(counts: Counter[str]) -> None:
    def load() -> Any:
        raise AssertionError("loaded")

    def opened() -> Reader:
        return Reader("no.mp4")

    with pytest.raises(InputError, match=r"no\.mp4"):
        plan_run(opened, Path("out.mp4"), load, inputs=[Path("no.mp4")], write=WriteOptions())
    with pytest.raises(OutputError, match=r"\.doc"):
        plan_run(opened, Path("out.doc"), load, inputs=[], write=WriteOptions())
    assert not counts["no.mp4"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no list of open files")
def test_a_source_is_closed_when_loading_fails() -> None:
    def load() -> Any:
        assert "clip.mp4" in _open_files()
        raise OptionError("no such style")

    with pytest.raises(OptionError):
        plan_run(lambda: Reader("clip.mp4"), Path("out.mp4"), load, inputs=[], write=WriteOptions())
    assert "clip.mp4" not in _open_files()


def _open_files() -> set[str]:
    return {link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
