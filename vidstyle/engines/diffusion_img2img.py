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
from PIL.Image import Image, fromarray
from torch import Tensor, nn

from vidstyle.engines.base import OnStep, Painted, Statistics
from vidstyle.engines.diffusion import Diffusion
from vidstyle.errors import WeightsMismatch
from vidstyle.optional_imports import require

_MULTIPLE = 8  # px, of the autoencoder
_LOW, _HIGH = 100, 200  # of Canny's edges, as ControlNet's own


class _Output(Protocol):
    images: Tensor


class Pipeline(Protocol):
    """What is needed of an img2img pipeline of diffusers."""

    components: Mapping[str, object]

    def __call__(self, **settings: object) -> _Output: ...

    def prepare_ip_adapter_image_embeds(
        self, picture: Image, embeds: None, device: torch.device, count: int, has_guidance: bool
    ) -> list[Tensor]: ...

    def set_ip_adapter_scale(self, scale: float) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class PromptStyle:
    """A style picture as an IP-Adapter sees it; without one, the style is the prompt alone."""

    picture: Tensor | None = None
    """(2, 1, tokens, dimensions), of no picture and of this one; without guidance (1, 1, …)."""
    weight: float = 1.0
    """The strength."""


class Img2Img(Diffusion):
    """Paints by a pipeline: the style is its prompt, and a picture if there is an IP-Adapter.

    The noise is the same for all keyframes of one size, so that paint changes little between them.

    Args:
        pipeline: of diffusers; with a ControlNet it gets the frame's edges.
        takes_pictures: whether it has an IP-Adapter.
        steps, seed, prompt, negative, change, guidance, edges, picture: see ``build``.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        takes_pictures: bool,
        steps: int,
        seed: int,
        prompt: str,
        negative: str,
        change: float,
        guidance: float,
        edges: float,
        picture: float,
    ) -> None:
        super().__init__()
        self._takes_pictures = takes_pictures
        if takes_pictures:
            pipeline.set_ip_adapter_scale(picture)
        self._pipeline, self._has_edges = pipeline, "controlnet" in pipeline.components
        parts = {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}
        self.parts = nn.ModuleDict(parts)
        self._steps, self._seed, self._change = steps, seed, change
        self._prompt, self._negative, self._guidance, self._edges = prompt, negative, guidance, edges
        self.requires_grad_(False)
        self.eval()

    def encode_style(self, image: Tensor) -> PromptStyle:
        """The embedding of a style ``image`` (1, 3, H, W) in [0, 1], if the pipeline takes pictures."""
        if not self._takes_pictures:
            return PromptStyle()
        shown = fromarray((image[0].permute(1, 2, 0) * 255).round().to("cpu", torch.uint8).numpy())
        with torch.inference_mode():
            (embedding,) = self._pipeline.prepare_ip_adapter_image_embeds(
                shown, None, image.device, 1, self._guidance > 1
            )
        return PromptStyle(embedding)

    def mix(self, styles: Sequence[object], weights: Sequence[float]) -> PromptStyle:
        pictures = [_prompt_style(style).picture for style in styles]
        known = [picture for picture in pictures if picture is not None]
        if not known:
            return PromptStyle()
        # as a sum of differences a style mixed with itself stays exactly what it is
        mixed = known[0].clone()
        for picture, weight in zip(known, weights, strict=True):
            mixed += weight * (picture - known[0])
        return PromptStyle(mixed)

    def at_strength(self, style: object, strength: float) -> PromptStyle:
        return replace(_prompt_style(style), weight=strength)

    def style_tensors(self, style: object) -> Mapping[str, Tensor]:
        known = _prompt_style(style)
        picture = {} if known.picture is None else {"picture": known.picture}
        return {**picture, "weight": torch.tensor(known.weight)}

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> PromptStyle:
        return PromptStyle(tensors.get("picture"), float(tensors["weight"]))

    def stylize(
        self,
        image: Tensor,
        style: object,
        statistics: Statistics | None = None,
        *,
        initial: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Painted[Statistics]:
        known = _prompt_style(style)
        begun = self.begun(image, initial)
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
            "strength": min(1.0, max(1.0 / self._steps, self._change * known.weight)),
            "num_inference_steps": self._steps,
            "guidance_scale": self._guidance,
            "generator": torch.Generator().manual_seed(self._seed),
            "output_type": "pt",
            "callback_on_step_end": step,
        }
        if self._has_edges:
            settings |= {"control_image": outlines(small), "controlnet_conditioning_scale": self._edges}
        if self._takes_pictures and known.picture is not None:
            settings["ip_adapter_image_embeds"] = [known.picture.to(image)]
        with torch.inference_mode():
            painted = self._pipeline(**settings).images.to(image)
        painted = F.interpolate(painted.float(), image.shape[-2:], mode="bicubic", antialias=True)
        return Painted(painted.clamp(0, 1).to(image.dtype))


def _prompt_style(style: object) -> PromptStyle:
    assert isinstance(style, PromptStyle)
    return style


def outlines(image: Tensor) -> Tensor:
    """Canny's edges of ``image`` (1, 3, H, W) in [0, 1]: the same shape, 0 or 1."""
    pixels = (image[0].permute(1, 2, 0) * 255).round().to("cpu", torch.uint8).numpy()
    edges = cv2.Canny(np.ascontiguousarray(pixels), _LOW, _HIGH)
    return torch.from_numpy(edges).to(image)[None, None].expand(1, 3, -1, -1) / 255


def loaded_pipeline(folder: Path) -> tuple[Pipeline, bool]:
    """The img2img pipeline of a local folder, and whether it takes style pictures.

    A folder ``controlnet`` in it is its ControlNet. A folder ``ip_adapter`` with one file of weights and the
    folder ``image_encoder`` is its IP-Adapter. Raises ``WeightsMismatch``.
    """
    diffusers = require("diffusers", "the engine diffusion")
    require("transformers", "the engine diffusion")
    try:
        extra = {}
        if (folder / "controlnet" / "config.json").is_file():
            extra["controlnet"] = diffusers.ControlNetModel.from_pretrained(
                str(folder / "controlnet"), local_files_only=True, low_cpu_mem_usage=False
            )
        made = diffusers.AutoPipelineForImage2Image.from_pretrained(
            str(folder),
            local_files_only=True,
            low_cpu_mem_usage=False,  # which would need accelerate
            **extra,
        )
        adapters = sorted(path.name for path in (folder / "ip_adapter").glob("*.safetensors"))
        if adapters:
            made.load_ip_adapter(
                str(folder),
                subfolder="ip_adapter",
                weight_name=adapters[0],
                local_files_only=True,
                low_cpu_mem_usage=False,  # which would need accelerate
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsMismatch(f"{folder} is no img2img pipeline that diffusers reads ({reason})") from error
    made.set_progress_bar_config(disable=True)
    return made, bool(adapters)
