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
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench_inputs import ROOT, SAMPLE_CLIP, frames
from quality_tables import table

SIZES = ("640x360", "1280x720", "1920x1080", "3840x2160")
ENGINES = ("wct-single-pass", "wct-slim", "stylenet")
TESTS = ("tests/engines/test_engine_contract.py", "tests/flow", "tests/temporal/backends")
_GOAL = (1080, 15.0, 33.0)  # lines, ms of the network, ms of the whole
_LEAST_PSNR = 40.0  # dB of a painting on the device and that on the CPU
_EQUAL_STEADINESS = 0.1  # relative difference of the change from frame to frame
_STYLE = "waves"


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of one frame, medians, and the peak memory."""

    size: str
    engine: str
    precision: str
    upload: float
    network: float
    compiled: float | None
    """The network after ``torch.compile``; None where that was not asked for, or failed."""
    flow: float
    whole: float
    """All of ``stylize_frames``: upload, flow, painting, map, download."""
    busy: float | None
    """Share of the time of a whole run in which the GPU computes, by torch's profiler."""
    memory: float | None
    """MB that torch had allocated at most."""


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
                result.speed.append(_speed(engine, size, device, arguments.frames, arguments.compile))
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

    clip = frames(SAMPLE_CLIP, width=320, count=max(3, min(12, count)))
    still, change = {}, {}
    for name in ("cpu", device.type):
        stylizer = Stylizer(_STYLE, engine=engine, device=name, precision="fp32", flow="raft-small")
        still[name] = stylizer.image(clip[0]).astype(np.float64)
        painted = [each.astype(np.float64) for each in stylizer.frames(clip)]
        change[name] = float(
            np.mean([np.abs(a - b).mean() for a, b in zip(painted[1:], painted, strict=False)])
        )
    error = float(((still["cpu"] - still[device.type]) ** 2).mean())
    psnr = 10 * float(np.log10(255**2 / max(error, 1e-12)))
    return {
        "engine": engine,
        "psnr": round(psnr, 2),
        "change_cpu": round(change["cpu"], 4),
        "change_device": round(change[device.type], 4),
    }


def _speed(engine: str, size: str, device: Any, count: int, compiles: bool) -> Speed:
    import cv2
    import torch

    from vidstyle import Stylizer
    from vidstyle.flow.base import load_flow
    from vidstyle.tensors import to_tensor

    width, height = map(int, size.split("x"))
    clip: list[Any] = [cv2.resize(each, (width, height)) for each in frames(SAMPLE_CLIP, count=count)]
    stylizer = Stylizer(_STYLE, engine=engine, device=device.type)
    painter: Any = stylizer._painter
    style = stylizer._styles.at()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with torch.inference_mode():
        images = [to_tensor(each, device, painter.precision) for each in clip[:2]]
        network = painter.engine
        statistics = network.stylize(images[0], style).statistics
        paint = _repeated(lambda: network.stylize(images[1], style, statistics), device)
        compiled = _compiled(network, images[1], style, statistics, device) if compiles else None
        flow = load_flow("raft-small", device)
        pair = [each.float() for each in images]
        motion = _repeated(lambda: flow(pair[0], pair[1]), device)
        upload = _repeated(lambda: to_tensor(clip[0], device, painter.precision), device)
    list(stylizer.frames(clip[:3]))  # kernels are chosen at the first frames
    begun = time.perf_counter()
    list(stylizer.frames(clip))
    _finished(device)
    whole = 1000 * (time.perf_counter() - begun) / len(clip)
    memory = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
    precision = str(painter.precision).removeprefix("torch.")
    busy = _busy(lambda: list(stylizer.frames(clip[:8]))) if device.type == "cuda" else None
    return Speed(size, engine, precision, upload, paint, compiled, motion, whole, busy, memory)


def _repeated(call: Callable[[], object], device: Any, times: int = 12) -> float:
    """The median of the milliseconds that ``call`` takes until the device has finished."""
    for _ in range(3):
        call()
    taken = []
    for _ in range(times):
        _finished(device)
        begun = time.perf_counter()
        call()
        _finished(device)
        taken.append(1000 * (time.perf_counter() - begun))
    return sorted(taken)[len(taken) // 2]


def _compiled(network: Any, image: Any, style: Any, statistics: Any, device: Any) -> float | None:
    """Milliseconds of the network after ``torch.compile`` with CUDA graphs; None if it does not compile."""
    import torch

    try:
        fast = torch.compile(
            lambda picture: network.stylize(picture, style, statistics).image, mode="reduce-overhead"
        )
        return _repeated(lambda: fast(image), device)
    except Exception as error:  # of compilers, of many kinds
        print(f"torch.compile: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)
        return None


def _busy(call: Callable[[], object]) -> float:
    """Share of the time of ``call`` in which kernels and copies run on the GPU."""
    from torch.profiler import ProfilerActivity, profile

    begun = time.perf_counter()
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        call()
    seconds = time.perf_counter() - begun
    used = sum(float(event.self_device_time_total) for event in profiled.key_averages())
    return used / 1e6 / seconds


def _finished(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _is_right(result: Result) -> bool:
    return (result.tests is None or result.tests["code"] == 0) and all(map(_is_equal, result.equality))


def _is_equal(row: dict[str, Any]) -> bool:
    apart = abs(row["change_device"] - row["change_cpu"])
    return bool(row["psnr"] > _LEAST_PSNR and apart <= _EQUAL_STEADINESS * row["change_cpu"])


def _tables(result: Result) -> str:
    heads = [
        "engine",
        "PSNR to the CPU, dB",
        "change a frame, CPU",
        "device",
        f"over {_LEAST_PSNR:.0f} dB, steady",
    ]
    equality = [
        [row["engine"], row["psnr"], row["change_cpu"], row["change_device"], _word(_is_equal(row))]
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
        "whole",
        "GPU busy",
        "MB",
    ]
    speed = [
        [
            row.size,
            row.engine,
            row.precision,
            *(_number(each) for each in (row.upload, row.network, row.compiled, row.flow, row.whole)),
            "-" if row.busy is None else f"{100 * row.busy:.0f} %",
            "-" if row.memory is None else f"{row.memory:.0f}",
        ]
        for row in result.speed
    ]
    lines = [f"{result.machine['name']}, torch {result.machine['torch']}, ms a frame", ""]
    lines += [_ruled(heads, equality), "", _ruled(columns, speed), ""]
    goal, network, whole = _GOAL
    for row in result.speed:
        if row.size.endswith(f"x{goal}"):
            is_kept = row.network <= network and row.whole <= whole
            lines.append(f"{row.engine} at {goal} lines, at most {network} and {whole} ms: {_word(is_kept)}")
    lines += [f"not measured: {reason}" for reason in result.not_measured]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _word(is_kept: bool) -> str:
    return "kept" if is_kept else "MISSED"


def _ruled(heads: list[str], rows: list[list[Any]]) -> str:
    return table([heads, ["---"] * len(heads), *([str(cell) for cell in row] for row in rows)])


if __name__ == "__main__":
    sys.exit(main())
