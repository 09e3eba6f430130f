"""``vidstyle train`` and ``vidstyle export`` as a person uses them, from a folder to a painted picture."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vidstyle import weights
from vidstyle.cli.main import main
from vidstyle.cli.train import state
from vidstyle.training import checkpoints, curves
from vidstyle.training.training_progress import TrainingProgress
from vidstyle.training.weights_export import digest
from vidstyle.video.stills import load_image

SETTINGS = (
    *("batch=1", "crop=32", "style_sides=32", "style_layers=conv1_1", "losses=style=1", "workers=0"),
    *("device=cpu", "log_every=1", "preview_size=32", "licence=CC0-1.0"),
)
SET = [word for setting in SETTINGS for word in ("--set", setting)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``content``, ``style`` and ``empty``."""
    place = tmp_path_factory.mktemp("command")
    random = np.random.default_rng(2)
    for name in ("content", "style", "empty"):
        (place / name).mkdir()
    for name in ("content", "style"):
        for number in range(2):
            picture = random.integers(0, 255, (40, 48, 3), np.uint8)
            cv2.imwrite(str(place / name / f"{number}.png"), picture)
    return place


BUNDLED, RAFT = (str(weights.ASSETS / record.file) for record in (weights.STYLENET, weights.RAFT_SMALL))


def command(folders: Path, output: Path, *more: str) -> list[str]:
    arguments = [
        "train",
        "stylenet",
        "--content",
        str(folders / "content"),
        "--style",
        str(folders / "style"),
    ]
    return [*arguments, "--output", str(output), *SET, *more]


