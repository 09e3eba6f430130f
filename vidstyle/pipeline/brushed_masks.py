"""Masks that were brushed on some frames of a clip, carried through it: into a file, or frame by frame."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Unpack, cast

import numpy as np

from vidstyle.errors import OptionError
from vidstyle.flow.base import Array, FlowEstimator, auto_flow, load_flow
from vidstyle.frames import Frame, Pixels, check_pixels
from vidstyle.keyframes.carried_masks import MaskPlan, carried
from vidstyle.keyframes.clip_plan import place
from vidstyle.keyframes.moments import Masks, mask_moments
from vidstyle.options import MaskOptions, ReadOptions, WriteOptions, check_keywords, make_record
from vidstyle.options.empty_paths import check_not_empty
from vidstyle.options.keywords import MaskKeywords
from vidstyle.pipeline.frame_inputs import RATE, as_frame
from vidstyle.pipeline.plan import Stage, plan_run
from vidstyle.pipeline.report import OnFrame, RunReport
from vidstyle.pipeline.runner import option_values, run
from vidstyle.registry import name_of_part
from vidstyle.temporal.base import StylizedFrame
from vidstyle.temporal.compositing import MaskWeights
from vidstyle.video.reading.reader import Reader
from vidstyle.video.stills import load_image
from vidstyle.video.writing.target import default_target
from vidstyle.video.writing.writer import Writer

log = logging.getLogger(__name__)

_CODEC = "ffv1"  # lossless: a mask is exact where it was brushed


def propagate_mask(
    clip: str | Path,
    masks: Masks,
    target: str | Path | None = None,
    *,
    on_frame: OnFrame | None = None,
    **options: Unpack[MaskKeywords],
) -> RunReport:
    """Carry ``masks``, each of one frame of ``clip``, through the shots that they belong to.

    The result, a lossless grey clip without sound and with the clip's frame times, is taken by ``mask`` of
    ``stylize_video``. It is ``target``, or ``<clip>_mask.mkv``. The clip is read twice. Raises a
    ``VidstyleError`` if that is not possible.

    Args:
        masks: by time, as the keyframes of ``propagate``: files, or pixels (H, W) or (H, W, 3) uint8 or
            uint16. White is painted at ``strength``, black is kept, grey between: to brush up to 1.5, paint
            with ``strength=1.5`` and brush 1.0 as the grey of 2/3. A mask of another size is resized.
        on_frame: as in ``stylize_video``; its frames are the masks.
        options: how masks are carried, and the part of the clip that is read; see ``vidstyle.options``.
    """
    check_not_empty(clip=clip, target=target)
    check_keywords(options, MaskOptions, ReadOptions)
    read, mask_options = make_record(ReadOptions, options), make_record(MaskOptions, options)
    write = WriteOptions(codec=_CODEC, overwrite=mask_options.overwrite)
    moments = mask_moments(masks)
    files = [moment.path for moment in moments if moment.path is not None]
    result = Path(target) if target is not None else default_target(Path(clip), "mask", write)

    def load() -> Stage[Frame]:
        flow = load_flow(mask_options.flow, "cpu")
        pictures = {moment: _as_mask(moment.picture) for moment in moments}
        with Reader(clip, read) as reader:
            placed = place(reader, moments)
        if placed.bare:
            log.warning(
                "no mask in the shot%s from %s: %g everywhere",
                "s" if "," in placed.bare else "",
                placed.bare,
                mask_options.elsewhere,
            )
        chosen = {index: pictures[moment] for index, moment in placed.moments.items()}
        plan = MaskPlan(placed.shots, chosen, placed.sources)

        def results(frames: Iterable[Frame]) -> Iterator[StylizedFrame]:
            last = -1
            with closing(carried(frames, plan, elsewhere=mask_options.elsewhere, flow=flow)) as items:
                for index, (frame, mask) in enumerate(items):
                    shot = int(plan.shots[index]) if index < len(plan.shots) else last
                    yield StylizedFrame(replace(frame, pixels=_grey(mask), alpha=None), shot != last, 0.0)
                    last = shot

        is_auto = mask_options.flow == "auto"
        values = {
            "masks": [moment.name for moment in moments],
            **option_values(mask_options, read),
            "flow": auto_flow("cpu") if is_auto else name_of_part(mask_options.flow),
        }
        return Stage(results, values)

    plan = plan_run(lambda: Reader(clip, read), result, load, inputs=[Path(clip), *files], write=write)
    return run(
        plan,
        on_frame=on_frame,
        open_writer=lambda info: Writer(plan.output, like=replace(info, has_alpha=False, bits=8)),
    )


def carried_masks(
    frames: Sequence[Frame] | Sequence[Pixels],
    masks: Mapping[int, Pixels],
    *,
    elsewhere: float = 0.0,
    flow: FlowEstimator | None = None,
) -> Generator[MaskWeights, None, None]:
    """The mask (H, W) float32 in [0, 1] of each of ``frames``, in order.

    For a part of a clip that is in memory, like some frames around the one that was brushed. A mask does not
    pass a cut. Raises ``OptionError`` for a mask that belongs to none of the frames, and for other pixels.

    Args:
        frames: in order of time, (H, W, 3) uint8 or uint16, or ``Frame``s.
        masks: (H, W) or (H, W, 3), uint8 or uint16, by the number of the frame, from 0.
        elsewhere: the mask, 0 to 1, of shots without one.
        flow: estimates motion on the CPU; None: the default one.
    """
    MaskOptions(elsewhere=elsewhere)  # raises for what is out of range
    step = 1 / RATE
    timed = [as_frame(item, number * step, step) for number, item in enumerate(frames)]
    if not isinstance(masks, Mapping):
        raise OptionError(
            f"masks must be pixels by the number of the frame, like {{0: mask}}, got {type(masks).__name__}"
        )
    moments = mask_moments({f"#{number}": mask for number, mask in masks.items()})
    placed = place(timed, moments)
    chosen = {index: _as_mask(moment.picture) for index, moment in placed.moments.items()}
    plan = MaskPlan(placed.shots, chosen, placed.sources)
    for _, mask in carried(timed, plan, elsewhere=elsewhere, flow=flow):
        yield mask


def _as_mask(picture: Path | Array) -> Frame:
    """A mask's picture; raises ``InputError`` for a file that is none, ``OptionError`` for other pixels."""
    if isinstance(picture, Path):
        return load_image(picture)
    pixels = np.dstack([picture] * 3) if picture.ndim == 2 else picture
    try:
        check_pixels(pixels)
    except ValueError:
        raise OptionError(
            f"a mask must be (H, W) or (H, W, 3) uint8 or uint16, got {picture.shape} {picture.dtype}"
        ) from None
    return Frame(cast(Pixels, pixels))


def _grey(mask: MaskWeights) -> Pixels:
    grey = np.rint(mask * 255).astype(np.uint8)
    return np.dstack([grey] * 3)
