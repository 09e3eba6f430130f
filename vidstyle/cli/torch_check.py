"""Whether the build of PyTorch suits this machine, and what to install if it does not."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_INDEX = "https://download.pytorch.org/whl"
_INSTALL = "pip install --force-reinstall torch torchvision"


def torch_checks() -> Iterator[tuple[bool, str]]:
    """Lines for ``vidstyle doctor``, each with whether it is fine."""
    import torch

    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:100]
        yield False, f"torchvision does not fit torch {torch.__version__} ({reason}); {_INSTALL}"
    cuda, version = torch.version.cuda, torch.__version__
    yield judged(
        version,
        cuda,
        is_usable=torch.cuda.is_available(),
        has_gpu=has_nvidia_gpu(),
        platform=sys.platform,
    )


def judged(
    version: str, cuda: str | None, *, is_usable: bool, has_gpu: bool, platform: str
) -> tuple[bool, str]:
    """Whether torch ``version``, built for ``cuda`` or for CPUs (None), is right here, and a line about it.

    ``is_usable`` says whether it can use a GPU, ``has_gpu`` whether an NVIDIA driver is there.
    """
    if cuda is not None and is_usable:
        return True, f"torch {version} uses the GPU (CUDA {cuda})"
    if cuda is not None and has_gpu:
        return False, (
            f"torch {version} is built for CUDA {cuda}, which the NVIDIA driver here is too old for; "
            "update the driver, or install a torch for an older CUDA"
        )
    if cuda is not None:
        return True, (
            f"torch {version} is built for CUDA {cuda}, which takes gigabytes and is of no use without an "
            f"NVIDIA GPU; smaller: {_INSTALL} --index-url {_INDEX}/cpu"
        )
    if has_gpu and platform != "darwin":
        return False, (
            f"torch {version} is built for CPUs, but an NVIDIA GPU is here; "
            f"{_INSTALL}{'' if platform.startswith('linux') else f' --index-url {_INDEX}/cu130'}"
        )
    return True, f"torch {version} is the right build for this machine"


def has_nvidia_gpu() -> bool:
    """Whether an NVIDIA driver is loaded."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
