"""Deep feature reshuffle (Gu et al. 2018): a painting put together from patches of the style's features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle import weights as files
from vidstyle.engines.base import EngineInfo, KeyframeEngine, OnStep, Painted, Statistics
from vidstyle.engines.feature_maps import measured, transform
from vidstyle.engines.feature_statistics import padded, resized
from vidstyle.engines.patch_matching import Matcher, Places
from vidstyle.errors import WeightsMismatch
from vidstyle.nn.small_vgg import SmallVGG

_LEVELS = (4, 3, 2)
_SHARE = 0.6  # of the patches at strength 1; the rest are the picture's own features, in the style's colours
_STYLE_AREA = 384 * 384  # px² of a style picture whose patches are taken
_RIDGE = 0.01  # of the features' mean variance, added before whitening: faint directions stay faint
_SAME, _WINDOW = 0.02, 9  # of the range, and px: where a painting is still the image itself
_SMALLEST = 16  # px


def build(weights: Path | None = None) -> Reshuffle:
    """Deep feature reshuffle with the bundled small VGG, or that of a file.

    Raises ``WeightsMissing`` and ``WeightsMismatch``.
    """
    source = weights or files.SMALL_VGG
    name = str(source) if isinstance(source, Path) else source.file
    engine = Reshuffle(SmallVGG(files.load(source), name=name))
    return engine if weights is None else engine.checked(name)


@dataclass(frozen=True, slots=True, eq=False)
class StylePatches:
    """Style pictures that patches are taken from."""

    pictures: tuple[Tensor, ...]
    """(1, 3, h, w) float32, in [0, 1]."""
    weights: tuple[float, ...] = (1.0,)
    """Shares of a painting's patches; sum 1."""
    share: float = _SHARE
    """Of the patches, 0 to 1, in the features that are decoded."""


