"""Devices, precisions and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import torch

from vidstyle import device
from vidstyle.device import choose_device, choose_precision, has_bfloat16, memory_errors
from vidstyle.errors import DeviceError, OptionError

CPU = torch.device("cpu")


def test_auto_is_a_device_that_works() -> None:
    assert torch.ones(2, device=choose_device("auto")).sum().item() == 2


def test_cpu_is_always_there() -> None:
    assert choose_device("cpu") == CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_that_is_not_there_is_one_line_with_a_way_out() -> None:
    with pytest.raises(DeviceError, match=r"no CUDA here .*--device cpu"):
        choose_device("cuda")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this machine has an Apple GPU")
def test_apples_gpu_that_is_not_there_is_one_line_with_a_way_out() -> None:
    with pytest.raises(DeviceError, match=r"no Apple GPU .*--device cpu"):
        choose_device("mps")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "xpu"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="--device cannot be"):
        choose_device(name)


@pytest.mark.parametrize(("has", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_precision_on_a_cpu_asks_for_bfloat16(
    monkeypatch: pytest.MonkeyPatch, has: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(device, "has_bfloat16", lambda: has)
    assert choose_precision("auto", CPU) == expected


def test_asking_for_bfloat16_gives_the_same_answer_as_the_kernel() -> None:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        assert has_bfloat16() in (True, False)
    else:
        assert has_bfloat16() == ("amx_bf16" in flags or "avx512_bf16" in flags)


def test_bfloat16_is_not_there_where_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bool:
        raise RuntimeError("no such probe")

    def unreadable(*_args: object, **_keywords: object) -> str:
        raise OSError

    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", broken, raising=False)
    monkeypatch.setattr(Path, "read_text", unreadable)
    assert has_bfloat16() is False


def test_named_precisions_are_taken_as_they_are() -> None:
    assert choose_precision("fp32", CPU) == torch.float32
    assert choose_precision("bf16", CPU) == torch.bfloat16
    assert choose_precision("fp16", torch.device("mps")) == torch.float16


def test_half_floats_on_a_cpu_are_refused_with_what_to_take_instead() -> None:
    with pytest.raises(OptionError, match=r"fp16 needs a GPU.*bf16 or fp32"):
        choose_precision("fp16", CPU)


def test_an_unknown_precision_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'fp32'"):
        choose_precision("fp3", CPU)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")])
def test_running_out_of_memory_names_the_size(error: Exception) -> None:
    with pytest.raises(DeviceError, match="ran out of memory at 3840x2160"), memory_errors(CPU, 3840, 2160):
        raise error


def test_other_errors_pass_through_unchanged() -> None:
    with pytest.raises(RuntimeError, match="something else"), memory_errors(CPU, 1, 1):
        raise RuntimeError("something else")


def test_threads_are_set_for_torch_and_opencv() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        device.set_threads(2)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (2, 2)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def test_keeping_memory_is_harmless_wherever_it_runs() -> None:
    device.keep_memory()
    assert torch.ones(3_000_000).sum().item() == 3_000_000


_FREED_BETWEEN_BLOCKS = """
from pathlib import Path
import torch
from vidstyle.device import own_process, without_free_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

own_process()
blocks = [torch.ones(250_000) for _ in range(200)]  # 1 MB each
blocks = blocks[::4]
before = resident()
assert list(without_free_memory(range(64))) == list(range(64))
print(before - resident())
"""


@pytest.mark.skipif(device._glibc("malloc_trim") is None, reason="needs glibc")
def test_memory_that_is_free_between_blocks_goes_back_to_the_system() -> None:
    # in a process of its own, whose memory is known
    done = subprocess.run([sys.executable, "-c", _FREED_BETWEEN_BLOCKS], capture_output=True, text=True)
    assert int(done.stdout) > 130e6, done.stderr


def test_deterministic_processes_draw_the_same_numbers() -> None:
    drawn = []
    for _ in (0, 1):
        device.make_deterministic()
        drawn.append(torch.rand(4).tolist())
    assert drawn[0] == drawn[1]


def test_no_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        device.set_threads(0)
