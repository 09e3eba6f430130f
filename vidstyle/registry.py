"""Registries: the names of all parts, each imported only when it is used."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from typing import Any

from vidstyle.errors import OptionError, UnknownName, suggestion

_PLACE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


class Registry(Mapping[str, str]):
    """A table of ``name -> "package.module:Attribute"``; listing it imports nothing.

    Parts of installed packages are in it too: entry points of the registry's ``group``, after its own parts.
    An import path, ``"package.module:Attribute"``, is accepted wherever a name is.
    """

    def __init__(self, kind: str, parts: Mapping[str, str], *, group: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self._parts = dict(parts)

    @property
    def bundled(self) -> tuple[str, ...]:
        """The names of the parts that come with vidstyle."""
        return tuple(self._parts)

    def __getitem__(self, name: str) -> str:
        if name in self._parts:
            return self._parts[name]
        if _PLACE.fullmatch(name):
            return name
        try:
            return self._installed()[name]
        except KeyError:
            if ":" in name:
                raise OptionError(
                    f'no {self.kind} {name!r}; parts from elsewhere are given as "package.module:Attribute"'
                ) from None
            raise UnknownName(self.kind, name, self) from None

    def __iter__(self) -> Iterator[str]:
        yield from self._parts
        yield from self._installed()

    def __len__(self) -> int:
        return len(self._parts) + len(self._installed())

    def __contains__(self, name: object) -> bool:
        return name in self._parts or name in self._installed()

    def check(self, name: str) -> str:
        """Return ``name`` if it is registered or an import path, without importing; else ``OptionError``."""
        self[name]
        return name

    def load(self, name: str) -> Any:
        """Import and return the part called ``name``; ``OptionError`` if there is none."""
        place = self[name]
        module, _, attribute = place.partition(":")
        try:
            part: object = importlib.import_module(module)
        except Exception as error:  # a part from outside may fail in its own ways
            if name in self._parts:
                raise
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise OptionError(
                f"the {self.kind} {name!r} cannot be imported from {module} ({reason})"
            ) from error
        for part_name in attribute.split("."):
            if not hasattr(part, part_name):
                public = [other for other in dir(part) if other[0] != "_"]
                near = difflib.get_close_matches(part_name, public, n=1)
                hint = (
                    suggestion(part_name, public)
                    if near
                    else f'expected "{module}:" and a name in that module'
                )
                raise OptionError(f"no {self.kind} {place!r}: {module} has no {part_name!r}; {hint}")
            part = getattr(part, part_name)
        return part

    def _installed(self) -> dict[str, str]:
        """Parts of installed packages, except those with the name of a bundled part."""
        if self.group is None:
            return {}
        points = importlib.metadata.entry_points(group=self.group)
        installed = {point.name: f"{point.module}:{point.attr}" for point in points if point.attr}
        return {name: installed[name] for name in sorted(installed) if name not in self._parts}


def name_of_part(part: object) -> str:
    """The name of a ``part`` in reports: its registered name or ``name``, else ``module:qualname``."""
    if isinstance(part, str):
        return part
    named = part if hasattr(part, "__qualname__") else type(part)  # classes and functions have one
    return str(getattr(part, "name", None) or f"{named.__module__}:{named.__qualname__}")


ENGINES = Registry(
    "engine",
    {
        "stylenet": "vidstyle.engines.stylenet:build",
        "wct": "vidstyle.engines.wct:build",
        "wct-slim": "vidstyle.engines.wct_slim:build",
        "wct-single-pass": "vidstyle.engines.wct_single_pass:build",
        "gatys": "vidstyle.engines.gatys:build",
        "photoreal": "vidstyle.engines.photoreal:build",
        "reshuffle": "vidstyle.engines.reshuffle:build",
        "adain": "vidstyle.engines.adain:build",
        "attention": "vidstyle.engines.attention:build",
        "diffusion": "vidstyle.engines.diffusion:build",
    },
    group="vidstyle.engines",
)

FLOWS = Registry(
    "flow",
    {
        "dis": "vidstyle.flow.dis:DIS",
        "raft-small": "vidstyle.flow.raft:RaftSmall",
        "raft-large": "vidstyle.flow.raft:RaftLarge",
    },
    group="vidstyle.flows",
)

RUNTIMES = Registry(
    "runtime",
    {
        "torch": "vidstyle.runtimes.torch:Torch",
        "compiled": "vidstyle.runtimes.compiled:Compiled",
        "onnxruntime": "vidstyle.runtimes.onnxruntime:OnnxRuntime",
        "openvino": "vidstyle.runtimes.openvino:OpenVino",
        "tensorrt": "vidstyle.runtimes.tensorrt:TensorRT",
    },
    group="vidstyle.runtimes",
)

EXECUTORS = Registry(
    "executor",
    {
        "ray": "vidstyle.segments.executors.ray:open_workers",
        "dask": "vidstyle.segments.executors.dask:open_workers",
    },
    group="vidstyle.executors",
)

TEMPORAL = Registry(
    "temporal method",
    {
        "map": "vidstyle.temporal.paint_map.paint_map:PaintMap",
        "blend": "vidstyle.temporal.blend:Blend",
    },
)

METRICS = Registry(
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
    group="vidstyle.metrics",
)

FEATURES = Registry(
    "perceptual encoder",
    {
        "vgg16": "vidstyle.metrics.perceptual_features:bundled",
        "small": "vidstyle.metrics.perceptual_features:small",
        "vgg19": "vidstyle.metrics.vgg19:features",
    },
)

LOSSES = Registry(
    "loss",
    {
        "content": "vidstyle.losses.content:Content",
        "style": "vidstyle.losses.style:RelativeStyle",
        "gram": "vidstyle.losses.style:GramStyle",
        "mean-deviation": "vidstyle.losses.style:MeanDeviation",
        "covariance": "vidstyle.losses.style:CovarianceStyle",
        "identity": "vidstyle.losses.identity:Identity",
        "variation": "vidstyle.losses.variation:Variation",
        "distillation": "vidstyle.losses.distillation:Distillation",
        "grid": "vidstyle.losses.grid:Grid",
        "ripple": "vidstyle.losses.ripple:Ripple",
        "tones": "vidstyle.losses.tones:Tones",
        "shift": "vidstyle.losses.shift:Shift",
        "compound": "vidstyle.losses.compound:Compound",
        "frame-difference": "vidstyle.losses.frame_difference_loss:FrameDifferenceLoss",
        "contrastive": "vidstyle.losses.contrastive:Contrastive",
        "warped": "vidstyle.losses.warped:Warped",
        "style-embedding": "vidstyle.losses.style_embedding:StyleEmbedding",
        "feature-distillation": "vidstyle.losses.autoencoding:FeatureDistillation",
        "decoder-block": "vidstyle.losses.autoencoding:DecoderBlock",
        "reconstruction": "vidstyle.losses.autoencoding:Reconstruction",
        "perceptual-reconstruction": "vidstyle.losses.autoencoding:PerceptualReconstruction",
    },
    group="vidstyle.losses",
)

RECIPES = Registry(
    "recipe",
    {
        "stylenet-distil": "vidstyle.training.recipes:STYLENET_DISTIL",
        "stylenet": "vidstyle.training.recipes:STYLENET",
        "style-encoder": "vidstyle.training.recipes:STYLE_ENCODER",
        "small-vgg": "vidstyle.training.recipes:SMALL_VGG",
        "wct-decoder": "vidstyle.training.recipes:WCT_DECODER",
        "photoreal": "vidstyle.training.recipes:PHOTOREAL",
        "wct-single-pass": "vidstyle.training.recipes:WCT_SINGLE_PASS",
        "wct-slim": "vidstyle.training.recipes:WCT_SLIM",
        "adain": "vidstyle.training.recipes:ADAIN",
        "attention": "vidstyle.training.recipes:ATTENTION",
    },
)

STUDENTS = Registry(
    "student",
    {
        "stylenet": "vidstyle.training.student:Student",
        "small-vgg": "vidstyle.training.small_vgg_student:SmallVGGStudent",
        "photoreal": "vidstyle.training.photoreal_student:PhotorealStudent",
        "adain": "vidstyle.training.adain_student:AdaINStudent",
        "attention": "vidstyle.training.attention_student:AttentionStudent",
        "wct-single-pass": "vidstyle.training.single_pass_student:SinglePassStudent",
    },
)