class Reshuffle(KeyframeEngine[StylePatches]):
    """Features of the picture are replaced by patches of the style's, each used about equally often.

    At level 4 of the small VGG the patches are assigned, at 3 and 2 they are searched for around those of the
    level above. They are averaged (eq. 9 of the paper) and mixed with the picture's own features, whitened
    and coloured by those of the style (Li et al. 2017). Each level is decoded and encoded again.
    """

    info: ClassVar[EngineInfo] = EngineInfo(
        title="Deep feature reshuffle",
        good_for="the style's own strokes, copied: for clips for which there is time, and stills",
        cost="seconds for each keyframe; other frames are carried",
        origin="a small VGG, trained for vidstyle (Apache-2.0)",
        is_keyframe_engine=True,
        keyframe_loss=0.25,  # it paints in seconds
        smallest=_SMALLEST,
        largest=1920 * 1080,
        feature_strength=0.5,
    )

    def __init__(self, network: SmallVGG) -> None:
        super().__init__()
        self.network = network
        self.requires_grad_(False)
        self.eval()

    def checked(self, name: str) -> Reshuffle:
        """This engine, if its weights from the file ``name`` paint; raises ``WeightsMismatch`` otherwise."""
        picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        try:
            with torch.inference_mode():
                values = [self.stylize(picture, StylePatches((picture,))).image]
                values += [self.network.encode(picture, level) for level in _LEVELS]
        except RuntimeError as error:  # of convolutions, and of eigenvalues of NaN
            reason = str(error).splitlines()[0]
            raise WeightsMismatch(f"{name} does not fit the engine: {reason}") from error
        if not all(bool(torch.isfinite(value).all()) for value in values):
            raise WeightsMismatch(f"{name} does not fit the engine: its features are not finite numbers")
        return self

    def encode_style(self, image: Tensor) -> StylePatches:
        """A style ``image`` (1, 3, H, W) in [0, 1], resized to about 384² px²."""
        return StylePatches((resized(image, _STYLE_AREA).clamp(0.0, 1.0),))

    def mix(self, styles: Sequence[StylePatches], weights: Sequence[float]) -> StylePatches:
        """Patches of all pictures, in shares of ``weights``."""
        pictures: list[Tensor] = []
        shares: list[float] = []
        for style, share in zip(styles, weights, strict=True):
            for picture, part in zip(style.pictures, style.weights, strict=True):
                known = [place for place, other in enumerate(pictures) if torch.equal(picture, other)]
                if known:
                    shares[known[0]] += share * part
                elif share * part > 0:
                    pictures.append(picture)
                    shares.append(share * part)
        total = sum(shares)
        return replace(styles[0], pictures=tuple(pictures), weights=tuple(part / total for part in shares))

    def at_strength(self, style: StylePatches, strength: float) -> StylePatches:
        return replace(style, share=min(1.0, style.share * strength))

    def style_tensors(self, style: StylePatches) -> Mapping[str, Tensor]:
        pictures = {f"picture{place}": picture for place, picture in enumerate(style.pictures)}
        numbers = torch.tensor([style.share, *style.weights], dtype=torch.float64)
        return {**pictures, "share_and_weights": numbers}

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> StylePatches:
        share, *weights = tensors["share_and_weights"].tolist()
        pictures = tuple(tensors[f"picture{place}"] for place in range(len(weights)))
        return StylePatches(pictures, tuple(weights), share)

    def stylize(
        self,
        image: Tensor,
        style: StylePatches,
        statistics: Statistics | None = None,
        *,
        initial: Tensor | None = None,
        on_step: OnStep | None = None,
    ) -> Painted[Statistics]:
        """Paint ``image`` (1, 3, H, W) in [0, 1], each side 16 px or more, in float32.

        ``initial`` is painted on from level 3: the patches that it is made of are found again. Where it shows
        the image itself, it is painted first.
        """
        self.check_image(image, statistics)
        height, width = image.shape[-2:]
        frame = padded(image.float())
        painted = frame
        if initial is not None:
            bare = _bare(image.float(), initial.float())
            begun = initial.float()
            if bool((bare > 0).any()):
                begun = begun.lerp(self.stylize(image, style, on_step=on_step).image.float(), bare)
            painted = padded(begun)
        places: Places | None = None
        for level in _LEVELS if initial is None else _LEVELS[1:]:
            if on_step is not None:
                on_step()
            theirs = [self.network.encode(picture, level) for picture in style.pictures]
            matcher = Matcher(self.network.encode(painted, level), theirs)
            if places is not None:
                places = places.finer()
            elif initial is None:
                places = matcher.assigned(style.weights)
            else:
                places = matcher.nearest()
            places = matcher.refined(places)
            own = _coloured(self.network.encode(frame, level), theirs, style.weights)
            mixed = own.lerp(matcher.averaged(places), style.share)
            painted = self.network.picture(mixed.contiguous(memory_format=torch.channels_last), level)
        return Painted(painted[..., :height, :width].clamp(0.0, 1.0).to(image.dtype))


def _bare(image: Tensor, initial: Tensor) -> Tensor:
    """How much of ``initial`` (1, 3, H, W) is the image itself, (1, 1, H, W) in [0, 1]."""
    is_same = ((initial - image).abs().amax(1, keepdim=True) < _SAME).float()
    share = F.avg_pool2d(is_same, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)
    return (4 * share - 2).clamp(0.0, 1.0)  # from half of the window on: single pixels are chance


def _coloured(features: Tensor, styles: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """``features`` (1, C, h, w) with the mean and covariance of those of the ``styles``, mixed."""
    means, covariances = zip(*(measured(each) for each in styles), strict=True)
    mean, covariance = (
        torch.stack([part * weight for part, weight in zip(parts, weights, strict=True)]).sum(0)
        for parts in (means, covariances)
    )
    matrix, offset = transform(*measured(features), mean, covariance, 1.0, ridge=_RIDGE)
    return torch.einsum("ij,bjhw->bihw", matrix.float(), features) + offset.float()[:, None, None]
