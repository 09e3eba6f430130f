"""Paints a scene: reads it, paints its points in one of two ways, and writes it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from vidstyle.device import choose_device
from vidstyle.engines.base import load_engine
from vidstyle.engines.wct import WCT
from vidstyle.errors import InputError, OptionError
from vidstyle.flow.base import Array
from vidstyle.options import PaintOptions, WriteOptions
from vidstyle.outputs import check_file_output, check_outputs
from vidstyle.pipeline.styling import Styling, style_list
from vidstyle.points.by_points import painted_by_points
from vidstyle.points.by_views import painted_by_views
from vidstyle.points.cameras import path, shape_of, up_vector
from vidstyle.points.cloud import Cloud, Floats, completed
from vidstyle.points.files import pending_scene, read_scene
from vidstyle.points.orbit import write_orbit
from vidstyle.points.settings import SceneOptions
from vidstyle.styles.pictures import load
from vidstyle.tensors import to_tensor
from vidstyle.video.writing.target import check_target

OnStep = Callable[[str, int, int], None]
"""Called with what is done, how many are, and of how many."""

_ENGINE = "wct"  # of the way on the points
_VOXELS = 300_000  # about as many are in the first level, if the cloud has more points
_ASPECT = 4 / 3  # of the views


@dataclass(frozen=True, slots=True)
class PaintedScene:
    """What was done."""

    target: Path
    points: int
    seen: float
    """Share of the points that some view saw, 0 to 1; 1 for the way on the points."""
    seconds: float


def paint_scene(
    source: Path,
    target: Path,
    *,
    style: Styling,
    scene: SceneOptions = SceneOptions(),  # noqa: B008  # a frozen record
    paint: PaintOptions = PaintOptions(),  # noqa: B008
    orbit: Path | None = None,
    on_step: OnStep = lambda what, done, total: None,
) -> PaintedScene:
    """Paint the scene ``source`` into ``target``, of the same kind, and a flight around it into ``orbit``.

    Both appear together. Raises a ``VidstyleError`` if that is not possible; no file is then left.
    """
    begun = perf_counter()
    if source.suffix.lower() != target.suffix.lower():
        raise OptionError(f"{target} must end in {source.suffix}: a scene keeps its kind")
    outputs = [("the result", target), *([("--orbit", orbit)] if orbit else [])]
    check_outputs(outputs, [source, *(item for item in style_list(style) if isinstance(item, str | Path))])
    check_file_output(outputs[0], overwrite=scene.overwrite)
    film = None if orbit is None else check_target(orbit, WriteOptions(overwrite=scene.overwrite))
    if film is not None and film.is_stream:
        raise OptionError(f"--orbit {orbit} is a pipe; give the name of a file")
    device = choose_device(paint.device)
    file = read_scene(source)
    is_finite = np.asarray(np.isfinite(file.cloud.positions).all(axis=1))
    cloud = completed(_part(file.cloud, is_finite))
    seen = 1.0
    if scene.way == "points":
        colors = _on_the_points(cloud, style, scene, paint, on_step)
    else:
        colors, seen = _through_views(cloud, style, scene, paint, device, on_step)
        if seen == 0:
            raise InputError(f"{source}: no view sees a point; see --inside and --up")
    whole = np.zeros_like(file.cloud.positions) if file.cloud.colors is None else file.cloud.colors.copy()
    whole[is_finite] = colors
    with pending_scene(file, target, whole, kept=max(0.0, 1 - paint.strength)) as appear:
        if film is None:
            appear()
        else:
            write_orbit(
                cloud,
                colors,
                film,
                seconds=scene.orbit_seconds,
                size=scene.orbit_size,
                up=scene.up,
                is_inside=scene.inside,
                device=device,
                on_step=on_step,
                on_complete=appear,
            )
    return PaintedScene(target, len(cloud), seen, perf_counter() - begun)


def _through_views(
    cloud: Cloud,
    style: Styling,
    scene: SceneOptions,
    paint: PaintOptions,
    device: torch.device,
    on_step: OnStep,
) -> tuple[Floats, float]:
    size = (scene.view_size, round(scene.view_size * _ASPECT))
    cameras = path(shape_of(cloud.positions), scene.views, size, up=scene.up, is_inside=scene.inside)
    given: dict[str, object] = {item.name: getattr(paint, item.name) for item in fields(paint)}
    defaults = PaintOptions()
    options = {name: value for name, value in given.items() if value != getattr(defaults, name)}
    return painted_by_views(cloud, cameras, style, options, device, on_step=on_step)


def _on_the_points(
    cloud: Cloud, style: Styling, scene: SceneOptions, paint: PaintOptions, on_step: OnStep
) -> Floats:
    name = _ENGINE if paint.engine is None else paint.engine
    engine = load_engine(name, paint.weights, dict(paint.engine_option))
    if type(engine) is not WCT:
        raise OptionError(f"--way points runs the engine {_ENGINE} only; take --way views for {name}")
    if paint.style_track is not None or paint.mask is not None or paint.preserve_color:
        raise OptionError("--way points knows no style track, mask or --preserve-color; take --way views")
    pictures = style_list(style)
    weights = paint.style_weights or (1.0,) * len(pictures)
    if not pictures or len(weights) != len(pictures):
        raise OptionError(f"there are {len(pictures)} styles and {len(weights)} weights; give one for each")
    with torch.inference_mode():
        encoded = [engine.encode_style(to_tensor(load(picture))) for picture in pictures]
        mixed = engine.mix(encoded, [weight / sum(weights) for weight in weights])
    mixed = engine.at_strength(mixed, max(paint.strength, 1e-6))
    size = scene.voxel if scene.voxel is not None else _voxel_size(cloud)
    return painted_by_points(cloud, engine, mixed, size, up_vector(scene.up), on_step=on_step)


def _voxel_size(cloud: Cloud) -> float:
    """A size at which most voxels hold a point, but no more than ``_VOXELS`` are there."""
    assert cloud.radii is not None
    spacing = float(np.median(cloud.radii))
    # voxels on a surface: their number falls with the square of their size
    return 1.2 * spacing * float(max(1.0, (len(cloud) / _VOXELS) ** 0.5))


def _part(cloud: Cloud, kept: Array) -> Cloud:
    """The points of ``cloud`` that are ``kept`` (N,)."""
    if kept.all():
        return cloud
    names = [item.name for item in fields(cloud) if getattr(cloud, item.name) is not None]
    return replace(cloud, **{name: getattr(cloud, name)[kept] for name in names})
