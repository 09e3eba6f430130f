"""Pipelines of the class Stable Diffusion: a frame is noised in part, and painted again after a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.engines.base import OnStep, Painted, Statistics
from vidstyle.engines.diffusion import Diffusion
from vidstyle.errors import WeightsMismatch
from vidstyle.optional_imports import require

_MULTIPLE = 8  # px, of the autoencoder
_KEPT = 0.5  # share of a carried painting in what is noised
_LOW, _HIGH = 100, 200  # of Canny's edges, as ControlNet's own


class _Output(Protocol):
    images: Tensor


class Pipeline(Protocol):
    """What is needed of an img2img pipeline of diffusers."""

    components: Mapping[str, object]

    def __call__(self, **settings: object) -> _Output: ...

    def to(self, device: torch.device) -> object: ...


@dataclass(frozen=True, slots=True)
class PromptStyle:
    """The style of a prompt, which is the engine's; a picture's colours are not used."""

    weight: float = 1.0
    """The strength."""


class Img2Img(Diffusion):
    """Paints by a pipeline: the style is its prompt, not a picture.

    The noise is the same for all keyframes of one size, so that paint changes little between them.

    Args:
        pipeline: of diffusers; with a ControlNet it gets the frame's edges.
        steps, seed, prompt, negative, change, guidance, edges: see ``build``.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        steps: int,
        seed: int,
        prompt: str,
        negative: str,
        change: float,
        guidance: float,
        edges: float,
    ) -> None:
        super().__init__()
        self._pipeline, self._has_edges = pipeline, "controlnet" in pipeline.components
        parts = {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}
        self.parts = nn.ModuleDict(parts)
        self._steps, self._seed, self._change = steps, seed, change
        self._prompt, self._negative, self._guidance, self._edges = prompt, negative, guidance, edges
        self.requires_grad_(False)
        self.eval()

    def encode_style(self, image: Tensor) -> PromptStyle:
        return PromptStyle()

    def mix(self, styles: Sequence[object], weights: Sequence[float]) -> PromptStyle:
        return PromptStyle()

    def at_strength(self, style: object, strength: float) -> PromptStyle:
        assert isinstance(style, PromptStyle)
        return replace(style, weight=strength)

    def style_tensors(self, style: object) -> Mapping[str, Tensor]:
        assert isinstance(style, PromptStyle)
        return {"weight": torch.tensor(style.weight)}

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> PromptStyle:
        return PromptStyle(float(tensors["weight"]))

    def stylize(
        self,
        image: Tensor,
        style: object,
        statistics: Statistics | None = None,
        *,
        initial: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Painted[Statistics]:
        assert isinstance(style, PromptStyle)
        begun = image if initial is None else (1 - _KEPT) * image + _KEPT * initial
        height, width = (max(_MULTIPLE, side // _MULTIPLE * _MULTIPLE) for side in image.shape[-2:])
        small = F.interpolate(begun.float(), (height, width), mode="bilinear", antialias=True).clamp(0, 1)

        def step(pipeline: object, number: int, time: int, values: dict[str, Tensor]) -> dict[str, Tensor]:
            if on_step is not None:
                on_step()
            return values

        settings: dict[str, object] = {
            "prompt": self._prompt,
            "negative_prompt": self._negative,
            "image": small,
            # at least one step must be made
            "strength": min(1.0, max(1.0 / self._steps, self._change * style.weight)),
            "num_inference_steps": self._steps,
            "guidance_scale": self._guidance,
            "generator": torch.Generator().manual_seed(self._seed),
            "output_type": "pt",
            "callback_on_step_end": step,
        }
        if self._has_edges:
            settings |= {"control_image": outlines(small), "controlnet_conditioning_scale": self._edges}
        with torch.inference_mode():
            painted = self._pipeline(**settings).images.to(image)
        painted = F.interpolate(painted.float(), image.shape[-2:], mode="bicubic", antialias=True)
        return Painted(painted.clamp(0, 1).to(image.dtype))


def outlines(image: Tensor) -> Tensor:
    """Canny's edges of ``image`` (1, 3, H, W) in [0, 1]: the same shape, 0 or 1."""
    pixels = (image[0].permute(1, 2, 0) * 255).round().to("cpu", torch.uint8).numpy()
    edges = cv2.Canny(np.ascontiguousarray(pixels), _LOW, _HIGH)
    return torch.from_numpy(edges).to(image)[None, None].expand(1, 3, -1, -1) / 255


def loaded_pipeline(folder: Path) -> Pipeline:
    """The img2img pipeline of a local folder, with the ControlNet of its folder ``controlnet`` if any."""
    diffusers = require("diffusers", "the engine diffusion")
    require("transformers", "the engine diffusion")
    try:
        extra = {}
        if (folder / "controlnet" / "config.json").is_file():
            extra["controlnet"] = diffusers.ControlNetModel.from_pretrained(
                str(folder / "controlnet"), local_files_only=True
            )
        made: Pipeline = diffusers.AutoPipelineForImage2Image.from_pretrained(
            str(folder), local_files_only=True, **extra
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsMismatch(f"{folder} is no img2img pipeline that diffusers reads ({reason})") from error
    getattr(made, "set_progress_bar_config", lambda **settings: None)(disable=True)
    return made
