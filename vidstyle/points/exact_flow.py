"""Motion between views from geometry: an estimator that knows the depth of each view."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.flow.base import FlowEstimator, load_flow, refiner_of
from vidstyle.frames import Pixels
from vidstyle.points.cameras import Camera
from vidstyle.points.rendering import projected, thickness

_FAR = 1e4  # times the nearest depth: where the background lies
_ROUNDING = 1e-4  # of half the picture: a pixel of its border is still in it
_OUT = 4.0  # times the width of the picture: a flow so long leaves it


class ExactFlow:
    """A ``FlowEstimator`` for pictures that are views of a scene; any others go to an estimator.

    What is hidden in the other view gets a flow that leaves the picture, as if it had come from outside.

    Args:
        cameras: of the views.
        depths: (H, W) of each, infinite where nothing is.
        pictures: (H, W, 3) uint8 of each, by which a picture is recognised.
        other: for pictures that are no views, such as views that were moved already.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        depths: Sequence[Tensor],
        pictures: Sequence[Pixels],
        other: FlowEstimator | None = None,
    ) -> None:
        self._cameras, self._depths = cameras, depths
        self._numbers = {_key(torch.from_numpy(picture)): place for place, picture in enumerate(pictures)}
        self._other = load_flow("auto", "cpu") if other is None else other

    def __call__(self, source: Tensor, target: Tensor) -> Tensor:
        numbers = [self._numbers.get(_key(_as_pixels(image))) for image in (source, target)]
        first, second = numbers
        if first is None or second is None:
            return self._other(source, target)
        flow, is_seen = self.flow_between(first, second)
        width = flow.shape[-1]
        return torch.where(is_seen, flow, torch.full_like(flow, _OUT * width)).to(source.device)

    def refiner(self) -> FlowEstimator:
        """What estimates the small motion that remains between a view and paint that was moved to it."""
        return refiner_of(self._other)

    def flow_between(self, source: int, target: int) -> tuple[Tensor, Tensor]:
        """Flow (1, 2, H, W) in px from one view to another, and where it is seen there (1, 1, H, W)."""
        return motion(
            self._cameras[source], self._depths[source], self._cameras[target], self._depths[target]
        )


def motion(camera: Camera, depth: Tensor, other: Camera, other_depth: Tensor) -> tuple[Tensor, Tensor]:
    """Flow (1, 2, H, W) in px from a view to another one, and where its points are seen there."""
    height, width = depth.shape
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=depth.device),
        torch.arange(width, dtype=torch.float32, device=depth.device),
        indexing="ij",
    )
    is_empty = ~torch.isfinite(depth)
    far = _FAR * float(depth[~is_empty].min()) if not bool(is_empty.all()) else _FAR
    known = torch.where(is_empty, far, depth)
    seen = torch.stack(
        [(x - (width - 1) / 2) * known / camera.focal, (y - (height - 1) / 2) * known / camera.focal, known],
        dim=-1,
    )
    rotation = torch.from_numpy(camera.rotation).to(depth)
    positions = seen.view(-1, 3) @ rotation + torch.from_numpy(camera.position).to(depth)
    there_x, there_y, there_depth = (part.view(height, width) for part in projected(positions, other))
    flow = torch.stack([there_x - x, there_y - y])[None]
    grid = torch.stack([2 * there_x / max(1, width - 1) - 1, 2 * there_y / max(1, height - 1) - 1], dim=-1)
    # the farthest of the pixels around: at an edge the surface behind is not hidden
    spread = F.max_pool2d(torch.where(torch.isfinite(other_depth), other_depth, far)[None, None], 3, 1, 1)
    surface = F.grid_sample(spread, grid[None], mode="nearest", padding_mode="border", align_corners=True)
    is_inside = (grid.abs() <= 1 + _ROUNDING).all(dim=-1) & (there_depth > other.near)
    is_seen = is_inside & (there_depth <= surface[0, 0] + 2 * thickness(there_depth))
    return flow, is_seen[None, None]


def _as_pixels(image: Tensor) -> Tensor:
    """A picture (1, 3, H, W) in [0, 1] as (H, W, 3) uint8."""
    return (image[0].permute(1, 2, 0) * 255).round().to("cpu", torch.uint8)


def _key(picture: Tensor) -> bytes:
    return hashlib.blake2b(picture.contiguous().numpy().tobytes(), digest_size=16).digest()
