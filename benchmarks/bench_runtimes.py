"""The network of engines with statistics given, alone, in every runtime and number format, side by side."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F

from vidstyle.adaptation.contents import load_moments
from vidstyle.device import PRECISIONS, cores, has_bfloat16, set_threads
from vidstyle.engines.base import AnyEngine, load_engine
from vidstyle.registry import RUNTIMES
from vidstyle.runtimes.choice import missing
from vidstyle.runtimes.exported_engine import ExportedEngine
from vidstyle.runtimes.graph import GraphRuntime
from vidstyle.runtimes.onnx_export import network_of
from vidstyle.runtimes.quantization import quantized_model
from vidstyle.styles.pictures import bundled_styles, load
from vidstyle.tensors import to_tensor

SIZES = ((640, 360), (1280, 720))
_CPU = torch.device("cpu")
Times = Mapping[str, Sequence[tuple[float, float]]]
"""CPU and wall seconds of each round, by the name of what is timed."""


def run(engines: Sequence[str], output: Path, *, rounds: int) -> bool:
    """Time ``engines``, all ways in turn in each round; writes ``runtimes.md``."""
    set_threads(1)  # CPU time is then that of a frame on an idle machine
    lines = [f"One thread on {cores()} cores; the best and the median of {rounds} rounds, all ways in turn."]
    for name in engines:
        engine = load_engine(name)
        ways = _ways(engine)
        for width, height in SIZES:
            print(name, f"{width}x{height}", file=sys.stderr)
            lines += ["", *_table(f"{name}, {width}x{height}", _timed(engine, ways, width, height, rounds))]
    output.mkdir(parents=True, exist_ok=True)
    text = "\n".join(lines)
    (output / "runtimes.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    return True


def _ways(engine: AnyEngine) -> dict[str, tuple[AnyEngine, torch.dtype]]:
    """The engine in each runtime and number format that is installed and has instructions here."""
    ways: dict[str, tuple[AnyEngine, torch.dtype]] = {}
    contents = [to_tensor(moment[0]) for moment in load_moments([])]
    int8 = quantized_model(engine, contents, [to_tensor(load(style)) for style in bundled_styles()])
    for name in RUNTIMES.bundled:
        runtime = RUNTIMES.load(name)()
        if missing(name):
            continue
        for precision in runtime.info.precisions:
            if precision == "fp32" or (precision == "bf16" and has_bfloat16()):
                dtype = PRECISIONS[precision]
                ways[f"{name} {precision}"] = runtime.prepared(engine, dtype, _CPU), dtype
        if isinstance(runtime, GraphRuntime):
            session = runtime.session(int8, torch.float32)
            ways[f"{name} int8"] = ExportedEngine(engine, network_of(engine), session), torch.float32
    return ways


@torch.inference_mode()
def _timed(
    engine: AnyEngine, ways: Mapping[str, tuple[AnyEngine, torch.dtype]], width: int, height: int, rounds: int
) -> Times:
    style = engine.encode_style(to_tensor(load("waves")))
    frame = F.interpolate(to_tensor(load_moments([])[0][0]), (height, width), mode="bilinear", antialias=True)
    frame = frame.contiguous(memory_format=torch.channels_last)  # as the painter has it
    known = engine.stylize(F.interpolate(frame, (360, 640), mode="bilinear"), style).statistics
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, (prepared, dtype) in ways.items():
            image = frame.to(dtype)
            begun, spent = time.perf_counter(), time.process_time()
            prepared.stylize(image, style, known)
            if turn > 0:  # the first prepares the size
                times[name].append((time.process_time() - spent, time.perf_counter() - begun))
    return times


def _table(title: str, times: Times) -> list[str]:
    first = "torch fp32"
    cpu = {name: [seconds for seconds, _ in values] for name, values in times.items()}
    wall = {name: [seconds for _, seconds in values] for name, values in times.items()}
    lines = [f"| {title} | CPU ms, best | CPU ms, median | ms, best | CPU, best, of {first}'s |"]
    lines.append("|---|---|---|---|---|")
    for name in times:
        values = min(cpu[name]), statistics.median(cpu[name]), min(wall[name])
        figures = " | ".join(f"{1000 * value:.1f}" for value in values)
        lines.append(f"| {name} | {figures} | {min(cpu[name]) / min(cpu[first]):.2f} |")
    return lines
