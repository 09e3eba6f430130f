"""The measurements for GPUs, tried on the CPU at small sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "benchmarks" / "gpu.py"


def test_the_benchmark_of_gpus_measures_and_compares_on_any_device(tmp_path: Path) -> None:
    output = tmp_path / "gpu.json"
    words = ["--device", "cpu", "--no-tests", "--sizes", "96x64,8x8", "--frames", "3", "--engine", "stylenet"]
    command = [sys.executable, str(PROGRAM), *words, "--output", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(output.read_text())
    assert [row["size"] for row in told["speed"]] == ["96x64"]
    assert all(told["speed"][0][stage] > 0 for stage in ("upload", "network", "flow", "whole", "ahead"))
    assert told["speed"][0]["profile"] is None  # of CUDA only
    assert told["not_measured"][0].startswith("stylenet at 8x8: ValueError: StyleNet paints 16x16 px or more")
    (equality,) = told["equality"]
    assert equality["psnr"] > 60 and equality["change_cpu"] == equality["change_device"] > 0
    assert equality["ahead_apart"] < 0.5
    assert "| 96x64 | stylenet |" in done.stdout


def test_the_benchmark_of_gpus_says_that_there_is_none(tmp_path: Path) -> None:
    hidden = "import os, runpy, sys; os.environ['CUDA_VISIBLE_DEVICES'] = ''; sys.argv = sys.argv[1:]; "
    hidden += (
        "sys.path.insert(0, os.path.dirname(sys.argv[0])); runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", hidden, str(PROGRAM), "--output", str(tmp_path / "gpu.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr == "gpu: no CUDA device is present; --device cpu tries the program without one\n"
    assert not list(tmp_path.iterdir())
