"""Runs: what they leave, that they resume to the same losses, and what stops them."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
import torch
from folders import make_pictures, small

from vidstyle import weights
from vidstyle.errors import InputError, OptionError, OutputError, TrainingError, WeightsMismatch
from vidstyle.training import checkpoints, curves
from vidstyle.training.config import TrainOptions
from vidstyle.training.sheets import Sheets
from vidstyle.training.student import Student
from vidstyle.training.style_batch import StyleBatch
from vidstyle.training.trainer import train
from vidstyle.training.training_progress import Trained, TrainingProgress
from vidstyle.training.weights_export import export


def run(
    contents: Path,
    styles: Path,
    output: Path,
    options: TrainOptions,
    *,
    resume: bool = False,
    recipe: str = "stylenet",
) -> tuple[Trained, list[float]]:
    """A run, and the total loss of each of its steps."""
    totals: list[float] = []
    trained = train(
        recipe,
        contents,
        styles,
        output,
        options,
        resume=resume,
        on_step=lambda progress: totals.append(progress.losses["total"]),
    )
    return trained, totals


@pytest.fixture(scope="module")
def whole(contents: Path, styles: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A run of six steps, with a checkpoint after every third, and its losses."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    options = small(
        "stylenet",
        6,
        *("checkpoint_every=3", "preview_every=3", "losses.contrastive=0.1", "batch=1", "style_cuts=1"),
    )
    return output, run(contents, styles, output, options)[1]


def test_a_run_leaves_checkpoints_sheets_curves_and_its_settings(whole: tuple[Path, list[float]]) -> None:
    output, totals = whole
    assert [step for step, _ in checkpoints.files_of(output)] == [3, 6]
    assert sorted(path.name for path in (output / "previews").iterdir()) == [
        f"step-{step:08}.jpg" for step in (0, 3, 6)
    ]
    rows = curves.read(output)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["total"] for row in rows] == pytest.approx(totals)
    assert rows[0]["learning_rate"] == pytest.approx(0.002)
    assert rows[5]["learning_rate"] < 0.0002
    assert any((output / "tensorboard").iterdir())
    assert '"recipe": "stylenet"' in (output / "settings.json").read_text()


def test_a_run_interrupted_and_resumed_has_the_same_losses_and_weights(
    whole: tuple[Path, list[float]], contents: Path, styles: Path, tmp_path: Path
) -> None:
    output, totals = whole
    options = small("stylenet", 6, "losses.contrastive=0.1", "batch=1", "style_cuts=1")
    seen: list[float] = []

    def hook(progress: TrainingProgress) -> None:
        seen.append(progress.losses["total"])
        if progress.step == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train("stylenet", contents, styles, tmp_path, options, on_step=hook)
    assert [step for step, _ in checkpoints.files_of(tmp_path)] == [2]
    _, rest = run(contents, styles, tmp_path, options, resume=True)
    assert seen + rest == totals
    ours, theirs = (checkpoints.newest(folder) for folder in (tmp_path, output))
    for part in ("model", "average", "weights"):
        for name, value in theirs[part].items():
            assert torch.equal(ours[part][name], value), name
    assert [row["total"] for row in curves.read(tmp_path)] == pytest.approx(totals)


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    whole: tuple[Path, list[float]], contents: Path, styles: Path, tmp_path: Path
) -> None:
    output, totals = whole
    copy = tmp_path / "run"
    shutil.copytree(output, copy)
    newest = checkpoints.files_of(copy)[-1][1]
    newest.write_bytes(newest.read_bytes()[:5000])
    options = small("stylenet", 6, "losses.contrastive=0.1", "batch=1", "style_cuts=1")
    _, rest = run(contents, styles, copy, options, resume=True)
    assert rest == totals[3:]
    assert [row["step"] for row in curves.read(copy)] == [1, 2, 3, 4, 5, 6]


def test_a_second_run_in_a_folder_needs_resume(
    whole: tuple[Path, list[float]], contents: Path, styles: Path
) -> None:
    with pytest.raises(OutputError, match="holds a run at step 6; --resume goes on with it"):
        run(contents, styles, whole[0], small())


def test_a_resumed_run_takes_a_new_rate_and_end_and_needs_no_start(
    whole: tuple[Path, list[float]], contents: Path, styles: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(whole[0], copy)
    pairs = ("losses.contrastive=0.1", "batch=1", "learning_rate=0.001", "start=gone.safetensors")
    run(contents, styles, copy, small("stylenet", 12, *pairs), resume=True)
    rates = [row["learning_rate"] for row in curves.read(copy)]
    assert len(rates) == 12
    assert rates[5] < 0.0002
    assert rates[6] == pytest.approx(0.0005)  # half of the cosine


def test_resuming_where_nothing_is_is_one_line(contents: Path, styles: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no checkpoint in"):
        run(contents, styles, tmp_path / "nothing", small(), resume=True)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("change", ["shape", "recipe"])
def test_a_checkpoint_of_another_architecture_is_one_line(
    whole: tuple[Path, list[float]], contents: Path, styles: Path, tmp_path: Path, change: str
) -> None:
    state = checkpoints.newest(whole[0])
    if change == "shape":
        state["model"]["student.painter.c1.weight"] = torch.zeros(64, 3, 5, 5)
        state["architecture"] = checkpoints.architecture(state["model"])
    checkpoints.save(tmp_path, state, keep=1)
    before = checkpoints.files_of(tmp_path)[0][1].read_bytes()
    recipe = "stylenet" if change == "shape" else "stylenet-distil"
    expected = (
        r"c1.weight is \(64, 3, 5, 5\), expected \(24, 3, 5, 5\)"
        if change == "shape"
        else "not stylenet-distil"
    )
    with pytest.raises(WeightsMismatch, match=expected) as caught:
        run(contents, styles, tmp_path, small(recipe), resume=True, recipe=recipe)
    assert "\n" not in str(caught.value)
    assert checkpoints.files_of(tmp_path)[0][1].read_bytes() == before


def test_a_full_disk_is_one_line_and_the_older_checkpoint_stays(
    whole: tuple[Path, list[float]], tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no limit to set")
    state = checkpoints.newest(whole[0])
    older = checkpoints.save(tmp_path, {**state, "step": 3}, keep=2)
    before = older.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match="that of step 3 is kept") as caught:
            checkpoints.save(tmp_path, state, keep=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert older.read_bytes() == before
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [older.name]


def test_only_the_newest_checkpoints_are_kept(whole: tuple[Path, list[float]], tmp_path: Path) -> None:
    state = checkpoints.newest(whole[0])
    for step in (5, 10, 15):
        checkpoints.save(tmp_path, {**state, "step": step}, keep=2)
    assert [step for step, _ in checkpoints.files_of(tmp_path)] == [10, 15]


def test_training_lessens_the_loss(contents: Path, styles: Path, tmp_path: Path) -> None:
    pairs = ("losses=style=1", "start=random", "learns=painter,film", "learning_rate=0.01")
    _, totals = run(contents, styles, tmp_path, small("stylenet", 10, "batch=1", *pairs))
    assert sum(totals[-5:]) < 0.95 * sum(totals[:5])


@pytest.mark.parametrize("learns", ["painter", "film", "encoder"])
def test_only_what_shall_learn_learns(contents: Path, styles: Path, tmp_path: Path, learns: str) -> None:
    run(contents, styles, tmp_path, small("stylenet", 1, f"learns={learns}", "batch=1"))
    before, after = weights.load(weights.STYLENET), checkpoints.newest(tmp_path)["model"]
    changed = {
        "film" if ".film." in name else "painter"
        for name, value in before.items()
        if name.startswith("painter.") and not torch.equal(value, after[f"student.{name}"])
    }
    embedding = Student()
    embedding.load_state_dict(
        {name[8:]: value for name, value in after.items() if name.startswith("student.")}
    )
    numbers = torch.rand(2, 2816) * 10
    expected = numbers @ before["style.weight"].T + before["style.bias"]
    if not torch.allclose(embedding.encode(StyleBatch((), lambda: numbers)), expected, rtol=1e-3, atol=1e-2):
        changed.add("encoder")
    assert changed == {learns}


def test_nothing_is_painted_for_losses_that_use_no_painting(
    contents: Path, styles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[int] = []
    monkeypatch.setattr(Sheets, "save", lambda *_: None)
    monkeypatch.setattr(Student, "paint", lambda *_: painted.append(1))
    options = small("style-encoder", 1, "losses=style-embedding=1")
    run(contents, styles, tmp_path, options, recipe="style-encoder")
    assert not painted


@pytest.mark.parametrize("recipe", ["stylenet-distil", "style-encoder"])
def test_recipes_with_a_teacher_run(contents: Path, styles: Path, tmp_path: Path, recipe: str) -> None:
    losses = {"stylenet-distil": "distillation=1,style=0.3", "style-encoder": "style-embedding=1"}[recipe]
    options = small(recipe, 2, f"losses={losses}", "mixtures=0.5")
    _, totals = run(contents, styles, tmp_path, options, recipe=recipe)
    assert len(totals) == 2
    assert min(totals) > 0


def test_a_teacher_with_other_embeddings_than_the_student_is_refused(
    contents: Path, styles: Path, tmp_path: Path
) -> None:
    options = small("adain", 1, "losses=style-embedding=1")
    with pytest.raises(OptionError, match="embeddings are 704 numbers, as the student's are"):
        run(contents, styles, tmp_path, options, recipe="adain")


def test_an_exported_file_tells_names_and_no_folders(contents: Path, styles: Path, tmp_path: Path) -> None:
    listed = tmp_path / "kept-out.txt"
    listed.write_text("none.png\n")
    run(contents, styles, tmp_path / "run", small("stylenet", 1, f"leave_out={listed}", "batch=1"))
    metadata = export(tmp_path / "run", tmp_path / "own.safetensors")
    assert str(tmp_path) not in " ".join(metadata.values())
    assert json.loads(metadata["settings"])["leave_out"] == "kept-out.txt"
    assert json.loads(metadata["settings"])["start"] == "bundled"


def test_the_averaged_weights_lag_behind(whole: tuple[Path, list[float]]) -> None:
    state = checkpoints.newest(whole[0])
    now, lag = state["model"]["student.painter.c1.weight"], state["average"]["module.painter.c1.weight"]
    assert not torch.equal(now, lag)
    assert (now - lag).abs().max() < 0.02


def test_a_loss_that_diverges_ends_the_run_in_one_line(contents: Path, styles: Path, tmp_path: Path) -> None:
    options = small("stylenet", 6, "learning_rate=1e30", "clip=0", "checkpoint_every=1", "batch=1")
    with pytest.raises(TrainingError, match="diverged; the checkpoint of step 1 is kept"):
        run(contents, styles, tmp_path, options)
    assert checkpoints.files_of(tmp_path)


@pytest.mark.parametrize("which", ["content", "style"])
def test_an_empty_folder_is_one_line_and_nothing_is_written(
    contents: Path, styles: Path, tmp_path: Path, which: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    folders = (empty, styles) if which == "content" else (contents, empty)
    with pytest.raises(InputError, match="empty holds no pictures"):
        run(*folders, tmp_path / "run", small())
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_an_unreadable_picture_is_skipped_and_counted(styles: Path, tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "contents", 2)
    (folder / "bad.jpg").write_text("this is no picture")
    trained, totals = run(folder, styles, tmp_path / "run", small("stylenet", 3))
    assert len(totals) == 3
    assert trained.skipped == (str(folder / "bad.jpg"),)
    assert curves.read(tmp_path / "run")[-1]["skipped"] == 1


def test_a_folder_of_nothing_but_bad_pictures_is_one_line(styles: Path, tmp_path: Path) -> None:
    folder = tmp_path / "contents"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_text("this is no picture")
    with pytest.raises(InputError, match="none of the pictures that were tried can be read") as caught:
        run(folder, styles, tmp_path / "run", small())
    assert "\n" not in str(caught.value)
