"""Which build of PyTorch ``scripts/install.py`` takes, and whether ``vidstyle doctor`` finds it right."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vidstyle.cli.torch_check import judged

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"
CPU, CUDA = "https://download.pytorch.org/whl/cpu", "https://download.pytorch.org/whl/cu130"


@pytest.fixture
def choice(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("torch_choice")


@pytest.mark.parametrize(
    ("platform", "has_gpu", "build", "index"),
    [
        ("linux", False, "auto", CPU),
        ("linux", True, "auto", ""),
        ("linux", True, "cpu", CPU),
        ("linux", False, "cuda", ""),
        ("win32", False, "auto", ""),
        ("win32", True, "auto", CUDA),
        ("darwin", False, "auto", ""),
    ],
)
def test_the_index_that_has_the_right_build_is_taken(
    choice: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    has_gpu: bool,
    build: str,
    index: str,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(choice, "has_nvidia_gpu", lambda: has_gpu)
    assert choice.choose(build)[0] == index


def test_install_shows_torch_before_vidstyle(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "install.py"), "--torch", "cpu", "--dry-run", "--into", "here"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("torch: ")
    assert lines[1].endswith(f"-m venv {tmp_path / 'here'}")
    assert lines[-1].endswith(f"{SCRIPTS.parent}[page]'")
    if sys.platform != "darwin":
        assert "PyTorch's cpu build" in lines[0] or "PyPI's build for the CPU" in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_install_refuses_an_extra_that_there_is_not(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPTS / "install.py"), "--extras", "page,papers", "--into", "here"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("install: vidstyle has no extra named 'papers'; there are bench, clip, ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("cuda", "is_usable", "has_gpu", "is_fine", "part"),
    [
        ("13.0", True, True, True, "uses the GPU"),
        ("13.0", False, True, False, "the NVIDIA driver here is too old"),
        ("13.0", False, False, True, "of no use without an NVIDIA GPU; smaller: pip install"),
        (None, False, True, False, "is built for CPUs, but an NVIDIA GPU is here; pip install"),
        (None, False, False, True, "is the right build"),
    ],
)
def test_doctor_says_when_the_wrong_torch_is_installed(
    cuda: str | None, is_usable: bool, has_gpu: bool, is_fine: bool, part: str
) -> None:
    found = judged("2.14.1", cuda, is_usable=is_usable, has_gpu=has_gpu, platform="linux")
    assert found[0] is is_fine
    assert part in found[1]
