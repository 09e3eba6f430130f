"""How fast a device paints, and what it does meanwhile: milliseconds a frame, memory, a profile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench_inputs import SAMPLE_CLIP, frames
from gpu_profile import Profile, profiled

STYLE = "waves"


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
    """All of ``stylize_frames``, frame by frame: upload, flow, painting, map, download, detail."""
    ahead: float
    """The same as a run paints a file: motion is estimated ahead, and downloads overlap the next frame."""
    profile: Profile | None
    """Of that; None without CUDA."""
    memory: float | None
    """MB that torch had allocated at most."""


def speed(engine: str, size: str, device: Any, count: int, compiles: bool) -> Speed:
    import cv2
    import torch

    from vidstyle import Stylizer
    from vidstyle.flow.base import load_flow
    from vidstyle.tensors import to_tensor

    width, height = map(int, size.split("x"))
    clip: list[Any] = [cv2.resize(each, (width, height)) for each in frames(SAMPLE_CLIP, count=count)]
    stylizer = Stylizer(STYLE, engine=engine, device=device.type)
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
    whole = _timed(lambda few: list(stylizer.frames(few)), clip, device)
    ahead = _timed(lambda few: painted_ahead(stylizer, few), clip, device)
    memory = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
    precision = str(painter.precision).removeprefix("torch.")
    told = profiled(lambda: painted_ahead(stylizer, clip[:12]), 12) if device.type == "cuda" else None
    return Speed(size, engine, precision, upload, paint, compiled, motion, whole, ahead, told, memory)


def painted_ahead(stylizer: Any, clip: list[Any]) -> list[Any]:
    """The results of ``clip`` as a run from file to file paints them, without decoding and encoding."""
    from fractions import Fraction

    from vidstyle.frames import Frame
    from vidstyle.options import ReadOptions

    frames = [Frame(pixels, Fraction(index, 25)) for index, pixels in enumerate(clip)]
    return [each.frame.pixels for each in stylizer._composited(frames, ReadOptions(), may_run_ahead=True)]


def _timed(paint: Callable[[list[Any]], object], clip: list[Any], device: Any) -> float:
    """Milliseconds that ``paint`` takes for a frame of ``clip``."""
    from vidstyle.device import finish

    paint(clip[:6])  # kernels are chosen at the first frames
    begun = time.perf_counter()
    paint(clip)
    finish(device)
    return 1000 * (time.perf_counter() - begun) / len(clip)


def _repeated(call: Callable[[], object], device: Any, times: int = 12) -> float:
    """The median of the milliseconds that ``call`` takes until the device has finished."""
    from vidstyle.device import finish

    for _ in range(3):
        call()
    taken = []
    for _ in range(times):
        finish(device)
        begun = time.perf_counter()
        call()
        finish(device)
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
