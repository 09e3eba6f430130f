"""The way through views: a flight around the scene is painted as a clip, and fused back into the points."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.api import stylize_video
from vidstyle.frames import Frame
from vidstyle.options.keywords import VideoKeywords
from vidstyle.pipeline.styling import Styling
from vidstyle.points.cameras import Camera
from vidstyle.points.cloud import Cloud, Floats
from vidstyle.points.exact_flow import ExactFlow
from vidstyle.points.fusion import filled, fused
from vidstyle.points.rendering import View, on_device, render
from vidstyle.video.reading.reader import Reader
from vidstyle.video.stills import save_image

_REACHES = (32, 16, 8, 4, 2)  # px around an outline, from which a place beside the scene takes its colour

OnStep = Callable[[str, int, int], None]
"""Called with what is done, how many are, and of how many."""


def painted_by_views(
    cloud: Cloud,
    cameras: Sequence[Camera],
    style: Styling,
    options: Mapping[str, object],
    device: torch.device,
    *,
    on_step: OnStep,
) -> tuple[Floats, float]:
    """Colours (N, 3) in [0, 1] of ``cloud``, which is complete, and the share of its points that were seen.

    ``options`` are those of painting, as for ``stylize_video``. Views and paintings are kept as pictures in a
    temporary folder; memory holds the points and a depth for each view.
    """
    points = on_device(cloud, device)
    assert cloud.colors is not None
    colors = torch.from_numpy(cloud.colors).to(device)
    background = colors.mean(dim=0)
    with tempfile.TemporaryDirectory(prefix="vidstyle-points-") as name:
        folder = Path(name)
        (folder / "views").mkdir()
        depths: list[Tensor] = []
        pictures = []
        for number, camera in enumerate(cameras):
            view = render(points, colors, camera, background)
            picture = (continued(view, background) * 255).round().to("cpu", torch.uint8).numpy()
            save_image(folder / "views" / f"{number:05}.png", Frame(picture))
            depths.append(view.depth)
            pictures.append(picture)
            on_step("views", number + 1, len(cameras))
        flow = ExactFlow(cameras, [depth.cpu() for depth in depths], pictures)
        del pictures
        done = 0

        def count(progress: object) -> bool:
            nonlocal done
            done += 1
            on_step("painting", done, len(cameras))
            return True

        keywords = cast("VideoKeywords", {**options, "flow": flow, "codec": "png", "segments": "off"})
        stylize_video(folder / "views", folder / "painted", style=style, on_frame=count, **keywords)

        def paintings() -> Iterator[Tensor]:
            with Reader(folder / "painted") as reader:
                for frame in reader:
                    yield torch.from_numpy(frame.pixels.astype(np.float32) / np.iinfo(frame.pixels.dtype).max)

        on_step("fusion", 0, 1)
        painted, weights = fused(points, list(cameras), depths, paintings)
    on_step("fusion", 1, 1)
    return filled(cloud, painted, weights), float((weights > 0).mean())


def continued(view: View, background: Tensor) -> Tensor:
    """The image (H, W, 3) of ``view``, whose colours go on beyond its outlines and fade to ``background``.

    Strokes reach across outlines; those of a plain background would leave a rim on the scene.
    """
    is_seen = torch.isfinite(view.depth)
    known = is_seen.to(view.image)[None, None]
    colors = view.image.permute(2, 0, 1)[None] * known
    result = background.expand(view.image.shape)
    for reach in _REACHES:
        around = [_mean_around(values, reach) for values in (colors, known)]
        mean = (around[0] / around[1].clamp_min(1e-6))[0].permute(1, 2, 0)
        result = torch.where((around[1][0, 0] > 0)[..., None], mean, result)
    return torch.where(is_seen[..., None], view.image, result)


def _mean_around(values: Tensor, reach: int) -> Tensor:
    """The means of ``values`` (B, C, H, W) in squares of ``reach`` px around each, 0 beyond the edges.

    Rows, then columns: 65 + 65 values at a reach of 32, not 65 · 65.
    """
    side = 2 * reach + 1
    rows = F.avg_pool2d(values, (1, side), 1, (0, reach))
    return F.avg_pool2d(rows, (side, 1), 1, (reach, 0))
