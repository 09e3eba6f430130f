"""Style by the bottleneck of an unconditional U-Net: DDIM inversion, and injection into its h-space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidstyle.engines.base import OnStep, Painted, Statistics
from vidstyle.engines.diffusion import Diffusion
from vidstyle.errors import WeightsMismatch
from vidstyle.optional_imports import require


class Scheduler(Protocol):
    """What is needed of a scheduler of diffusers."""

    alphas_cumprod: Tensor
    config: Mapping[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class HStyle:
    """A style picture inverted: its noise, and its bottleneck features at each step."""

    noise: Tensor
    """(1, 3, h, w)"""
    features: Tensor
    """(steps, C, h', w'), from the noisiest step on."""
    weight: float = 1.0
    """Of gamma: the strength."""


class HSpace(Diffusion):
    """Paints by DDIM from the inverted frame, with bottleneck features turned towards the style's.

    A frame and a style picture are inverted (Song et al. 2021, section 4.3). In the generation the frame's h,
    kept from its inversion, becomes slerp(h, h of the style, gamma) from the noisiest step on, of the length
    of h (after Jeong et al. 2023). gamma 0 gives the frame back, but for what DDIM loses.

    Args:
        network: a ``UNet2DModel`` of diffusers.
        scheduler: its noise schedule.
        steps, seed, gamma, until, boost: see ``build``.
        starts_from_style: whether the generation starts from the style's noise, as in the paper.
    """

    def __init__(
        self,
        network: nn.Module,
        scheduler: Scheduler,
        *,
        steps: int,
        seed: int,
        gamma: float,
        until: float,
        boost: float,
        starts_from_style: bool,
    ) -> None:
        super().__init__()
        self.network = network
        self._alphas = scheduler.alphas_cumprod.double()
        self._predicts = str(scheduler.config.get("prediction_type", "epsilon"))
        if self._predicts not in ("epsilon", "v_prediction", "sample"):
            raise WeightsMismatch(f"a scheduler that predicts {self._predicts!r} is not known")
        last = len(self._alphas) - 1
        self._times = [round(last * number / (steps - 1)) for number in range(steps)]  # rising
        self._seed, self._gamma, self._boost = seed, gamma, boost * last
        self._until, self._starts_from_style = until * last, starts_from_style
        config = cast("Mapping[str, object]", network.config)
        size = config.get("sample_size") or 256
        self._side = int(size if isinstance(size, int) else cast("Sequence[int]", size)[0])
        blocks = cast("Sequence[object]", config["block_out_channels"])
        self._multiple = 2 ** (len(blocks) - 1)
        self.requires_grad_(False)
        self.eval()

    def encode_style(self, image: Tensor) -> HStyle:
        with torch.inference_mode():
            return HStyle(*self._inverted(self._fitted(image.float()), None))

    def mix(self, styles: Sequence[object], weights: Sequence[float]) -> HStyle:
        """The weighted mean of the styles, resized to the first; the noise keeps its deviation."""
        known = [_hstyle(style) for style in styles]
        first = known[0]
        if len(known) == 1:
            return first
        shape, small = first.noise.shape[-2:], first.features.shape[-2:]
        noise, features = torch.zeros_like(first.noise), torch.zeros_like(first.features)
        for style, weight in zip(known, weights, strict=True):
            noise += weight * _resized(style.noise, shape)
            features += weight * _resized(style.features, small)
        deviation = first.noise.std() / noise.std().clamp_min(1e-6)
        return replace(first, noise=noise * deviation, features=features)

    def at_strength(self, style: object, strength: float) -> HStyle:
        return replace(_hstyle(style), weight=strength)

    def style_tensors(self, style: object) -> Mapping[str, Tensor]:
        known = _hstyle(style)
        return {"noise": known.noise, "features": known.features, "weight": torch.tensor(known.weight)}

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> HStyle:
        return HStyle(tensors["noise"], tensors["features"], float(tensors["weight"]))

    def stylize(
        self,
        image: Tensor,
        style: object,
        statistics: Statistics | None = None,
        *,
        initial: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Painted[Statistics]:
        """Paint ``image`` at about the size for which the model was trained, and enlarge the painting."""
        known = _hstyle(style)
        begun = self.begun(image, initial)
        with torch.inference_mode():
            noise, features = self._inverted(self._fitted(begun.float()), on_step)
            gamma = min(1.0, self._gamma * known.weight)
            value = _resized(known.noise.to(noise), noise.shape[-2:]) if self._starts_from_style else noise
            chance = torch.Generator().manual_seed(self._seed)
            for place, time in enumerate(reversed(self._times)):
                _checked(on_step)
                h = features[place : place + 1]
                aim = _resized(known.features[place : place + 1].to(h), h.shape[-2:])
                injected = slerp(h, aim, gamma) if time >= self._until else None
                clean, epsilon, _ = self._predicted(value, time, injected)
                value = self._back(clean, epsilon, place, chance)
        painted = F.interpolate(value / 2 + 0.5, image.shape[-2:], mode="bicubic", antialias=True)
        return Painted(painted.clamp(0, 1).to(image.dtype))

    def _inverted(self, image: Tensor, on_step: OnStep | None) -> tuple[Tensor, Tensor]:
        """The noise that leads to ``image`` (1, 3, h, w) in [-1, 1], and features, noisiest step first."""
        value, kept = image, []
        for now, following in zip(self._times, [*self._times[1:], self._times[-1]], strict=True):
            _checked(on_step)
            clean, epsilon, h = self._predicted(value, now, None)
            kept.append(h[0])
            if following != now:
                alpha = float(self._alphas[following])
                value = alpha**0.5 * clean + (1 - alpha) ** 0.5 * epsilon
        return value, torch.stack(kept[::-1])

    def _back(self, clean: Tensor, epsilon: Tensor, place: int, chance: torch.Generator) -> Tensor:
        """One step of DDIM towards the picture (eq. 12), with noise below the time of the boost."""
        times = self._times[::-1]
        if place + 1 == len(times):
            return clean
        now, before = times[place], times[place + 1]
        alpha, alpha_before = float(self._alphas[now]), float(self._alphas[before])
        deviation = 0.0
        if now < self._boost:
            deviation = ((1 - alpha_before) / (1 - alpha) * (1 - alpha / alpha_before)) ** 0.5
        hidden = max(0.0, 1 - alpha_before - deviation**2) ** 0.5
        value: Tensor = alpha_before**0.5 * clean + hidden * epsilon
        if deviation:
            value += deviation * torch.randn(value.shape, generator=chance).to(value)
        return value

    def _predicted(self, value: Tensor, time: int, h: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """The clean picture and the noise in ``value`` at a ``time``, and the features of the bottleneck.

        With ``h`` it takes the place of those features.
        """
        kept: list[Tensor] = []

        def swap(module: nn.Module, inputs: object, output: Tensor) -> Tensor | None:
            kept.append(output)
            return h

        hook = cast("nn.Module", self.network.mid_block).register_forward_hook(swap)
        try:
            predicted: Tensor = self.network(value, time).sample
        finally:
            hook.remove()
        output = predicted[:, : value.shape[1]]  # some predict variances too
        alpha = float(self._alphas[time])
        shown, hidden = alpha**0.5, max(1e-6, 1 - alpha) ** 0.5
        # nothing is clipped: a step could then not be undone
        if self._predicts == "epsilon":
            clean, epsilon = (value - hidden * output) / shown, output
        elif self._predicts == "sample":
            clean, epsilon = output, (value - shown * output) / hidden
        else:
            clean, epsilon = shown * value - hidden * output, hidden * value + shown * output
        found: tuple[Tensor, Tensor, Tensor] = (clean, epsilon, kept[0])
        return found

    def _fitted(self, image: Tensor) -> Tensor:
        """``image`` (1, 3, H, W) in [0, 1] at the area of the model's pictures, in [-1, 1]."""
        height, width = image.shape[-2:]
        scale = self._side / (height * width) ** 0.5
        size = [
            max(self._multiple, self._multiple * round(side * scale / self._multiple))
            for side in (height, width)
        ]
        return F.interpolate(image, size, mode="bilinear", antialias=True).clamp(0, 1) * 2 - 1


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """``first`` (1, C, h, w) turned by ``share`` of the angle to ``second``; its lengths are kept."""
    if share == 0:
        return first
    length, other = first.norm(dim=1, keepdim=True), second.norm(dim=1, keepdim=True)
    one, two = first / length.clamp_min(1e-8), second / other.clamp_min(1e-8)
    angle = (one * two).sum(dim=1, keepdim=True).clamp(-1 + 1e-6, 1 - 1e-6).acos()
    turned = (((1 - share) * angle).sin() * one + (share * angle).sin() * two) / angle.sin()
    result: Tensor = turned * length
    return result


