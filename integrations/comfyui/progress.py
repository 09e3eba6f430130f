"""The progress bar of a node, with the newest frame as its preview, and the button that cancels."""

from __future__ import annotations

from time import monotonic

from comfy.model_management import throw_exception_if_processing_interrupted
from comfy_api.v0_0_2 import ComfyAPISync
from PIL import Image

from vidstyle import Pixels, Progress

_PAUSE = 1.0  # s between two previews


class NodeProgress:
    """Shows how far a node is; raises ComfyUI's exception once the user has cancelled."""

    def __init__(self) -> None:
        self._api = ComfyAPISync()
        self._shown = monotonic()

    def on_frame(self, progress: Progress) -> None:
        """A hook of vidstyle: a frame has been written."""
        done = progress.index + 1
        self.show(done, max(done, progress.info.frames or 0), progress.frame.pixels)

    def show(self, done: int, total: int, pixels: Pixels) -> None:
        """``done`` of ``total`` frames are painted, of which ``pixels`` (H, W, 3) is the newest."""
        throw_exception_if_processing_interrupted()
        preview = None
        if monotonic() - self._shown > _PAUSE:
            self._shown = monotonic()
            preview = Image.fromarray(pixels if pixels.itemsize == 1 else (pixels >> 8).astype("uint8"))
        self._api.execution.set_progress(value=done, max_value=total, preview_image=preview)
