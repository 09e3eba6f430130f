"""Diffusion models that the user has, in diffusers' format, as a keyframe engine; nothing is downloaded."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor

from vidstyle.engines.base import EngineInfo, KeyframeEngine
from vidstyle.errors import OptionError, WeightsMismatch, WeightsMissing

INFO = EngineInfo(
    title="Diffusion",
    good_for="a diffusion model of your own: unconditional (h-space), or Stable Diffusion (img2img)",
    cost="seconds to minutes for each keyframe (other frames are carried)",
    origin="a local folder in diffusers' format, given as --weights",
    needs_weights=True,
    is_keyframe_engine=True,
    smallest=16,
    largest=1920 * 1080,
    feature_strength=0.05,
)
_UNCONDITIONAL = ("DDPMPipeline", "DDIMPipeline", "PNDMPipeline")


_KEPT = 0.5  # share of a carried painting in the picture that a model begins with


class Diffusion(KeyframeEngine[object]):
    """The base of both kinds of models; ``build`` makes one of them."""

    info = INFO

    def begun(self, image: Tensor, initial: Tensor | None) -> Tensor:
        """What is noised: a frame ``image``, mixed with ``initial``, the painting that was carried to it."""
        return image if initial is None else (1 - _KEPT) * image + _KEPT * initial


def build(
    weights: Path | None = None,
    *,
    steps: int | str = 50,
    seed: int | str = 0,
    gamma: float | str = 0.6,
    until: float | str = 0.4,
    boost: float | str = 0.0,
    start: str = "content",
    prompt: str = "",
    negative: str = "",
    change: float | str = 0.5,
    guidance: float | str = 7.5,
    edges: float | str = 0.8,
    picture: float | str = 0.6,
) -> Diffusion:
    """The model of a local folder: a U-Net without conditions, or a pipeline of the class Stable Diffusion.

    Args:
        weights: the folder, as ``save_pretrained`` of diffusers writes it.
        steps: of DDIM, or of the pipeline.
        seed: of all noise; it is the same for all keyframes.
        gamma: of a U-Net: the share of the style's bottleneck features, 0 to 1, at strength 1.
        until: of a U-Net: features are injected from the noisiest time to this share of it.
        boost: of a U-Net: below this share of the noisiest time noise is added again, which adds detail.
        start: of a U-Net: whose inversion is where it starts: ``content``, or ``style`` as in the paper.
        prompt, negative: of a pipeline: what to paint, and what not.
        change: of a pipeline: how much of the frame is painted anew at strength 1, 0 to 1.
        guidance: of a pipeline: how closely the prompt is followed.
        edges: of a pipeline with a folder ``controlnet``: how closely the frame's edges are followed.
        picture: of a pipeline with a folder ``ip_adapter``: how closely the style picture is followed.

    Raises ``OptionError``, ``WeightsMissing`` and ``WeightsMismatch``.
    """
    count, noise = _whole("steps", steps, 2), _whole("seed", seed, 0)
    if weights is None or not weights.is_dir():
        given = "" if weights is None else f", and {weights} is none"
        raise WeightsMissing(
            f"the engine diffusion needs --weights FOLDER, a model in diffusers' format{given}; "
            "vidstyle downloads none"
        )
    kind = _kind(weights)
    if kind == "unet" or kind in _UNCONDITIONAL:
        from vidstyle.engines.diffusion_hspace import HSpace, loaded_unet

        if start not in ("content", "style"):
            raise OptionError(f"start of diffusion must be content or style, got {start!r}")
        network, scheduler = loaded_unet(weights, is_pipeline=kind != "unet")
        return HSpace(
            network,
            scheduler,
            steps=count,
            seed=noise,
            gamma=_share("gamma", gamma),
            until=_share("until", until),
            boost=_share("boost", boost),
            starts_from_style=start == "style",
        )
    from vidstyle.engines.diffusion_img2img import Img2Img, loaded_pipeline

    pipeline, takes_pictures = loaded_pipeline(weights)
    return Img2Img(
        pipeline,
        takes_pictures=takes_pictures,
        steps=count,
        seed=noise,
        prompt=prompt,
        negative=negative,
        change=_share("change", change),
        guidance=_number("guidance", guidance),
        edges=_number("edges", edges),
        picture=_number("picture", picture),
    )


def _kind(folder: Path) -> str:
    """The class of the pipeline in ``folder``, or ``unet`` for a U-Net by itself."""
    for name, key in (("model_index.json", "_class_name"), ("config.json", "_class_name")):
        if (folder / name).is_file():
            try:
                kind = json.loads((folder / name).read_text(encoding="utf-8"))[key]
            except (ValueError, KeyError, TypeError) as error:
                raise WeightsMismatch(f"{folder / name} is not what diffusers writes") from error
            if name == "config.json" and kind != "UNet2DModel":
                raise WeightsMismatch(f"{folder} holds a {kind}; a UNet2DModel or a whole pipeline is needed")
            return "unet" if name == "config.json" else str(kind)
    raise WeightsMismatch(f"{folder} has no model_index.json or config.json, so is no model of diffusers")


def _number(name: str, value: float | str) -> float:
    try:
        return float(value)
    except ValueError:
        raise OptionError(f"{name} of diffusion must be a number, got {value!r}") from None


def _share(name: str, value: float | str) -> float:
    number = _number(name, value)
    if not 0 <= number <= 1:
        raise OptionError(f"{name} of diffusion must be from 0 to 1, got {value}")
    return number


def _whole(name: str, value: int | str, low: int) -> int:
    try:
        number = int(value)
    except ValueError:
        number = low - 1
    if number < low:
        raise OptionError(f"{name} of diffusion must be a whole number of at least {low}, got {value!r}")
    return number
