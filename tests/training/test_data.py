"""Folders, shards and clips as endless streams that go on anywhere."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import shapes, write_clip
from folders import make_pictures, small
from PIL import Image

from vidstyle.errors import InputError, OptionError
from vidstyle.file_suffixes import CLIPS
from vidstyle.training.clips import Clips, clip_files
from vidstyle.training.data import Data, TrainingBatch
from vidstyle.training.order import shuffled_index
from vidstyle.training.picture_folder import Cut, Pictures
from vidstyle.training.shards import Shards


def alike(first: Iterable[TrainingBatch], second: Iterable[TrainingBatch]) -> bool:
    return all(
        torch.equal(one.content, other.content)
        and all(torch.equal(*pair) for pair in zip(one.styles, other.styles, strict=True))
        for one, other in zip(first, second, strict=True)
    )


def make_shards(folder: Path, shards: int, each: int, *, bad: tuple[int, ...] = ()) -> Path:
    """Tar files of plain pictures, each of a grey of its own; those of ``bad`` numbers are none."""
    folder.mkdir()
    for shard in range(shards):
        with tarfile.open(folder / f"{shard:03}.tar", "w") as file:
            for number in range(shard * each, (shard + 1) * each):
                buffer = io.BytesIO()
                Image.fromarray(np.full((40, 48, 3), number, np.uint8)).save(buffer, "PNG")
                data = b"no picture" if number in bad else buffer.getvalue()
                for ending, content in (("png", data), ("txt", b"a caption")):
                    entry = tarfile.TarInfo(f"{number:04}.{ending}")
                    entry.size = len(content)
                    file.addfile(entry, io.BytesIO(content))
    return folder


def greys(batches: Iterator[TrainingBatch], count: int) -> list[list[int]]:
    return [
        [round(float(picture.mean()) * 255) for picture in batch.content] for batch in islice(batches, count)
    ]


def test_pictures_that_are_left_out_are_never_shown(contents: Path, styles: Path, tmp_path: Path) -> None:
    names = sorted(file.name for file in contents.rglob("*.png"))
    listed = tmp_path / "kept-out.txt"
    listed.write_text(f"# measured with\n{names[0]}\n\n{Path(names[2]).stem}.webp\n")
    data = Data(contents, styles, small("stylenet", 1, f"leave_out={listed}"))
    pictures = data._pictures[1]
    assert pictures is not None
    assert sorted(Path(file).name for file in pictures.files) == [
        name for name in names if name not in (names[0], names[2])
    ]
    listed.write_text("\n".join(names))
    with pytest.raises(InputError, match="left out"):
        Data(contents, styles, small("stylenet", 1, f"leave_out={listed}"))
    with pytest.raises(OptionError, match="list of names"):
        Data(contents, styles, small("stylenet", 1, f"leave_out={tmp_path / 'none.txt'}"))


def test_style_cuts_come_again_round_after_round(styles: Path) -> None:
    pictures = Pictures(styles, Cut(32, by_area=True, share=0.5), seed=1, salt=2, cuts=2)
    count = len(pictures)
    rounds = [
        {
            sample.key: sample.images[0]
            for sample in map(pictures.__getitem__, range(turn * count, (turn + 1) * count))
        }
        for turn in range(4)
    ]
    assert rounds[0].keys() == rounds[2].keys()
    assert rounds[1].keys() == rounds[3].keys()
    assert not rounds[0].keys() & rounds[1].keys()
    for first, again in ((0, 2), (1, 3)):
        assert all(torch.equal(rounds[first][key], rounds[again][key]) for key in rounds[first])
    assert Pictures(styles, Cut(32, by_area=True), seed=1, salt=2)[0].key is None


def test_every_item_comes_once_in_every_round_and_rounds_differ() -> None:
    rounds = [[shuffled_index(epoch * 50 + place, 50, 3, 1) for place in range(50)] for epoch in (0, 1)]
    assert [sorted(order) for order in rounds] == [list(range(50))] * 2
    assert rounds[0] != rounds[1]


def test_samples_are_cut_to_size_and_in_range(contents: Path) -> None:
    square = Pictures(contents, Cut(33), seed=0, salt=1)[4].images[0]
    assert square.shape == (1, 3, 33, 33)
    whole = Pictures(contents, Cut(64, by_area=True), seed=0, salt=2)[4].images[0]
    assert whole.shape[2] * whole.shape[3] == pytest.approx(64 * 64, rel=0.05)
    part = Pictures(contents, Cut(64, by_area=True, share=0.3), seed=0, salt=2)[4].images[0]
    assert part.shape[2] * part.shape[3] == pytest.approx(64 * 64, rel=0.05)
    for image in (square, whole, part):
        assert 0 <= float(image.min()) < float(image.max()) <= 1


def test_pictures_are_found_in_folders_below(contents: Path) -> None:
    assert len(Pictures(contents, Cut(32), seed=0, salt=1)) == 5


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on machines with fewer cores
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_go_on_where_they_were_left_with_any_number_of_workers(
    contents: Path, styles: Path, workers: int
) -> None:
    whole = list(islice(Data(contents, styles, small()).batches(0), 7))
    again = Data(contents, styles, small("stylenet", 6, f"workers={workers}"))
    assert alike(whole[4:], islice(again.batches(4), 3))


def test_devices_share_the_order_between_them(contents: Path, styles: Path) -> None:
    one = list(islice(Data(contents, styles, small("stylenet", 6, "batch=4")).batches(0), 2))
    two = [list(islice(Data(contents, styles, small(), rank=rank, ranks=2).batches(0), 2)) for rank in (0, 1)]
    for number in (0, 1):
        assert torch.equal(one[number].content[0::2], two[0][number].content)
        assert torch.equal(one[number].content[1::2], two[1][number].content)


def test_epochs_become_steps(contents: Path, styles: Path) -> None:
    options = small("stylenet", 6, "epochs=10")
    assert Data(contents, styles, small()).steps() == 6
    without = type(options)(**{**options.plain(), "steps": None, "epochs": 10})
    assert Data(contents, styles, without).steps() == 25
    assert Data(contents, styles, without, ranks=2).steps() == 13


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("workers", [0, 2, 3])
def test_shards_go_on_where_they_were_left(tmp_path: Path, styles: Path, workers: int) -> None:
    folder = make_shards(tmp_path / "shards", 4, 3, bad=(4, 11))
    options = small("stylenet", 6, f"workers={workers}")
    whole = greys(Data(folder, styles, options).batches(0), 12)
    for begun in (1, 5, 8):
        assert greys(Data(folder, styles, options).batches(begun), 12 - begun) == whole[begun:]


def test_shards_show_every_good_picture_and_name_the_bad(tmp_path: Path) -> None:
    folder = make_shards(tmp_path / "shards", 3, 4, bad=(5,))
    samples = list(islice(Shards(folder, Cut(32), seed=0, salt=1, batch=2), 24))
    seen = Counter(round(float(sample.images[0].mean()) * 255) for sample in samples)
    assert set(seen) == set(range(12)) - {5}
    skipped = {name for sample in samples for name in sample.skipped}
    assert len(skipped) == 1
    assert next(iter(skipped)).endswith("0005.png")


def test_a_damaged_shard_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_shards(tmp_path / "shards", 2, 3)
    (folder / "002.tar").write_bytes(b"this is no archive" * 100)
    samples = list(islice(Shards(folder, Cut(32), seed=0, salt=1, batch=2), 12))
    assert {round(float(sample.images[0].mean()) * 255) for sample in samples} == set(range(6))
    assert "damaged shard" in caplog.text


def test_shards_without_pictures_are_one_line(tmp_path: Path) -> None:
    folder = make_shards(tmp_path / "shards", 1, 0)
    with pytest.raises(InputError, match="hold no pictures"):
        next(iter(Shards(folder, Cut(32), seed=0, salt=1, batch=1)))


def test_epochs_of_shards_are_refused(tmp_path: Path, styles: Path) -> None:
    folder = make_shards(tmp_path / "shards", 1, 2)
    options = small()
    with pytest.raises(OptionError, match="give --steps"):
        Data(folder, styles, type(options)(**{**options.plain(), "steps": None})).steps()


def test_clips_give_two_frames_cut_alike(tmp_path: Path) -> None:
    write_clip(tmp_path / "moving.mp4", shapes(8, 96, 64))
    write_clip(tmp_path / "still.mp4", [shapes(1, 96, 64)[0]] * 8)
    (tmp_path / "bad.mp4").write_text("no clip")
    clips = Clips(tmp_path, Cut(32), interval=2, seed=0)
    samples = [clips[place] for place in range(9)]
    gaps = [float((sample.images[0] - sample.images[1]).abs().mean()) for sample in samples]
    assert all(len(sample.images) == 2 and sample.images[0].shape == (1, 3, 32, 32) for sample in samples)
    assert min(gaps) < 0.01 < max(gaps)
    assert {name for sample in samples for name in sample.skipped} == {str(tmp_path / "bad.mp4")}
    assert torch.equal(clips[3].images[0], samples[3].images[0])


def test_clips_of_every_kind_that_folders_of_run_may_hold_are_found(tmp_path: Path) -> None:
    for suffix in CLIPS:
        (tmp_path / f"clip{suffix}").touch()
    assert {Path(file).suffix for file in clip_files(tmp_path)} == {*CLIPS}


def test_a_folder_without_clips_is_one_line(contents: Path) -> None:
    with pytest.raises(InputError, match="holds no videos"):
        Clips(contents, Cut(32), interval=1, seed=0)


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        Pictures(tmp_path / "nothing", Cut(32), seed=0, salt=1)


def test_many_bad_pictures_in_a_row_are_one_line(tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "contents", 1)
    (folder / "0.png").write_text("no picture")
    with pytest.raises(InputError, match=r"1 pictures of .* cannot be read"):
        Pictures(folder, Cut(32), seed=0, salt=1)[0]


def test_settings_that_need_folders_are_refused_with_shards(
    tmp_path: Path, contents: Path, styles: Path
) -> None:
    folder = make_shards(tmp_path / "shards", 1, 2)
    listed = tmp_path / "kept-out.txt"
    listed.write_text("0001.png\n")
    with pytest.raises(OptionError, match="leave_out names files of folders"):
        Data(folder, styles, small("stylenet", 1, f"leave_out={listed}"))
    with pytest.raises(OptionError, match="style_cuts remembers pictures of folders"):
        Data(contents, folder, small("stylenet", 1, "style_cuts=2"))


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="Windows ends workers itself")
def test_a_worker_that_is_told_to_end_ends_a_little_later() -> None:
    lines = (
        "import os, signal, time",
        "from vidstyle.training import data",
        "data._GRACE = 1",
        "data._ignore_signals(0)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "print('still here', flush=True)",
        "time.sleep(30)",
    )
    process = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=25, check=False
    )
    assert process.stdout == "still here\n"
    assert process.returncode == -signal.SIGALRM
