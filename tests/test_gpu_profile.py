"""What the measurements for GPUs say of a profile."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

from gpu_profile import Event, summary


def test_a_profile_counts_copies_waits_and_the_longest_gap() -> None:
    events = [
        Event("Memcpy HtoD (Pinned -> Device)", 0, 100, is_on_gpu=True),
        Event("conv", 100, 400, is_on_gpu=True),
        Event("Memcpy DtoH (Device -> Pinned)", 300, 500, is_on_gpu=True),  # in another stream
        Event("cudaStreamSynchronize", 350, 900, is_on_gpu=False),
        Event("cudaLaunchKernel", 350, 360, is_on_gpu=False),
        Event("conv", 900, 950, is_on_gpu=True),
        Event("Memcpy DtoH (Device -> Pageable)", 950, 1000, is_on_gpu=True),
    ]
    told = summary(reversed(events), frames=2)
    assert told is not None
    assert told.busy == pytest.approx(0.6)
    assert told.copying == pytest.approx(0.35)
    assert (told.uploads, told.downloads, told.pageable, told.waits) == (0.5, 1.0, 0.5, 0.5)
    assert told.longest_gap == pytest.approx(0.4)


def test_there_is_no_profile_without_a_gpu() -> None:
    assert summary([Event("cudaStreamSynchronize", 0, 1, is_on_gpu=False)], frames=1) is None
