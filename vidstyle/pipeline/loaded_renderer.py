"""The engine that options name, loaded and ready to paint."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from vidstyle.device import choose_device
from vidstyle.engines.base import chosen_engine, load_engine
from vidstyle.options import PaintOptions
from vidstyle.pipeline.prefetch import check_wanted
from vidstyle.registry import name_of_part
from vidstyle.rendering.renderer import Renderer
from vidstyle.runtimes.choice import choose_runtime

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedRenderer:
    """A renderer, and the names of what it paints with."""

    renderer: Renderer[Any, Any]
    engine: str
    runtime: str


def load_renderer(paint: PaintOptions) -> LoadedRenderer:
    """Load the engine of ``paint`` for its device, runtime, precision and sizes.

    Raises a ``VidstyleError`` for an invalid option, weights file or device.
    """
    device = choose_device(paint.device)
    part = chosen_engine(paint.engine, paint.weights, paint.quality_engine)
    engine = load_engine(part, paint.weights, dict(paint.engine_option))
    choice = choose_runtime(paint.runtime, engine, device)
    precision = choice.runtime.precision(paint.precision, device)
    renderer: Renderer[Any, Any] = Renderer(
        choice.runtime.prepared(engine, precision, device),
        device=device,
        precision=precision,
        working_size=paint.chosen_working_size,
        largest_share=paint.largest_share,
        on_step=check_wanted,
    )
    log.info("%s paints on %s in %s", name_of_part(part), device, renderer.number_format)
    log.info("inside a shot the network runs in %s (%s)", choice.runtime.info.title, choice.why)
    return LoadedRenderer(renderer, name_of_part(part), choice.name)
