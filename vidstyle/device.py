"""Where and in which number format the networks compute, and with how many threads."""

from __future__ import annotations

import ctypes
import logging
import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from vidstyle.errors import DeviceError, OptionError, suggestion

log = logging.getLogger(__name__)

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # parameters of mallopt(3), from malloc.h
_TRIMMED_EVERY = 16  # frames
_KERNELS = 128  # of oneDNN, 60 KB each: three frames' worth; 1024 by default

T = TypeVar("T")

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``: auto (CUDA, else Apple's GPU, else the CPU), cpu, cuda, cuda:N or mps.

    Raises ``OptionError`` for other names, ``DeviceError`` if this machine or torch lacks the device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not number.isdigit()):
        raise OptionError(f"--device cannot be {name!r}; {suggestion(name, ('auto', 'cpu', 'cuda', 'mps'))}")
    if kind == "cuda":
        _require_cuda(number)
    if kind == "mps" and not _has_mps():
        raise DeviceError("no Apple GPU (mps) that torch can use here; use --device cpu")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype called ``name`` (fp32, fp16, bf16), or for ``auto`` what suits ``device``.

    ``auto`` depends on the hardware only, never on timings: on a CPU bfloat16 if it has instructions for it,
    on CUDA float16 from Volta (7.0) on, else float32. Raises ``OptionError``.
    """
    if name != "auto":
        if name not in PRECISIONS:
            raise OptionError(f"--precision cannot be {name!r}; {suggestion(name, ('auto', *PRECISIONS))}")
        if name == "fp16" and device.type == "cpu":
            raise OptionError(
                "--precision fp16 needs a GPU (CPUs are many times slower at it); use bf16 or fp32"
            )
        return PRECISIONS[name]
    if device.type == "cuda":
        # not bfloat16: images lie in [0, 1], where float16's three more bits matter and its range is plenty
        return torch.float16 if torch.cuda.get_device_capability(device) >= (7, 0) else torch.float32
    if device.type == "cpu" and has_bfloat16():
        return torch.bfloat16
    return torch.float32


def has_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16 (AMX, AVX-512 BF16); False if that cannot be known.

    StyleNet then takes a half to two thirds of the time; emulated bfloat16 is no faster than float32.
    """
    # private in torch: other versions may lack them
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    try:
        return any(bool(getattr(torch.cpu, probe)()) for probe in probes)
    except (RuntimeError, AttributeError):
        log.debug("torch could not say whether the CPU has bfloat16; reading /proc/cpuinfo")
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # macOS, Windows
    return "amx_bf16" in flags or "avx512_bf16" in flags


def set_threads(count: int) -> None:
    """Give torch and OpenCV ``count`` threads each, for the whole process."""
    import cv2

    if count < 1:
        raise ValueError(f"threads must be 1 or more, got {count}")
    torch.set_num_threads(count)
    cv2.setNumThreads(count)


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def stream_threads() -> int:
    """Threads for torch and OpenCV while a clip is painted: of three cores or more one is left to the others.

    Decoder, flow and encoder have threads of their own, and a barrier waits for the thread that they preempt.
    On two cores painting takes most of the time, so that a clip is done in 20 % less time with two threads
    than with one, for 7 % more CPU time (``wct-single-pass``, 640x360). Never more than torch uses, since
    ``OMP_NUM_THREADS`` may have lowered that.
    """
    return max(1, min(torch.get_num_threads(), max(2, cores() - 1)))


def own_process() -> None:
    """Set up a process that only paints: deterministic results, freed memory kept for the next frame."""
    make_deterministic()
    keep_memory()
    # parts of frames come in ever new sizes; oneDNN reads this when it first computes
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(_KERNELS))


def keep_memory() -> None:
    """Let glibc keep freed memory for the next frame instead of returning it to the system.

    New memory is zeroed page by page: 4,000 page faults, 5 to 15 ms of the 55 ms of a 640x360 frame. Threads
    share one arena, since those of single threads consist of pieces of 64 MB, in which more lies idle. It
    affects the whole process, so only a process's owner may call it; without glibc it does nothing.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 32 << 20)  # the largest that glibc takes
        mallopt(_TRIM_THRESHOLD, 1 << 30)
        mallopt(_ARENA_MAX, 1)


def without_free_memory(items: Iterable[T]) -> Iterator[T]:
    """``items``; what glibc keeps although it is free is returned to the system from time to time.

    Between blocks of ever new sizes ever more of it lies about: 0.3 GB in 2,000 frames of 640x360 with
    ``wct-slim``. Without glibc it does nothing. It affects the whole process, harmlessly: 20 ms each time.
    """
    trim = _glibc("malloc_trim")
    for number, item in enumerate(items, 1):
        yield item
        if trim is not None and number % _TRIMMED_EVERY == 0:
            trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    """A function of glibc; None on macOS, Windows and musl."""
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None
    return function


def finish(device: torch.device) -> None:
    """Wait until ``device`` has computed all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def make_deterministic() -> None:
    """Seed torch and Python, and make CUDA choose deterministic algorithms."""
    random.seed(0)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = False  # it chooses algorithms by timing them
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # TF32's 10 bits of mantissa would be visible in 16-bit results


@contextmanager
def memory_errors(device: torch.device, width: int, height: int) -> Iterator[None]:
    """Turn running out of memory inside the block into a ``DeviceError`` that names the size tried."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(device, width, height) from error
    except RuntimeError as error:
        # the CPU allocators and MPS raise a plain RuntimeError
        messages = ("not enough memory", "can't allocate memory", "out of memory")
        if any(message in str(error).lower() for message in messages):
            raise _out_of_memory(device, width, height) from error
        raise


def _out_of_memory(device: torch.device, width: int, height: int) -> DeviceError:
    return DeviceError(
        f"{device} ran out of memory at {width}x{height}; give a smaller --working-size, or --device cpu"
    )


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def _require_cuda(number: str) -> None:
    if not torch.cuda.is_available():
        why = "this torch was built without it" if torch.version.cuda is None else "no GPU was found"
        raise DeviceError(f"no CUDA here ({why}); use --device cpu")
    if number and int(number) >= torch.cuda.device_count():
        raise DeviceError(f"no device cuda:{number}; there are {torch.cuda.device_count()} CUDA devices")