def loaded_unet(folder: Path, *, is_pipeline: bool) -> tuple[nn.Module, Scheduler]:
    """The U-Net and the scheduler of a local folder; a U-Net by itself gets the schedule of DDPM."""
    diffusers = require("diffusers", "the engine diffusion")
    try:
        inner = folder / "unet" if is_pipeline else folder
        network = diffusers.UNet2DModel.from_pretrained(
            str(inner),
            local_files_only=True,
            low_cpu_mem_usage=False,  # which would need accelerate
        )
        scheduler = diffusers.DDIMScheduler()
        if is_pipeline:
            scheduler = diffusers.DDIMScheduler.from_pretrained(
                str(folder / "scheduler"), local_files_only=True
            )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsMismatch(f"{folder} is no U-Net that diffusers reads ({reason})") from error
    if network.config.in_channels != 3 or getattr(network, "mid_block", None) is None:
        raise WeightsMismatch(f"{folder} is no U-Net of RGB pictures with a bottleneck")
    return network, scheduler


def _hstyle(style: object) -> HStyle:
    assert isinstance(style, HStyle)
    return style


def _resized(value: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(value.shape[-2:]) == tuple(size):
        return value
    return F.interpolate(value, list(size), mode="bilinear", antialias=True)


def _checked(on_step: OnStep | None) -> None:
    if on_step is not None:
        on_step()
