"""Paints pixels with an engine: at a working size, then finer, the whole frame or only where needed."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Generic, TypeVar, cast

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vidstyle._version import __version__
from vidstyle.device import memory_errors
from vidstyle.engines.base import Engine, KeyframeEngine, OnStep, Statistics
from vidstyle.engines.identity import engine_hash
from vidstyle.errors import InputError
from vidstyle.frames import Pixels, check_pixels
from vidstyle.named_tensors import Tensors, in_group
from vidstyle.nn.resize import enlarged, reduced
from vidstyle.options import DEFAULT_QUALITY, LARGEST_STYLE, QUALITIES
from vidstyle.rendering.painting_statistics import A, FrameStatistics, Painting, joined, parts_of
from vidstyle.rendering.regions import Region, cover
from vidstyle.rendering.tiles import paint_image, paint_regions, window_of
from vidstyle.temporal.base import Mask
from vidstyle.tensors import Samples, full_scale, to_pixels, to_samples, to_tensor

S = TypeVar("S")
T = TypeVar("T", bound=Statistics)

_FINEST = 1080  # px, largest short side of the finer strokes; beyond, the picture is only enlarged
_COARSEST = 96  # px, least short side of strokes that are reduced to hold a rate
_NO_FINER = 1.25  # a frame at most this much larger than the working size is only enlarged
_CLIP_SHARE = 0.25  # share of the clip in the input of the second painting: restores the clip's edges
_AFAR = 4  # tones are restored at the working size divided by this: colours are kept, strokes may change
_FARTHEST = 9  # px of the finest size that one such tone may cover, as parts must be painted with it
# Kernels are launched one by one, some 100 a call, whatever the area. Parts painted together as a batch would
# have to be of one size, and those of clips are not: joined into larger ones they take no more time.
_GPU_CALLS = 30  # times a CPU's cost of a call
_REACH = 3  # px: reach of the filter that enlarges


class Renderer(Generic[S, T]):
    """Paints with an engine at a device, precision and working size, in parts where possible.

    Holds no state of a clip: styles and statistics are arguments. A frame larger than the working size is
    painted there, enlarged and painted a second time, coarse to fine; the tones of the first painting are
    kept. See docs/working-size.md.
    """

    def __init__(
        self,
        engine: Engine[S, T],
        *,
        device: torch.device | str = "cpu",
        precision: torch.dtype = torch.float32,
        working_size: int | None = None,
        largest_share: float = 1.0,
        on_step: OnStep | None = None,
    ) -> None:
        """Move ``engine`` to ``device``.

        Args:
            engine: the engine, in float32.
            device: where to paint.
            precision: of images and of the network; float32 for a keyframe engine.
            working_size: short side (px) at which strokes are painted; None: that of the default quality.
            largest_share: share of a frame's own size that is painted at most (0 to 1); beyond, the
                painting is enlarged.
            on_step: called before each step of a keyframe engine.
        """
        self.engine = engine.to(device)
        self.device = torch.device(device)
        # an optimisation does not converge in less
        self.precision = torch.float32 if engine.info.is_keyframe_engine else precision
        self.working_size = working_size or QUALITIES[DEFAULT_QUALITY].working_size
        self.largest_share = largest_share
        self._on_step = on_step
        self._reduction = 1.0  # factor on the finest size

    @property
    def number_format(self) -> str:
        """The precision by name, such as ``bfloat16``."""
        return str(self.precision).removeprefix("torch.")

    def coarser(self, share: float) -> Renderer[S, T]:
        """A renderer that shares this one's engine and paints at ``share`` (0 to 1) of its sizes at most."""
        other = copy(self)
        other._reduction = share
        return other

    def encode(self, picture: Pixels) -> S:
        """The style of a ``picture`` (H, W, 3), as the engine knows it."""
        height, width = picture.shape[:2]
        scale = LARGEST_STYLE / max(height, width)
        if scale < 1:  # only arrays: files are reduced when they are read
            shape = max(1, round(width * scale)), max(1, round(height * scale))
            picture = cast(Pixels, cv2.resize(picture, shape, interpolation=cv2.INTER_AREA))
        with torch.inference_mode():
            return self.engine.encode_style(to_tensor(picture, self.device))

    def fingerprint(self) -> str:
        """A hash of all that decides a style embedding: the engine's code, options and weights.

        The code is the engine's class, the text of its module, and the version of vidstyle. The options are
        those that the engine was loaded with, and its public attributes that are plain values.
        """
        engine = self.engine.itself
        plain = {name: value for name, value in vars(engine).items() if _is_plain_option(name, value)}
        return engine_hash(engine, __version__, sorted(plain.items()))

    def style_tensors(self, style: S) -> Mapping[str, Tensor] | None:
        """All that ``style`` holds, by name; None if the engine's styles cannot be kept."""
        return self.engine.style_tensors(style)

    def style_from_tensors(self, tensors: Mapping[str, Tensor]) -> S:
        """The style whose ``style_tensors`` these are, on the engine's device."""
        return self.engine.style_from_tensors(
            {name: tensor.to(self.device) for name, tensor in tensors.items()}
        )

    def statistics_from_tensors(self, tensors: Tensors) -> FrameStatistics[T]:
        """The statistics whose ``tensors()`` these are, on the engine's device."""
        parts = [in_group(name, tensors) for name in ("strokes", "finer")]
        strokes, finer = ({name: part.to(self.device) for name, part in kept.items()} for kept in parts)
        engine = self.engine.itself
        return FrameStatistics(
            engine.statistics_from_tensors(strokes), engine.statistics_from_tensors(finer) if finer else None
        )

    def working_shape(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which strokes of a frame of this size are painted: never above its own size."""
        return self._limited(height, width, self.working_size)

    def paint(self, pixels: A, style: S, statistics: FrameStatistics[T] | None = None) -> Painting[T, A]:
        """Paint a whole frame ``pixels`` (H, W, 3); statistics that are not passed are computed from it."""
        if self.engine.info.is_keyframe_engine:
            return Painting(self.paint_keyframe(pixels, style), None)
        height, width = self._check(pixels)
        working, fine = self._shapes(height, width)
        with torch.inference_mode(), memory_errors(self.device, *fine[::-1]):
            coarse, over = parts_of(statistics)
            painted = paint_image(self.engine, self._image(pixels, working), style, coarse)
            if working == fine:
                return Painting(self._pixels(painted.image, pixels), joined(painted.statistics))
            second = self._second_input(pixels, painted.image, fine)
            again = paint_image(self.engine, second, style, over)
            result = _anchored(again.image, painted.image)
            return Painting(self._pixels(result, pixels), joined(painted.statistics, again.statistics))

    def paint_keyframe(self, pixels: A, style: S, initial: Pixels | None = None) -> A:
        """Paint a whole frame ``pixels`` (H, W, 3) by a keyframe engine, from ``initial`` on, of its size.

        It is painted once, at the working size: such engines go from coarse to fine by themselves.
        """
        working = self.working_shape(*self._check(pixels))
        engine = cast("KeyframeEngine[S]", self.engine)
        with torch.inference_mode(), memory_errors(self.device, *working[::-1]):
            begun = None if initial is None else self._image(initial, working)
            image = self._image(pixels, working)
            painted = engine.stylize(image, style, initial=begun, on_step=self._on_step)
            return self._pixels(painted.image, pixels)

    def paint_where(
        self, pixels: A, style: S, statistics: FrameStatistics[T], mask: NDArray[np.bool_]
    ) -> Painting[T, A]:
        """Paint ``pixels`` (H, W, 3) at least where ``mask`` (h, w; any size, stretched over it) is true.

        The whole frame is painted if that is cheaper, or if the engine cannot paint parts. Parts are painted
        with the ``surroundings`` that the engine needs; where painted once they differ from the whole frame's
        paint by ``near_error`` levels at most.
        """
        height, width = self._check(pixels)
        working, fine = self._shapes(height, width)
        margin = 0 if fine == (height, width) else _REACH  # enlarging mixes neighbouring pixels in
        info = self.engine.info
        regions = None
        if info.surroundings is not None:
            regions = cover(mask, fine, halo=info.surroundings, margin=margin, call_cost=self._call_cost)
        if regions is None:
            return self.paint(pixels, style, statistics)
        with torch.inference_mode(), memory_errors(self.device, *fine[::-1]):
            result: Samples
            if working == (height, width) and not isinstance(pixels, Tensor):
                result = self._paint_windows(pixels, regions, style, statistics)
            else:
                result = self._pixels(self._paint_parts(pixels, regions, style, statistics), pixels)
        valid: Mask
        if isinstance(pixels, Tensor):
            valid = torch.zeros((height, width), dtype=torch.bool, device=pixels.device)
        else:
            valid = np.zeros((height, width), np.bool_)
        for region in regions:
            valid[region.scaled(fine, (height, width), margin).slices] = True
        return Painting(cast(A, result), statistics, valid)

    def _paint_windows(
        self, pixels: Pixels, regions: list[Region], style: S, statistics: FrameStatistics[T]
    ) -> Pixels:
        """Paint ``regions`` of a frame at its own size; only their windows become tensors."""
        result = np.zeros_like(pixels)
        for region in regions:
            window = window_of(region, pixels.shape[:2], self.engine.info, self._near)
            image = to_tensor(pixels[window.slices], self.device, self.precision)
            painted = self.engine.stylize(image, style, statistics.strokes).image
            result[region.slices] = to_pixels(painted[(..., *region.within(window).slices)], pixels.dtype)
        return result

    def _paint_parts(
        self, pixels: Samples, regions: list[Region], style: S, statistics: FrameStatistics[T]
    ) -> Tensor:
        """The painting (1, 3, H, W) at its finest size, valid in ``regions`` only."""
        working, fine = self._shapes(*pixels.shape[:2])
        coarse, over = parts_of(statistics)
        near, image = self._near, self._image(pixels, working)
        if working == fine:
            return paint_regions(self.engine, image, regions, style, coarse, halo=near)
        seen = np.zeros(fine, np.bool_)
        for region in regions:
            seen[region.grown(near, fine).slices] = True
        under = cover(seen, working, halo=near, margin=_REACH, call_cost=self._call_cost)
        if under is None:
            painted = paint_image(self.engine, image, style, coarse).image
        else:
            painted = paint_regions(self.engine, image, under, style, coarse, halo=near)
        second = self._second_input(pixels, painted, fine)
        again = paint_regions(self.engine, second, regions, style, over, halo=near)
        return _anchored(again, painted)

    @property
    def _call_cost(self) -> int:
        """Px² that could be painted in the time of one more call: on a GPU much more, so parts are joined."""
        cost = self.engine.info.call_cost
        return cost if self.device.type == "cpu" else _GPU_CALLS * cost

    @property
    def _near(self) -> int:
        near = self.engine.info.surroundings
        assert near is not None  # only such engines paint parts
        return near

    def _check(self, pixels: Samples) -> tuple[int, int]:
        if not isinstance(pixels, Tensor):
            check_pixels(pixels)
        height, width = pixels.shape[:2]
        if min(height, width) < self.engine.info.smallest:
            least = self.engine.info.smallest
            raise InputError(
                f"a picture of {width}x{height} is too small to paint; {least}x{least} is the least"
            )
        return height, width

    def _shapes(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """The sizes of the strokes and of the finer ones painted over them; equal: painted once."""
        working = self.working_shape(height, width)
        if self._largest_scale(height, width) * min(height, width) <= _NO_FINER * min(working):
            return working, working
        return working, self._limited(height, width, max(_FINEST, min(working)))

    def _largest_scale(self, height: int, width: int) -> float:
        """The largest share of a frame's own size at which it is painted."""
        if self._reduction == 1:
            return self.largest_share
        finest = min(self.largest_share, max(_FINEST, self.working_size) / min(height, width))
        return max(self._reduction * finest, _COARSEST / min(height, width))

    def _limited(self, height: int, width: int, short: int) -> tuple[int, int]:
        scale = min(self._largest_scale(height, width), self.largest_share, short / min(height, width))
        return max(self.engine.info.smallest, round(height * scale)), max(
            self.engine.info.smallest, round(width * scale)
        )

    def _image(self, pixels: Samples, shape: tuple[int, int]) -> Tensor:
        """``pixels`` on the device, at a ``shape`` not above their own."""
        if isinstance(pixels, Tensor):
            return reduced(to_tensor(pixels, dtype=self.precision), *shape)
        if self.device.type == "cpu" and pixels.dtype == np.uint8 and shape != pixels.shape[:2]:
            # on a CPU torch scales uint8 four times as fast as OpenCV by area, 14 times as fast as float32
            bytes_ = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).unsqueeze(0)
            small = F.interpolate(bytes_, shape, mode="bilinear", antialias=True)
            return to_tensor(small[0].permute(1, 2, 0).numpy(), self.device, self.precision)
        return reduced(to_tensor(pixels, self.device, self.precision), *shape)

    def _second_input(self, pixels: Samples, painted: Tensor, fine: tuple[int, int]) -> Tensor:
        """The input of the second painting: the first one, enlarged, with a share of the clip."""
        upsampled = enlarged(painted, *fine).clamp_(0.0, 1.0)
        return upsampled.lerp_(self._image(pixels, fine), _CLIP_SHARE)

    def _pixels(self, painted: Tensor, like: A) -> A:
        """The painted picture as pixels of the size and depth of ``like``, where that is."""
        height, width = like.shape[:2]
        if isinstance(like, Tensor) or self.device.type != "cpu" or painted.shape[-2:] == (height, width):
            return _as_like(enlarged(painted, height, width), like)
        large = cv2.resize(to_pixels(painted, like.dtype), (width, height), interpolation=cv2.INTER_CUBIC)
        return cast(A, large)


def _as_like(image: Tensor, like: A) -> A:
    if isinstance(like, Tensor):
        return cast(A, to_samples(image, full_scale(like)))
    return cast(A, to_pixels(image, like.dtype))


def _anchored(fine: Tensor, coarse: Tensor) -> Tensor:
    """``fine`` (1, 3, H, W) with its low frequencies replaced by those of ``coarse`` (1, 3, h, w)."""
    share = max(1 / _AFAR, fine.shape[-2] / coarse.shape[-2] / _FARTHEST)
    height, width = (max(1, round(side * share)) for side in coarse.shape[-2:])
    change = reduced(coarse, height, width) - reduced(fine, height, width)
    return enlarged(change, *fine.shape[-2:]).add_(fine).clamp_(0.0, 1.0)


def _is_plain_option(name: str, value: object) -> bool:
    """Whether an engine's attribute is an option, a number, a text or several, and no state of torch's."""
    if name.startswith("_") or name == "training":
        return False
    several = value if isinstance(value, tuple) else (value,)
    return all(isinstance(item, (bool, int, float, str, type(None))) for item in several)