@pytest.fixture(scope="module")
def trained(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("trained") / "run"
    assert main(command(folders, output, "--steps", "2")) == 0
    return output


def test_a_trained_run_is_exported_and_paints(
    trained: Path, folders: Path, tmp_path: Path, plain_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.safetensors"
    assert main(["export", str(trained), "--output", str(file)]) == 0
    output = capsys.readouterr().out
    assert "stylenet, 2 steps, licence: CC0-1.0" in output
    assert weights.sha256(file) in output
    metadata = weights.metadata(file)
    assert (metadata["recipe"], metadata["steps"], metadata["licence"]) == ("stylenet", "2", "CC0-1.0")
    assert json.loads(metadata["data"])["content"] == {"folder": "content", "pictures": 2}
    assert metadata["engine"] == "stylenet"
    assert metadata["sha256"] == digest(weights.load(file))
    style, picture = str(folders / "style" / "0.png"), str(folders / "content" / "0.png")
    ours, bundled = tmp_path / "ours.png", tmp_path / "bundled.png"
    assert main(["image", picture, "--style", style, "--weights", str(file), "-o", str(ours)]) == 0
    assert main(["image", picture, "--style", style, "--engine", "stylenet", "-o", str(bundled)]) == 0
    gap = load_image(ours).pixels.astype(int) - load_image(bundled).pixels
    assert 0 < np.abs(gap).mean() < 20  # two steps from the bundled weights
    clip = tmp_path / "clip.mp4"
    arguments = [
        "run",
        str(plain_clip),
        "--style",
        style,
        "--weights",
        str(file),
        "--frames",
        "2",
        "-o",
        str(clip),
    ]
    assert main(arguments) == 0
    assert clip.stat().st_size > 0


def test_resume_keeps_the_settings_and_takes_more_steps(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(folders, tmp_path, "--steps", "1")) == 0
    plain = ["train", "stylenet", "--content", str(folders / "content"), "--style", str(folders / "style")]
    assert main([*plain, "--output", str(tmp_path), "--resume", "--steps", "2"]) == 0
    assert "step 2, total" in capsys.readouterr().out
    assert checkpoints.newest(tmp_path)["options"]["crop"] == 32
    assert [row["step"] for row in curves.read(tmp_path)] == [1, 2]
    assert main([*plain, "--output", str(tmp_path), "--resume"]) == 0
    assert "finished at step 2 already; --steps N lets it learn longer" in capsys.readouterr().err


def test_a_run_is_resumed_by_its_own_recipe_alone(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(folders, tmp_path, "--steps", "1")
    assert main(arguments) == 0
    capsys.readouterr()
    arguments[1] = "adain"
    assert main([*arguments, "--resume"]) == 1
    assert "holds a run of the recipe stylenet, not adain" in capsys.readouterr().err


def test_a_config_file_gives_settings(folders: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("steps = 1\nseed = 7\n")
    assert main(command(folders, tmp_path / "run", "--config", str(file))) == 0
    assert json.loads((tmp_path / "run" / "settings.json").read_text())["seed"] == 7


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--content", "empty"], "holds no pictures"),
        (["--style", "nowhere"], "no folder"),
        (["--set", "bacth=1"], "no setting named 'bacth'; did you mean 'batch'?"),
        (["--set", "start=nowhere.safetensors"], "no weights file nowhere.safetensors"),
        (["--resume"], "no checkpoint in"),
        (["--config", "nowhere.toml"], "cannot be read as TOML or JSON"),
        (
            ["--set", "content_layers=conv9_9", "--set", "losses.content=1"],
            "no layer 'conv9_9' in the",
        ),
        (
            ["--set", "features=small", "--set", "content_layers=conv3_2", "--set", "losses.content=1"],
            "no layer 'conv3_2' in the",
        ),
        (["--set", "teacher=nobody", "--set", "losses.distillation=1"], "no engine named 'nobody'"),
    ],
)
def test_what_cannot_be_is_one_line(
    folders: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(folders)
    assert main(command(folders, tmp_path / "run", "--steps", "1", *more)) == 1
    output = capsys.readouterr().err
    assert expected in output
    assert output.count("\n") == 1
    if more[0] in ("--content", "--style"):
        assert not (tmp_path / "run").exists()


def test_an_unknown_recipe_is_answered_with_the_nearest(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = command(folders, tmp_path)
    arguments[1] = "stylenet-destil"
    assert main(arguments) == 1
    assert "did you mean 'stylenet-distil'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere", "--output", "new.safetensors"], "no checkpoint in nowhere"),
        (["RUN", "--output", "new.pt"], "written as .safetensors"),
        (["RUN", "--output", "no/new.safetensors"], "no folder no"),
        (["RUN", "--output", "old.safetensors"], "give --overwrite to replace it"),
        (["RUN", "--output", "new.safetensors", "--share", "0.5"], "give both"),
        (["RUN", "--output", "new.safetensors", "--mix", "none.safetensors"], "no weights file"),
        (["RUN", "--output", "new.safetensors", "--mix", "old.safetensors"], "not a safetensors file"),
        (["RUN", "--output", "new.safetensors", "--mix", RAFT], "not of the run's network"),
        (["RUN", "--output", "new.safetensors", "--mix", BUNDLED, "--share", "2"], "from 0 to 1"),
    ],
)
def test_exports_that_cannot_be_are_one_line(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.safetensors").write_text("old")
    assert main(["export", *(str(trained) if word == "RUN" else word for word in arguments)]) == 1
    assert expected in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["old.safetensors"]
    assert Path("old.safetensors").read_text() == "old"


def test_an_export_is_mixed_with_other_weights(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({name: value * 1.1 + 0.01 for name, value in weights.load(weights.STYLENET).items()}, other)
    files = {share: tmp_path / f"{share}.safetensors" for share in ("0", "0.25", "1")}
    for share, file in files.items():
        assert main(["export", str(trained), "-o", str(file), "--mix", str(other), "--share", share]) == 0
    ours, mixed, first = (weights.load(file) for file in files.values())
    for name, value in weights.load(other).items():
        assert torch.allclose(first[name], value, atol=1e-5)
        assert torch.allclose(mixed[name], 0.75 * ours[name] + 0.25 * value, atol=1e-5)
    assert any(not torch.allclose(ours[name], first[name], atol=1e-5) for name in ours)
    assert weights.metadata(files["0.25"])["mixed"].startswith("0.25 of other.safetensors, ")


@pytest.mark.skipif(os.name == "nt", reason="process groups of POSIX")
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "vidstyle: interrupted"), (signal.SIGTERM, 143, "vidstyle: stopped by SIGTERM")],
)
def test_a_signal_to_all_processes_of_a_run_saves_first(
    folders: Path, tmp_path: Path, number: signal.Signals, code: int, said: str
) -> None:
    run = tmp_path / "run"
    arguments = command(folders, run, "--steps", "100000", "--set", "workers=1")
    process = subprocess.Popen(
        [sys.executable, "-m", "vidstyle", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (run / "log.csv").is_file() or len((run / "log.csv").read_text().splitlines()) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(process.pid, number)  # as terminals, timeout and schedulers do: workers too
    _, errors = process.communicate(timeout=50)  # less than workers live on after such a signal
    assert process.returncode == code
    assert errors.splitlines()[-1] == said
    assert "Traceback" not in errors
    step, path = checkpoints.files_of(run)[-1]
    assert f"stopped at step {step}; --resume goes on from there" in errors
    assert step >= 2
    assert checkpoints.load(path)["step"] == step
    assert curves.read(run)[-1]["step"] == step


def test_an_error_in_a_worker_is_one_line_and_ends_the_run_at_once(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "bad.mp4").write_text("no clip")
    arguments = command(folders, tmp_path / "run", "--steps", "3", "--set", "workers=1")
    arguments += ["--set", f"clips={tmp_path / 'clips'}", "--set", "losses.warped=1"]
    process = subprocess.run(
        [sys.executable, "-m", "vidstyle", *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert process.returncode == 1
    messages = [line for line in process.stderr.splitlines() if line.startswith("vidstyle: ")]
    assert len(messages) == 1
    assert "clips" in messages[0]
    assert "Traceback" not in process.stderr
    assert "Exception ignored" not in process.stderr


def test_the_bar_tells_losses_rate_and_time_left() -> None:
    losses = {"style": 0.6, "shift": 0.02, "total": 0.51}
    output = state(TrainingProgress(120, 500, losses, 3.1, 2))
    assert output == "120/500, 3.1 steps/s, 02:03 left, total 0.51 (style 0.6, shift 0.02), 2 unreadable"
