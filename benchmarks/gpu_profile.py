"""What a GPU did during a run, of events of torch's profiler: busy time, copies, waits, the longest gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


@dataclass(frozen=True, slots=True)
class Event:
    """Something on the GPU, or a call of the CUDA runtime on the CPU."""

    name: str
    begin: float
    """Microseconds, of a clock that all events share."""
    end: float
    is_on_gpu: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """Of a run of some frames."""

    busy: float
    """Share of the time in which kernels or copies run on the GPU."""
    copying: float
    """Share of the time in which copies run, beside kernels or not."""
    uploads: float
    """Copies to the GPU, a frame."""
    downloads: float
    """Copies from the GPU, a frame."""
    pageable: float
    """Of both, those from and to memory that is not pinned, for which the CPU waits; a frame."""
    waits: float
    """Calls that wait for the GPU, a frame."""
    longest_gap: float
    """Milliseconds in which the GPU had nothing to do, between its first and its last work."""


def profiled(call: Callable[[], object], frames: int) -> Profile | None:
    """``call``, which paints ``frames``, under torch's profiler; None if nothing ran on a GPU."""
    from torch.profiler import ProfilerActivity, profile

    # not the CPU's operations: noting all of them would slow the run down
    with profile(activities=[ProfilerActivity.CUDA]) as result:
        call()
    found: list[Any] = list(result.events() or ())
    return summary(
        [
            Event(each.name, each.time_range.start, each.time_range.end, each.device_type.name == "CUDA")
            for each in found
        ],
        frames,
    )


def summary(events: Iterable[Event], frames: int) -> Profile | None:
    """The profile of ``events`` during ``frames``; None if none was on a GPU."""
    events = list(events)
    work = [each for each in events if each.is_on_gpu]
    if not work:
        return None
    copies = [each for each in work if each.name.startswith("Memcpy")]
    stretches = _joined(work)
    whole = max(stretches[-1][1] - stretches[0][0], 1e-9)
    gaps = [after[0] - before[1] for before, after in pairwise(stretches)]
    waits = [each for each in events if not each.is_on_gpu and each.name in _WAITS]
    return Profile(
        busy=sum(end - begin for begin, end in stretches) / whole,
        copying=sum(end - begin for begin, end in _joined(copies)) / whole,
        uploads=sum("HtoD" in each.name for each in copies) / frames,
        downloads=sum("DtoH" in each.name for each in copies) / frames,
        pageable=sum("Pageable" in each.name for each in copies) / frames,
        waits=len(waits) / frames,
        longest_gap=max(gaps, default=0.0) / 1000,
    )


def _joined(events: Iterable[Event]) -> list[tuple[float, float]]:
    """The stretches of time that ``events`` cover; those of several streams overlap."""
    stretches: list[tuple[float, float]] = []
    for begin, end in sorted((each.begin, each.end) for each in events):
        if stretches and begin <= stretches[-1][1]:
            stretches[-1] = stretches[-1][0], max(stretches[-1][1], end)
        else:
            stretches.append((begin, end))
    return stretches
