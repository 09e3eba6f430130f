"""Files of the networks that some metrics need and that do not come with vidstyle: where each belongs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from vidstyle.errors import WeightsMissing

_TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A file that the user fetches, into the folder where torch keeps its downloads."""

    network: str
    """What it is called in messages."""
    metrics: tuple[str, ...]
    """The metrics, or the features, that need it."""
    url: str
    checksum: str | None = None
    """The first digits of its SHA-256 as its publisher gives them, in its name; None: none is published."""

    @property
    def path(self) -> Path:
        """Where it must lie; ``TORCH_HOME`` moves it."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.url.rpartition("/")[2]

    def found(self, metric: str) -> Path:
        """Its path; ``WeightsMissing`` if it is not there."""
        path = self.path
        if not path.is_file():
            raise WeightsMissing(
                f"{metric} needs {self.network}'s weights at {path}; fetch {self.url} to there"
            )
        return path


ALEXNET = NetworkFile(
    "AlexNet", ("lpips", "tlpips", "art_fid"), f"{_TORCHVISION}alexnet-owt-7be5be79.pth", "7be5be79"
)
VGG19 = NetworkFile("VGG-19", ("--features vgg19",), f"{_TORCHVISION}vgg19-dcbb9e9d.pth", "dcbb9e9d")
INCEPTION = NetworkFile(
    "Inception",
    ("fid",),
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    "6726825d",
)
ART_INCEPTION = NetworkFile(
    "Inception",
    ("art_fid",),
    "https://huggingface.co/matthias-wright/art_inception/resolve/main/art_inception.pth",
)
FILES = (ALEXNET, VGG19, INCEPTION, ART_INCEPTION)

CLIP_MODEL = "openai/clip-vit-base-patch32"
"""What ``clip_consistency`` needs, a folder of Hugging Face's cache rather than a file."""


def clip_folder() -> Path:
    """Where Hugging Face's tools keep CLIP; ``HF_HUB_CACHE`` and ``HF_HOME`` move it."""
    home = Path(os.environ.get("HF_HOME", "") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE", "") or home / "hub")
    return cache / f"models--{CLIP_MODEL.replace('/', '--')}"
