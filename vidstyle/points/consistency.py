"""How consistent a flight around a scene is: the change along its true motion."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vidstyle.flow.warp import warp
from vidstyle.points.cameras import Camera
from vidstyle.points.exact_flow import motion


def warping_error(
    pictures: Sequence[Tensor], cameras: Sequence[Camera], depths: Sequence[Tensor], *, step: int
) -> float:
    """Mean absolute change (% of the range) of ``pictures`` (H, W, 3) in [0, 1], ``step`` views apart.

    Each is compared with the one ``step`` views before, brought onto it along the motion that geometry gives,
    where the scene is seen in both.
    """
    changes = []
    for now in range(step, len(pictures)):
        before = now - step
        flow, is_seen = motion(cameras[now], depths[now], cameras[before], depths[before])
        moved, is_inside = warp(pictures[before].permute(2, 0, 1)[None], flow)
        valid = is_seen & is_inside & torch.isfinite(depths[now])[None, None]
        if bool(valid.any()):
            change = (moved - pictures[now].permute(2, 0, 1)[None]).abs().mean(dim=1, keepdim=True)
            changes.append(float(change[valid].mean()))
    return 100 * sum(changes) / max(1, len(changes))
