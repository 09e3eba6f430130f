"""Runs that are stopped from outside leave neither file nor thread, and the exit code says how."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import shapes, write_clip

from vidstyle.cli.main import Terminated, _signals_raise

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

_PATIENCE = 60  # s until a process that does nothing counts as hanging


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that takes minutes to paint, and a style."""
    folder = tmp_path_factory.mktemp("signals")
    write_clip(folder / "clip.mp4", [shapes(1, 320, 240)[0]] * 400, options={"preset": "ultrafast"})
    noise = np.random.default_rng(4).integers(0, 255, (60, 80, 3), np.uint8)
    cv2.imwrite(str(folder / "art.png"), noise)
    return folder


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, "vidstyle: interrupted"),
        (signal.SIGTERM, 143, "vidstyle: stopped by SIGTERM"),
    ],
)
def test_a_signal_ends_a_run_cleanly(folder: Path, number: int, code: int, line: str) -> None:
    before = set(folder.iterdir())
    command = [
        sys.executable,
        "-m",
        "vidstyle",
        "run",
        "clip.mp4",
        "--style",
        "art.png",
        "--temporal",
        "none",
    ]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_for_part(folder, before, process)
            for _ in range(3):  # an impatient user
                process.send_signal(number)
                time.sleep(0.02)
            _, errors = process.communicate(timeout=_PATIENCE)
        finally:
            process.kill()
    assert process.returncode == code
    assert errors == f"{line}\n"
    assert set(folder.iterdir()) == before


def test_a_signal_while_python_holds_its_import_locks_counts_once_they_are_free() -> None:
    done: list[str] = []
    # code that seems to be Python's own, in which an exception would leave the locks taken
    importing = compile("raise_signal(SIGTERM); done.append('free')", "<frozen importlib._bootstrap>", "exec")
    with pytest.raises(Terminated), _signals_raise(is_process=False):
        exec(importing, {"raise_signal": signal.raise_signal, "SIGTERM": signal.SIGTERM, "done": done})
        time.sleep(_PATIENCE)
    assert done == ["free"]


def test_a_signal_ends_a_painting_that_takes_hours(folder: Path) -> None:
    before = set(folder.iterdir())
    words = ["run", "clip.mp4", "--style", "art.png", "--frames", "3", "--engine", "gatys", "-v"]
    words += ["--engine-option", "iterations=100000"]
    command = [sys.executable, "-m", "vidstyle", *words]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert any("keyframes: 1 of 3 frames" in line for line in process.stderr)
            time.sleep(1.0)  # until it paints
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=_PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "vidstyle: interrupted"
    assert set(folder.iterdir()) == before


def _wait_for_part(folder: Path, before: set[Path], process: subprocess.Popen[str]) -> None:
    """Wait until the run has begun to write."""
    deadline = time.monotonic() + _PATIENCE
    while set(folder.iterdir()) == before:
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline, "the run has not begun to write"
        time.sleep(0.02)
