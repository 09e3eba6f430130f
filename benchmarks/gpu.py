"""Checks and measures vidstyle on a GPU: contract tests, equality to the CPU, milliseconds a frame, memory.

python benchmarks/gpu.py [--sizes 640x360,1280x720] [--engine NAME] [--minutes 8] [--output gpu.json]

Sizes are measured as long as there is time; what was not measured is said. With ``--device cpu`` the program
itself can be tried without a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench_inputs import ROOT, SAMPLE_CLIP, frames
from gpu_profile import Profile
from gpu_speed import STYLE, Speed, painted_ahead, speed
from quality_tables import table

SIZES = ("640x360", "1280x720", "1920x1080", "3840x2160")
ENGINES = ("wct-single-pass", "wct-slim", "stylenet")
TESTS = (
    *("tests/engines/test_engine_contract.py", "tests/flow", "tests/temporal/backends"),
    *("tests/test_tensors.py", "tests/temporal/test_lookahead.py", "tests/pipeline/test_transfers.py"),
)
_GOAL = (1080, 15.0, 33.0)  # lines, ms of the network, ms of the whole
_LEAST_PSNR = 40.0  # dB of a painting on the device and that on the CPU
_EQUAL_STEADINESS = 0.1  # relative difference of the change from frame to frame
_EQUAL_AHEAD = 0.5  # levels: mean difference of results with and without running ahead


@dataclass(slots=True)
class Result:
    """All that is written to the JSON file."""

    machine: dict[str, str]
    tests: dict[str, Any] | None = None
    equality: list[dict[str, Any]] = field(default_factory=list)
    speed: list[Speed] = field(default_factory=list)
    not_measured: list[str] = field(default_factory=list)


def main() -> int:
    """0 if tests pass and all that was measured equals the CPU's; 1 otherwise."""
    arguments = _parser().parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does, before torch is imported
    end = time.monotonic() + 60 * arguments.minutes
    device = _device(arguments.device)
    result = Result(_machine(device))
    print(json.dumps(result.machine), flush=True)
    if not arguments.no_tests:
        result.tests = _tests(device, max(30.0, 0.4 * (end - time.monotonic())))
        print(f"tests: {result.tests}", flush=True)
    for engine in arguments.engine or ENGINES:
        result.equality.append(_equality(engine, device, arguments.frames))
        print(f"equality: {result.equality[-1]}", flush=True)
        for size in arguments.sizes.split(","):
            if time.monotonic() > end:
                result.not_measured.append(f"{engine} at {size}: the time was over")
                continue
            try:
                result.speed.append(speed(engine, size, device, arguments.frames, arguments.compile))
                print(result.speed[-1], flush=True)
            except Exception as error:  # of any kind: the other sizes are still worth their time
                result.not_measured.append(f"{engine} at {size}: {type(error).__name__}: {error}")
                print(result.not_measured[-1], flush=True)
    arguments.output.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    print("\n" + _tables(result))
    return 0 if _is_right(result) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", choices=("cuda", "mps", "cpu"))
    parser.add_argument("--sizes", default=",".join(SIZES), metavar="WxH,WxH")
    parser.add_argument("--engine", action="append", default=[], help=f"default: {' and '.join(ENGINES)}")
    parser.add_argument("--frames", type=int, default=24, help="of the sample clip (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=8.0, help="no size is begun after these")
    parser.add_argument("--compile", action="store_true", help="time torch.compile, too, and CUDA graphs")
    parser.add_argument("--no-tests", action="store_true", help="only measure")
    parser.add_argument("--output", type=Path, default=Path("gpu.json"), metavar="FILE")
    return parser


def _device(name: str) -> Any:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise SystemExit("gpu: no CUDA device is present; --device cpu tries the program without one")
    if name == "mps" and not torch.backends.mps.is_available():
        raise SystemExit("gpu: no MPS device is present; --device cpu tries the program without one")
    return torch.device(name)


def _machine(device: Any) -> dict[str, str]:
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    versions = {"torch": torch.__version__, "cuda": str(torch.version.cuda), "python": sys.version.split()[0]}
    return {"device": device.type, "name": name, "system": platform.platform(), **versions}


def _tests(device: Any, seconds: float) -> dict[str, Any]:
    """The tests that run on every device: their exit code, and the last line that pytest prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if device.type == "cuda":
        environment["VIDSTYLE_REQUIRE_CUDA"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *TESTS]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return {"code": None, "said": f"not over after {seconds:.0f} s"}
    lines = (done.stdout + done.stderr).strip().splitlines() or [""]
    return {
        "code": done.returncode,
        "said": lines[-1],
        "failed": [x for x in lines if x.startswith("FAILED")],
    }


def _equality(engine: str, device: Any, count: int) -> dict[str, Any]:
    """How far paintings, and their steadiness, on ``device`` are from those on the CPU, both in float32."""
    import numpy as np

    from vidstyle import Stylizer

    width = 160 if device.type == "cpu" else 320  # on a CPU the program is only tried
    clip = frames(SAMPLE_CLIP, width=width, count=max(3, min(12, count)))
    still, change = {}, {}
    for name in ("cpu", device.type):
        stylizer = Stylizer(STYLE, engine=engine, device=name, precision="fp32", flow="raft-small")
        still[name] = stylizer.image(clip[0]).astype(np.float64)
        painted = [each.astype(np.float64) for each in stylizer.frames(clip)]
        change[name] = float(
            np.mean([np.abs(a - b).mean() for a, b in zip(painted[1:], painted, strict=False)])
        )
    # streams that did not wait for each other would show here
    ahead = [np.abs(a - b).mean() for a, b in zip(painted, painted_ahead(stylizer, clip), strict=True)]
    error = float(((still["cpu"] - still[device.type]) ** 2).mean())
    psnr = 10 * float(np.log10(255**2 / max(error, 1e-12)))
    return {
        "engine": engine,
        "psnr": round(psnr, 2),
        "change_cpu": round(change["cpu"], 4),
        "change_device": round(change[device.type], 4),
        "ahead_apart": round(float(max(ahead)), 4),
    }


def _is_right(result: Result) -> bool:
    return (result.tests is None or result.tests["code"] == 0) and all(map(_is_equal, result.equality))


def _is_equal(row: dict[str, Any]) -> bool:
    apart = abs(row["change_device"] - row["change_cpu"])
    is_steady = apart <= _EQUAL_STEADINESS * row["change_cpu"]
    return bool(row["psnr"] > _LEAST_PSNR and is_steady and row["ahead_apart"] <= _EQUAL_AHEAD)


def _tables(result: Result) -> str:
    heads = [
        "engine",
        "PSNR to the CPU, dB",
        "change a frame, CPU",
        "device",
        "apart when running ahead, levels",
        f"over {_LEAST_PSNR:.0f} dB, steady",
    ]
    equality = [
        [
            *(row[key] for key in ("engine", "psnr", "change_cpu", "change_device", "ahead_apart")),
            _word(_is_equal(row)),
        ]
        for row in result.equality
    ]
    columns = [
        "size",
        "engine",
        "precision",
        "upload",
        "network",
        "compiled",
        "flow",
        "frame by frame",
        "running ahead",
        "MB",
        "GPU busy",
        "copying",
        "copies up",
        "down",
        "pageable",
        "waits",
        "longest gap, ms",
    ]
    speed = [
        [
            row.size,
            row.engine,
            row.precision,
            *map(_number, (row.upload, row.network, row.compiled, row.flow, row.whole, row.ahead)),
            "-" if row.memory is None else f"{row.memory:.0f}",
            *_cells(row.profile),
        ]
        for row in result.speed
    ]
    lines = [f"{result.machine['name']}, torch {result.machine['torch']}, ms a frame", ""]
    lines += [_ruled(heads, equality), "", _ruled(columns, speed), ""]
    goal, network, whole = _GOAL
    for row in result.speed:
        if row.size.endswith(f"x{goal}"):
            is_kept = row.network <= network and row.ahead <= whole
            lines.append(f"{row.engine} at {goal} lines, at most {network} and {whole} ms: {_word(is_kept)}")
    lines += [f"not measured: {reason}" for reason in result.not_measured]
    return "\n".join(lines)


def _cells(told: Profile | None) -> list[str]:
    if told is None:
        return ["-"] * 7
    shares = [f"{100 * share:.0f} %" for share in (told.busy, told.copying)]
    counts = (told.uploads, told.downloads, told.pageable, told.waits, told.longest_gap)
    return [*shares, *map(_number, counts)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _word(is_kept: bool) -> str:
    return "kept" if is_kept else "MISSED"


def _ruled(heads: list[str], rows: list[list[Any]]) -> str:
    return table([heads, ["---"] * len(heads), *([str(cell) for cell in row] for row in rows)])


if __name__ == "__main__":
    sys.exit(main())
