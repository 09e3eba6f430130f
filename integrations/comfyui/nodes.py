"""The nodes: paint a video or frames, steady painted frames, propagate keyframes, mix styles."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.v0_0_2 import ComfyExtension, io

import vidstyle

from .inputs import STYLE, option_inputs, style_inputs
from .progress import NodeProgress
from .video_files import (
    as_video,
    clip_file,
    pixels_of,
    result_file,
    save_mask,
    save_pictures,
    work_folder,
)

_CATEGORY = "video/vidstyle"
_MIXED = 4  # pictures that Style Mix takes
_PAINT = ("quality", "strength", "detail", "stability", "preserve_color")


class PaintVideo(io.ComfyNode):
    """A VIDEO painted in a style, with its sound and exact times; memory does not grow with its length."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="VidstylePaintVideo",
            display_name="Paint Video",
            category=_CATEGORY,
            description="Paints a video in the style of a picture, without flicker.",
            inputs=[
                io.Video.Input("video"),
                *style_inputs(),
                *option_inputs(*_PAINT),
                io.Mask.Input("mask", optional=True, tooltip="white is painted, black is kept"),
            ],
            outputs=[io.Video.Output(display_name="video")],
        )

    @classmethod
    def execute(
        cls, video: Any, style: str, picture: Any = None, mix: Any = None, mask: Any = None, **options: Any
    ) -> Any:
        chosen, weights = _styling(style, picture, mix)
        target = result_file()
        with work_folder() as folder:
            clip, part = clip_file(video, folder)
            vidstyle.stylize_video(
                clip,
                target,
                style=chosen,
                style_weights=weights,
                mask=None if mask is None else save_mask(mask, folder),
                segments="off",  # an interrupted run leaves nothing
                on_frame=NodeProgress().on_frame,
                **part,
                **options,
            )
        return io.NodeOutput(as_video(target))


class PaintFrames(io.ComfyNode):
    """An IMAGE batch, the frames of a clip in their order, painted in a style."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="VidstylePaintFrames",
            display_name="Paint Frames",
            category=_CATEGORY,
            description="Paints the frames of a clip, without flicker. Paint Video needs less memory.",
            inputs=[io.Image.Input("images"), *style_inputs(), *option_inputs(*_PAINT)],
            outputs=[io.Image.Output(display_name="images")],
        )

    @classmethod
    def execute(
        cls, images: torch.Tensor, style: str, picture: Any = None, mix: Any = None, **options: Any
    ) -> Any:
        chosen, weights = _styling(style, picture, mix)
        progress = NodeProgress()
        result = torch.empty((*images.shape[:3], 3))
        frames = vidstyle.stylize_frames(pixels_of(images), style=chosen, style_weights=weights, **options)
        for number, pixels in enumerate(frames):
            result[number] = torch.from_numpy(pixels) / 255
            progress.show(number + 1, len(images), pixels)
        return io.NodeOutput(result)


class SteadyFrames(io.ComfyNode):
    """Frames that another node painted one by one, without their flicker."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="VidstyleSteadyFrames",
            display_name="Steady Frames",
            category=_CATEGORY,
            description="Removes the flicker of a clip that other nodes painted frame by frame.",
            inputs=[
                io.Video.Input("video", tooltip="the clip before it was painted"),
                io.Image.Input("painted", optional=True, tooltip="its painted frames, all of them"),
                io.Video.Input("painted_video", optional=True, tooltip="or the painted clip"),
                *option_inputs("detail", "stability"),
            ],
            outputs=[io.Video.Output(display_name="video")],
        )

    @classmethod
    def execute(cls, video: Any, painted: Any = None, painted_video: Any = None, **options: Any) -> Any:
        if (painted is None) == (painted_video is None):
            raise ValueError("Steady Frames needs what was painted: connect painted or painted_video")
        target = result_file()
        with work_folder() as folder:
            clip, part = clip_file(video, folder)
            if painted is None:
                source, other = clip_file(painted_video, folder)
                if part or other:
                    raise ValueError("Steady Frames takes whole videos: trim its result, not its inputs")
            else:
                source = folder / "painted"
                save_pictures(painted, source)
                if "start" in part:
                    raise ValueError("Steady Frames takes a video from its start: trim its result")
            vidstyle.steady(clip, source, target, on_frame=NodeProgress().on_frame, **part, **options)
        return io.NodeOutput(as_video(target))


class PropagateKeyframes(io.ComfyNode):
    """Painted frames carried through the rest of a clip."""

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema(
            node_id="VidstylePropagateKeyframes",
            display_name="Propagate Keyframes",
            category=_CATEGORY,
            description="Carries frames that were painted by hand or by other nodes through a clip.",
            inputs=[
                io.Video.Input("video"),
                io.Image.Input("keyframes", tooltip="the painted frames"),
                io.String.Input(
                    "times",
                    default="0",
                    tooltip="the time of each, with commas between: seconds, h:m:s, or #90 for frame 90",
                ),
                *option_inputs("detail", "strength", "preserve_color"),
            ],
            outputs=[io.Video.Output(display_name="video")],
        )

    @classmethod
    def execute(cls, video: Any, keyframes: torch.Tensor, times: str, **options: Any) -> Any:
        names = [name.strip() for name in times.split(",") if name.strip()]
        if len(names) != len(keyframes):
            raise ValueError(
                f"Propagate Keyframes has {len(keyframes)} pictures but {len(names)} times ({times}); "
                "give one time for each"
            )
        target = result_file()
        with work_folder() as folder:
            clip, part = clip_file(video, folder)
            pictures = dict(zip(names, save_pictures(keyframes, folder / "keyframes"), strict=True))
            hook = NodeProgress().on_frame
            vidstyle.propagate(clip, pictures, target, on_frame=hook, **part, **options)
        return io.NodeOutput(as_video(target))


class StyleMix(io.ComfyNode):
    """Several pictures with weights, as one style."""

    @classmethod
    def define_schema(cls) -> Any:
        inputs = []
        for number in range(1, _MIXED + 1):
            inputs += [
                io.Image.Input(f"picture_{number}", optional=number > 1),
                io.Float.Input(f"weight_{number}", default=1.0, min=0.0, max=10.0, step=0.05),
            ]
        return io.Schema(
            node_id="VidstyleStyleMix",
            display_name="Style Mix",
            category=_CATEGORY,
            description="Mixes styles. A batch of pictures shares the weight of its input.",
            inputs=inputs,
            outputs=[STYLE.Output(display_name="mix")],
        )

    @classmethod
    def execute(cls, **inputs: Any) -> Any:
        mix = []
        for number in range(1, _MIXED + 1):
            batch, weight = inputs.get(f"picture_{number}"), inputs[f"weight_{number}"]
            if batch is not None and weight:
                mix += [(pixels, weight / len(batch)) for pixels in pixels_of(batch)]
        if not mix:
            raise ValueError("Style Mix needs a picture whose weight is above 0")
        return io.NodeOutput(mix)


class Nodes(ComfyExtension):
    """All nodes of vidstyle."""

    async def get_node_list(self) -> list[Any]:
        return [PaintVideo, PaintFrames, SteadyFrames, PropagateKeyframes, StyleMix]


async def comfy_entrypoint() -> Nodes:
    """What ComfyUI calls when it loads the folder."""
    return Nodes()


def _styling(style: str, picture: Any, mix: Any) -> tuple[list[Any], list[float] | None]:
    """Styles and weights: a mix if there is one, or else a picture, or else the bundled style."""
    if mix is not None:
        return [pixels for pixels, _ in mix], [weight for _, weight in mix]
    return (list(pixels_of(picture)) if picture is not None else [style]), None
