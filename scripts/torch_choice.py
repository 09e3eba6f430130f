"""Which build of PyTorch suits this machine, and the index that has it; only the standard library is used."""

# like environment.py, this must parse on old Pythons

import shutil
import sys
import urllib.request
from pathlib import Path

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
CUDA_WHEELS = "https://download.pytorch.org/whl/cu130"
_TIMEOUT = 5  # s
BUILDS = ("auto", "cpu", "cuda")


def has_nvidia_gpu():  # type: () -> bool
    """Whether an NVIDIA driver is loaded."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def choose(build="auto"):  # type: (str) -> tuple[str, str]
    """The address of an index, empty for PyPI, and a line that says what is taken and why.

    PyPI has the CUDA build for Linux, which brings gigabytes that are useless without an NVIDIA GPU, and the
    CPU build for Windows.
    """
    has_gpu = has_nvidia_gpu()
    wanted = build if build != "auto" else "cuda" if has_gpu and sys.platform != "darwin" else "cpu"
    why = (
        "as asked for" if build != "auto" else "an NVIDIA GPU is here" if has_gpu else "no NVIDIA GPU is here"
    )
    if sys.platform == "darwin":
        return "", "PyPI's build, which uses Apple's GPU"
    if wanted == ("cuda" if sys.platform.startswith("linux") else "cpu"):
        return "", f"PyPI's build for {'CUDA' if wanted == 'cuda' else 'the CPU'} ({why})"
    return (CPU_WHEELS if wanted == "cpu" else CUDA_WHEELS), f"PyTorch's {wanted} build ({why})"


def can_be_reached(index):  # type: (str) -> bool
    """Whether ``index`` answers."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=_TIMEOUT) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
