"""Names to parts, imported only when one is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from vidstyle.errors import UnknownName

T = TypeVar("T")


class Registry(Mapping[str, str], Generic[T]):
    """A table of ``name -> "module:Attribute"``; listing it imports nothing."""

    def __init__(self, kind: str, parts: Mapping[str, str]) -> None:
        self.kind = kind
        self._parts = dict(parts)

    def __getitem__(self, name: str) -> str:
        try:
            return self._parts[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._parts) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def load(self, name: str) -> Any:
        """Import and return the part called ``name``; ``UnknownName`` if there is none."""
        module, _, attribute = self[name].partition(":")
        return getattr(importlib.import_module(module), attribute)


ENGINES: Registry[Any] = Registry(
    "engine",
    {
        "stylenet": "vidstyle.engines.stylenet:build",
    },
)

FLOWS: Registry[Any] = Registry(
    "flow",
    {
        "dis": "vidstyle.flow.dis:DIS",
        "raft-small": "vidstyle.flow.raft:raft_small",
        "raft-large": "vidstyle.flow.raft:raft_large",
    },
)

TEMPORAL: Registry[Any] = Registry(
    "temporal method",
    {
        "map": "vidstyle.temporal.paint_map.paint_map:PaintMap",
        "blend": "vidstyle.temporal.blend:Blend",
    },
)

METRICS: Registry[Any] = Registry(
    "metric",
    {
        "warping_error": "vidstyle.metrics.warping_error:WarpingError",
        "frame_difference": "vidstyle.metrics.frame_difference:FrameDifference",
        "flicker_reduction": "vidstyle.metrics.flicker_reduction:FlickerReduction",
        "temporal_loss_short": "vidstyle.metrics.temporal_loss:Short",
        "temporal_loss_long": "vidstyle.metrics.temporal_loss:Long",
        "temporal_loss_longest": "vidstyle.metrics.temporal_loss:Longest",
        "style_distance": "vidstyle.metrics.style_distance:StyleDistance",
        "content_distance": "vidstyle.metrics.content_distance:ContentDistance",
        "sharpness": "vidstyle.metrics.sharpness:Sharpness",
        "structure_moving": "vidstyle.metrics.structure:Moving",
        "structure_ground": "vidstyle.metrics.structure:Ground",
        "structure_moving_kept": "vidstyle.metrics.structure:MovingKept",
        "structure_ground_kept": "vidstyle.metrics.structure:GroundKept",
        "structure_small": "vidstyle.metrics.small:Small",
        "structure_small_kept": "vidstyle.metrics.small:SmallKept",
        "pops": "vidstyle.metrics.pops:Pops",
        "streaks": "vidstyle.metrics.streaks:Streaks",
        "ghosts": "vidstyle.metrics.ghosts:Ghosts",
        "drift": "vidstyle.metrics.drift:Drift",
        "tof": "vidstyle.metrics.tof:TOF",
        "lpips": "vidstyle.metrics.lpips:LPIPS",
        "tlpips": "vidstyle.metrics.lpips:TLPIPS",
        "fid": "vidstyle.metrics.fid:FID",
        "art_fid": "vidstyle.metrics.fid:ArtFID",
        "clip_consistency": "vidstyle.metrics.clip_consistency:CLIPConsistency",
        "ssim": "vidstyle.metrics.fidelity:SSIM",
        "psnr": "vidstyle.metrics.fidelity:PSNR",
    },
)

FEATURES: Registry[Any] = Registry(
    "perceptual encoder",
    {
        "vgg16": "vidstyle.metrics.features:bundled",
        "vgg19": "vidstyle.metrics.vgg19:features",
    },
)

LOSSES: Registry[Any] = Registry(
    "loss",
    {
        "content": "vidstyle.losses.content:Content",
        "style": "vidstyle.losses.style:RelativeStyle",
        "gram": "vidstyle.losses.style:GramStyle",
        "mean-deviation": "vidstyle.losses.style:MeanDeviation",
        "identity": "vidstyle.losses.identity:Identity",
        "variation": "vidstyle.losses.variation:Variation",
        "distillation": "vidstyle.losses.distillation:Distillation",
        "grid": "vidstyle.losses.grid:Grid",
        "ripple": "vidstyle.losses.ripple:Ripple",
        "tones": "vidstyle.losses.tones:Tones",
        "shift": "vidstyle.losses.shift:Shift",
        "compound": "vidstyle.losses.compound:Compound",
        "frame-difference": "vidstyle.losses.frame_difference:FrameDifference",
        "contrastive": "vidstyle.losses.contrastive:Contrastive",
        "warped": "vidstyle.losses.warped:Warped",
        "code": "vidstyle.losses.style_embedding:StyleEmbedding",
    },
)

RECIPES: Registry[Any] = Registry(
    "recipe",
    {
        "stylenet-distil": "vidstyle.training.recipes:STYLENET_DISTIL",
        "stylenet": "vidstyle.training.recipes:STYLENET",
        "style-encoder": "vidstyle.training.recipes:STYLE_ENCODER",
        "decoder": "vidstyle.training.recipes:DECODER",
    },
)
